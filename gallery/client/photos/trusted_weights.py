"""Trust in weights files: by a known hash, or by the one remembered on first use.

Weights decide whom a photo shows, and some formats hold programs. DeepFace loads any file that it
finds. The good hash of some files is known; nobody has published one for the others. Those are
accepted when their owner says so, and then the hash is remembered, so that another file under the
same name is noticed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, unique
from pathlib import Path
from typing import Final

from gallery.client.atomic_file import atomic_write
from gallery.client.photos.face_model import WeightsFile
from gallery.errors import WeightsError
from gallery.hints import Hint
from gallery.home_folder import require_home_folder

_VERSION: Final = 1
_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class UnknownWeights:
    """A weights file of which no hash is known.

    Attributes
    ----------
    path
        The file.
    sha256
        Its hash in hex.
    origin
        Where the file is from if it was downloaded: the first address that is tried.
    """

    path: Path
    sha256: str
    origin: str


@unique
class Trust(Enum):
    """The trust in the bytes of a weights file."""

    KNOWN = "known"
    """They have the hash of the one good file."""
    TRUSTED = "trusted"
    """They have the hash that their owner trusted."""
    UNKNOWN = "unknown"
    """No hash is known, and nobody has trusted any."""
    WRONG = "wrong"
    """They have another hash than the one that is known or trusted."""


Accept = Callable[[UnknownWeights], bool]
"""Says whether a weights file of which no hash is known is trusted from now on."""


class TrustedWeights:
    """The weights files that an owner trusts, in a file of the owner.

    Parameters
    ----------
    path
        The file, JSON; None for ``trusted-weights.json`` in the user's data folder.
    accept
        Asked about each file of which no hash is known or remembered; True trusts all of them, and
        by default none is trusted.
    """

    def __init__(self, path: Path | None = None, *, accept: Accept | bool = False) -> None:
        self._path = path
        self._accept = accept

    @property
    def given_path(self) -> Path | None:
        """The file as it was given, None for the one in the user's data folder."""
        return self._path

    @property
    def path(self) -> Path:
        """The file (`MachineError` if none is given and there is no home folder)."""
        if self._path is None:
            import platformdirs

            if not os.environ.get("XDG_DATA_HOME"):
                require_home_folder("the record of trusted weights", "XDG_DATA_HOME")
            data = platformdirs.user_data_path("encrypted-face-gallery", appauthor=False)
            self._path = data / "trusted-weights.json"
        return self._path

    def check(self, file: WeightsFile, path: Path) -> str:
        """Check a weights file before it is loaded.

        Parameters
        ----------
        file
            What it should be.
        path
            Where it is.

        Returns
        -------
        str
            Its SHA-256 in hex.

        Raises
        ------
        WeightsError
            If it cannot be read, is not the one that is known or trusted, or nobody trusts it.
        """
        found = sha256_of(path)
        self.require(file, path, found)
        return found

    def judge(self, file: WeightsFile, sha256: str) -> Trust:
        """Return the trust in a file with this hash; nobody is asked, nothing is remembered.

        Raises
        ------
        WeightsError
            If the record of trusted weights cannot be read.
        """
        if file.sha256 is not None:
            return Trust.KNOWN if sha256 == file.sha256 else Trust.WRONG
        trusted = self._read().get(file.name)
        if trusted is None:
            return Trust.UNKNOWN
        return Trust.TRUSTED if sha256 == trusted else Trust.WRONG

    def require(self, file: WeightsFile, path: Path, sha256: str) -> None:
        """Check a weights file of which the hash is known; as `check`."""
        trust = self.judge(file, sha256)
        if trust is Trust.UNKNOWN:
            self._ask(UnknownWeights(path, sha256, file.urls[0]))
            self._write({**self._read(), file.name: sha256})
        elif trust is Trust.WRONG and file.sha256 is not None:
            raise WeightsError(
                f"The weights file {path} is damaged or another version: its SHA-256 is "
                f"{sha256}, expected {file.sha256}. Delete it and try again."
            )
        elif trust is Trust.WRONG:
            raise WeightsError(
                f"The weights file {path} is not the one that was trusted before: its SHA-256 is "
                f"{sha256}, trusted is {self._read()[file.name]}. Put the former one back; if this "
                f"one is there on purpose, take its name out of {self.path}"
            )

    def _ask(self, unknown: UnknownWeights) -> None:
        accepted = self._accept if isinstance(self._accept, bool) else self._accept(unknown)
        if not accepted:
            raise WeightsError(
                f"No hash is known of the weights file {unknown.path}, so nobody can tell whether "
                f"it is the right one; its SHA-256 is {unknown.sha256}. Compare it with one that "
                "you trust, such as that of a colleague's file",
                hint=Hint.TRUST_WEIGHTS,
            )

    def _read(self) -> dict[str, str]:
        try:
            content = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from error
        except ValueError as error:
            raise self._unusable("it is not JSON") from error
        weights = content.get("weights") if isinstance(content, dict) else None
        if not isinstance(weights, dict) or content.get("version") != _VERSION:
            raise self._unusable(f"it is not of version {_VERSION}")
        if not all(isinstance(item, str) and _SHA256.fullmatch(item) for item in weights.values()):
            raise self._unusable("it holds something else than hashes")
        return weights

    def _write(self, weights: dict[str, str]) -> None:
        content = {"version": _VERSION, "weights": dict(sorted(weights.items()))}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with atomic_write(self.path, overwrite=True) as file:
                file.write(json.dumps(content, indent=2).encode() + b"\n")
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from error

    def _unusable(self, reason: str) -> WeightsError:
        return WeightsError(
            f"The file {self.path}, which remembers trusted weights, cannot be used: {reason}"
        )


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hex (`WeightsError` if it cannot be read)."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"The weights file {path} cannot be read: {error}") from error
