"""A folder as a browser sends it, file by file: labels of photos, and entries passed over.

The rules are those of `gallery.client.find_photos`, but paths are only names here: nothing of them
is looked for on this machine.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gallery.client.integrity.labels import normalize_label
from gallery.client.photos.folder_walk import HIDDEN, IGNORED, LITTER, NO_PHOTO
from gallery.client.photos.formats import HEAD_BYTES, named_as_photo, picture_format
from gallery.client.photos.ignore_rules import IGNORE_FILE, IgnoreRules
from gallery.client.photos.litter import is_hidden, is_litter
from gallery.desk.errors import TooLargeError
from gallery.desk.folders.tally import Tally
from gallery.desk.texts import english
from gallery.errors import InvalidLabelError, SourceError

LARGEST_RULES: Final = 64 * 2**10
"""Bytes of one file of patterns."""

_MOST_RULES = 200
_MOST_FOLDERS = 100_000
"""Folders of which it is remembered that they were passed over, or whom they hold photos of."""

_RULES_KEPT = 1000
"""Folders whose rules need not be put together again; a path of many parts takes some KiB."""

_MOST_PATTERNS = 300
"""Lines of all files of patterns together; each is compared with each path."""

_MOST_STARS = 3
"""Asterisks of a pattern, but those of ``**/`` before it and ``/**`` behind it. What a comparison
takes grows with a power of the number of ``/**/``, and nobody else is served meanwhile."""

_LONGEST_PATH, _LONGEST_NAME, _DEEPEST = 2048, 255, 32
"""Characters of a path and of one of its parts, and how many parts it has."""


class SentFolder:
    """The part of a folder that was sent so far.

    Attributes
    ----------
    passed_over
        How many files and folders were passed over, by reason; what is in such a folder does not
        count.
    failures
        Path of each photo that cannot be taken, and why.
    """

    def __init__(self) -> None:
        self.passed_over: Counter[str] = Counter()
        self.failures: Tally[tuple[str, str]] = Tally()
        self._patterns: dict[Path, bytes] = {}
        self._lines = 0
        self._rules_of: dict[Path, IgnoreRules] = {}
        self._passed: set[bytes] = set()
        self._photos_of: dict[str, bool] = {}

    def add_patterns(self, path: str, content: bytes) -> None:
        """Take a file of patterns; they must come before what they are for.

        Raises
        ------
        SourceError
            If a line is no pattern, or one with too many asterisks.
        TooLargeError
            If it is longer than `LARGEST_RULES`, or there are too many, or too many lines.
        """
        lines = content.count(b"\n") + 1
        if (
            len(content) > LARGEST_RULES
            or len(self._patterns) >= _MOST_RULES
            or self._lines + lines > _MOST_PATTERNS
            or _is_long(path)
        ):
            raise TooLargeError(english()("folder.patterns.large", name=IGNORE_FILE))
        _check_stars(path, content)
        self._lines += lines
        folder = Path(*_parts(path)[:-1])
        IgnoreRules().with_patterns(folder, content)
        self._patterns[folder] = content
        self._rules_of.clear()

    def wants(self, path: str) -> bool:
        """Tell whether a file is to be looked at, by its path; if not, that is counted."""
        parts = _parts(path)
        if _is_long(path):
            self.failures.add((path[:100] + "…", english()("folder.path.long")))
            return False
        if not parts or parts[-1] == IGNORE_FILE:
            return False
        for depth in range(1, len(parts)) if len(parts) > 1 else [0]:
            is_folder = depth < len(parts) - 1
            reason = self._reason(parts[: depth + 1], is_folder=is_folder)
            if reason is not None:
                self._pass_over("/".join(parts[: depth + 1]), reason)
                return False
            if is_folder and depth == 1 and len(self._photos_of) < _MOST_FOLDERS:
                self._photos_of.setdefault(parts[1], False)
        return True

    def label_of(self, path: str, head: bytes) -> str | None:
        """Return the label of a photo; None if it is no photo, or cannot be taken, which is kept.

        Parameters
        ----------
        path
            From the folder's own name on, with ``/`` between the parts.
        head
            The beginning of the file, `HEAD_BYTES` or more of it.
        """
        parts = _parts(path)
        if not parts:
            return None
        if not named_as_photo(Path(parts[-1]).suffix) and not picture_format(head[:HEAD_BYTES]):
            self._pass_over("/".join(parts), NO_PHOTO)
            return None
        if len(parts) < 3:
            self.failures.add((path, english()("folder.loose")))
            return None
        self._photos_of[parts[1]] = True
        try:
            return normalize_label(parts[1])
        except InvalidLabelError as error:
            self.failures.add((path, error.message))
            return None

    def end(self) -> None:
        """Count the people of whom no photo was found."""
        for person, has_photos in sorted(self._photos_of.items()):
            if not has_photos:
                self.failures.add((person, english()("folder.nophotos")))
        self._photos_of.clear()

    def passed_over_in_words(self) -> Mapping[str, int]:
        """Return the numbers of entries passed over, by reason, the most frequent first."""
        return dict(self.passed_over.most_common())

    def _reason(self, parts: list[str], *, is_folder: bool) -> str | None:
        name = parts[-1]
        if is_hidden(name):
            return HIDDEN
        if is_litter(name):
            return LITTER
        if self._patterns and self._rules(Path(*parts[:-1])).ignore(
            Path(*parts), is_folder=is_folder
        ):
            return IGNORED
        return None

    def _rules(self, folder: Path) -> IgnoreRules:
        if folder in self._rules_of:
            return self._rules_of[folder]
        rules = self._rules(folder.parent) if folder.parent != folder else IgnoreRules()
        if folder in self._patterns:
            rules = rules.with_patterns(folder, self._patterns[folder])
        if len(self._rules_of) < _RULES_KEPT:
            self._rules_of[folder] = rules
        return rules

    def _pass_over(self, path: str, reason: str) -> None:
        # A digest, since there may be many, and each path may be long.
        known = hashlib.blake2b(path.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if known in self._passed:
            return
        if len(self._passed) < _MOST_FOLDERS:
            self._passed.add(known)
        self.passed_over[reason] += 1


def _is_long(path: str) -> bool:
    parts = path.split("/")
    return (
        len(path) > _LONGEST_PATH or len(parts) > _DEEPEST or max(map(len, parts)) > _LONGEST_NAME
    )


def _check_stars(path: str, content: bytes) -> None:
    """Refuse a pattern that would take long to compare with a path (`SourceError`)."""
    for number, line in enumerate(content.split(b"\n"), start=1):
        pattern = line.strip().removeprefix(b"!").removeprefix(b"**/").removesuffix(b"/**")
        if pattern.count(b"*") > _MOST_STARS and not pattern.startswith(b"#"):
            raise SourceError(
                english()("folder.patterns.stars", path=path, number=number, most=_MOST_STARS)
            )


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]
