"""The destination of a search's results: a file, a table for people or programs, drawn copies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gallery.commands.counts import counted
from gallery.commands.drawn_copies import DrawnCopies
from gallery.commands.identified import print_found, tell_of_results, was_searched
from gallery.commands.output import print_identification
from gallery.commands.photo_arguments import GivenPhotos
from gallery.commands.photo_folders import tell_passed_over
from gallery.commands.records import TableFormat
from gallery.commands.settings import Settings

if TYPE_CHECKING:
    from gallery.client import ResultFile, Results


@dataclass(frozen=True, eq=False)
class Destination:
    """The destination of the results of a search.

    Attributes
    ----------
    form
        The table for programs on standard output, or None.
    output, file
        The file for results, or None.
    copies
        The folder of drawn copies, or None.
    """

    form: TableFormat | None
    output: Path | None
    file: ResultFile | None
    copies: DrawnCopies | None

    @classmethod
    def chosen(
        cls,
        form: TableFormat | None,
        output: Path | None,
        force: bool,
        drawn: Path | None,
        of_photos: bool,
    ) -> Destination:
        """Check what was chosen, before anything is searched."""
        from gallery.client import ResultFile

        if output is not None and form is not None:
            raise click.UsageError(f"--{form} is for standard output, --output for a file")
        if output is None and force:
            raise click.UsageError("--force belongs to --output")
        if drawn is not None and not of_photos:
            raise click.UsageError("--draw is for photos")
        file = None if output is None else ResultFile(output, overwrite=force)
        return cls(form, output, file, None if drawn is None else DrawnCopies(drawn))

    def show(self, settings: Settings, done: Results, photos: GivenPhotos, top: int) -> None:
        """Write and print results, and say what they rest on."""
        if self.file is not None:
            self.file.write(done)
        elif self.form is not None:
            print_found(done, self.form)
        else:
            print_identification(done)
        if self.copies is not None:
            self.copies.draw(settings, photos.photos, done)
        if self.form is None:
            _say(settings, done, self.output)
        _say_what_is_ambiguous(settings, done, top)
        tell_of_results(settings, done, "not searched")
        tell_passed_over(settings, photos.passed_over)


def _say(settings: Settings, results: Results, output: Path | None) -> None:
    """Print the threshold, the age of the state and the counts, and the file of the results."""
    from gallery.client.integrity.clock import age_in_words

    found = results.found
    if was_searched(results):
        settings.notice(
            f"threshold {found.threshold:g} ({found.limit.origin}), metric {found.metric}, "
            f"{counted(int(found.searched.max()), 'reference')} searched"
        )
        settings.detail(f"age of the gallery's state: {age_in_words(found.age)}")
    if output is not None:
        matches = int(found.decisions.sum())
        failed = f", {len(results.failures)} failed" if results.failures else ""
        settings.notice(
            f"{counted(len(found), 'probe')}, {matches} matches{failed}, written to {output}"
        )


def _say_what_is_ambiguous(settings: Settings, done: Results, top: int) -> None:
    """Name the first probe that more than one person matches, and count the others."""
    ambiguous = done.found.ambiguous.nonzero()[0].tolist()
    if not ambiguous:
        return
    row = ambiguous[0]
    (record,) = done.records(row, 1)
    more = "" if len(ambiguous) == 1 else f", and {len(ambiguous) - 1:,} other probes likewise"
    advice = "" if top > 1 else "; --top 5 shows who else is near"
    settings.notice(
        f"ambiguous: probe {done.name(row)} matches {record['label']!r}, but "
        f"{record['second_label']!r} too (distances {record['distance']:g} and "
        f"{record['second_distance']:g}, threshold {record['threshold']:g}){more}{advice}"
    )
