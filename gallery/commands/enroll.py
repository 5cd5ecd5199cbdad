"""``gallery enroll``: enroll photos or ready embeddings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gallery.commands.main import EXIT_PARTIAL
from gallery.commands.settings import Settings, common_options

if TYPE_CHECKING:
    from gallery.client import GalleryClient, LabelledPhoto, PhotoFailure, SourceKind

_EPILOG = """
\b
Examples:
  gallery enroll ada.jpg --label "Ada Lovelace"
  gallery enroll people/            one sub-folder of photos per person
  gallery enroll embeddings.npz     arrays "embeddings" (n, d) and "labels" (n,)
"""


@click.command("enroll", epilog=_EPILOG)
@click.argument(
    "sources",
    metavar="SOURCE...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
)
@click.option("--label", help="Whom single photos show.")
@click.option("--replace", is_flag=True, help="Erase the references that these people had before.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with the counts.")
@common_options
def command(
    settings: Settings,
    sources: tuple[Path, ...],
    label: str | None,
    replace: bool,
    as_json: bool,
) -> int:
    """Enroll photos with a label, folders of photos, or files of embeddings.

    What is enrolled already is skipped, so an interrupted run is finished by running it again.
    Photos without exactly one face are reported and left out; the exit code is 1 then.
    """
    from gallery.client import SourceKind, kind_of

    kinds = {path: kind_of(path) for path in sources}
    photos = [path for path, kind in kinds.items() if kind is SourceKind.PHOTO]
    if photos and label is None:
        raise click.UsageError(f"{photos[0]} is a photo: say with --label whom it shows")
    if label is not None and len(photos) < len(kinds):
        raise click.UsageError("--label is for photos; folders and .npz files bring their labels")
    tally = _Tally()
    with settings.open_client() as client:
        for path, kind in kinds.items():
            if kind is SourceKind.EMBEDDINGS:
                _enroll_embeddings(settings, client, path, replace, tally)
        _enroll_photos(settings, client, _labelled(kinds, label), replace, tally)
    tally.report(settings, as_json)
    return EXIT_PARTIAL if tally.failures else 0


class _Tally:
    """Counts over all sources."""

    def __init__(self) -> None:
        self.enrolled = 0
        self.skipped = 0
        self.failures: list[PhotoFailure] = []

    def report(self, settings: Settings, as_json: bool) -> None:
        for failure in self.failures:
            settings.notice(f"not enrolled: {failure.path}: {failure.reason}")
        settings.notice(
            f"{self.enrolled} enrolled, {self.skipped} enrolled before, {len(self.failures)} failed"
        )
        if as_json:
            failures = [{"path": str(item.path), "reason": item.reason} for item in self.failures]
            counts = {"enrolled": self.enrolled, "skipped": self.skipped, "failed": len(failures)}
            click.echo(json.dumps({**counts, "failures": failures}, ensure_ascii=False))


def _labelled(kinds: dict[Path, SourceKind], label: str | None) -> list[LabelledPhoto]:
    from gallery.client import LabelledPhoto, SourceKind, find_photos

    found: list[LabelledPhoto] = []
    for path, kind in kinds.items():
        if kind is SourceKind.FOLDER:
            found += find_photos(path)
        elif kind is SourceKind.PHOTO and label is not None:
            found.append(LabelledPhoto(path, label))
    return found


def _enroll_embeddings(
    settings: Settings, client: GalleryClient, path: Path, replace: bool, tally: _Tally
) -> None:
    from gallery.client import read_embeddings

    source = read_embeddings(path, need_labels=True)
    with settings.progress(f"enrolling {path.name}", len(source.embeddings)) as advance:
        done = client.enroll(
            source.embeddings,
            source.labels,
            model=source.model,
            replace=replace,
            progress=advance,
        )
    tally.enrolled += int(done.added.sum())
    tally.skipped += int((~done.added).sum())


def _enroll_photos(
    settings: Settings,
    client: GalleryClient,
    photos: list[LabelledPhoto],
    replace: bool,
    tally: _Tally,
) -> None:
    if not photos:
        return
    with settings.progress("enrolling photos", len(photos)) as advance:
        done = client.enroll_photos(photos, replace=replace, progress=advance)
    tally.enrolled += len(done.added)
    tally.skipped += len(done.skipped)
    tally.failures += done.failures
