"""``gallery cluster``: group the faces of photos that match nobody."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gallery.commands.counts import counted
from gallery.commands.enrollment_checks import quality_figures
from gallery.commands.hints import worded
from gallery.commands.main import EXIT_PARTIAL
from gallery.commands.options import common_options, json_option, search_threshold_option
from gallery.commands.output import print_table
from gallery.commands.paths import NamedPath
from gallery.commands.photo_folders import passed_over_records, tell_passed_over
from gallery.commands.photo_processes import jobs_option
from gallery.commands.records import TableFormat, chosen_format, csv_option, print_records
from gallery.commands.settings import Settings
from gallery.commands.terminal import print_json
from gallery.commands.trust_weights import trust_weights_option

if TYPE_CHECKING:
    from gallery.client import FoundPhotos, PhotoFailure, UnknownFaces, WrittenFace

_EPILOG = """
\b
Examples:
  gallery cluster holidays/ --to strangers
  mv "strangers/unknown 1" "strangers/Ada Lovelace"
  gallery sync strangers               enrolls the groups that have a name
"""


_COLUMNS = (
    "probe",
    "face",
    "left",
    "top",
    "width",
    "height",
    "group",
    "picture",
    "face_size",
    "face_size_used",
    "confidence",
    "sharpness",
    "grey_levels",
    "roll",
    "yaw",
    "warnings",
)


@click.command("cluster", epilog=_EPILOG)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--to",
    "target",
    type=NamedPath(file_okay=False, path_type=Path),
    default=Path("unknown-faces"),
    show_default=True,
    help="Folder to write the groups into; it is made, and must be empty.",
)
@click.option(
    "--min-faces",
    type=click.IntRange(min=2),
    default=2,
    show_default=True,
    help="Least number of faces of a group.",
)
@search_threshold_option()
@json_option("Print a JSON object with every face, its group and its picture.")
@csv_option("face")
@jobs_option
@trust_weights_option
@common_options
def command(
    settings: Settings,
    folder: Path,
    target: Path,
    min_faces: int,
    threshold: float | str | None,
    as_json: bool,
    as_csv: bool,
) -> int:
    """Group the faces in and below a folder of photos that match nobody in the gallery.

    A photo may show any number of faces. Those that match nobody, but each other, are put together,
    and a picture of each is written into a folder for its group: give a folder its person's name,
    and gallery sync or gallery enroll enrolls it. Groups without a name, and faces that match no
    other one (the folder "alone"), are not enrolled. The folder "overview" has a sheet of
    thumbnails of each group, with a frame around each face, to look through; it is not enrolled
    either.

    The gallery is searched with each face, which a server can count. The grouping is done on this
    machine. The pictures are not encrypted: delete them when they are no longer needed.
    """
    from gallery.client import GroupFolders, find_probe_photos

    form = chosen_format(as_json, as_csv)
    photos = find_probe_photos(folder)
    if target.resolve().is_relative_to(folder.resolve()):
        raise click.UsageError(f"--to must not lie within {folder}: its pictures would be photos")
    with settings.open_client() as client:
        client.threshold(threshold)
        folders = GroupFolders(target)
        with settings.progress("looking for faces", len(photos)) as advance:
            found = client.unknown_faces(photos, threshold, least=min_faces, progress=advance)
        count = sum(map(len, found.groups)) + len(found.alone)
        with settings.progress("writing pictures", count) as advance:
            written = folders.write(found, progress=advance)
    sheets = {item.group: str(folders.overview(item.group)) for item in written}
    failures = [*photos.failures, *found.failures]
    _report(settings, photos, found, failures)
    if form is TableFormat.JSON:
        print_json(_record(photos, found, failures, written, target) | {"overviews": sheets})
    elif form is TableFormat.CSV:
        print_records(form, _COLUMNS, map(_cells, written))
    elif written:
        groups = Counter(item.group for item in written)
        rows = [(str(target / name), f"{count:,}") for name, count in sorted(groups.items())]
        print_table(("folder", "faces"), rows, right=(1,))
        settings.notice(f"to look through: {Path(next(iter(sheets.values()))).parent}")
    return EXIT_PARTIAL if failures else 0


def _report(
    settings: Settings,
    photos: FoundPhotos[Path],
    found: UnknownFaces,
    failures: list[PhotoFailure],
) -> None:
    for item in failures:
        settings.notice(f"not looked at: {item.path}: {worded(item.reason, item.hint)}")
    tell_passed_over(settings, photos.passed_over)
    for path in found.without_face:
        settings.detail(f"without a face: {path}")
    unknown = sum(map(len, found.groups))
    settings.notice(
        f"{counted(len(photos), 'photo')}; {counted(found.known, 'face')} of known people, "
        f"{unknown:,} in {counted(len(found.groups), 'group')}, {len(found.alone):,} alone"
        + (f"; photos without a face: {len(found.without_face):,}" if found.without_face else "")
    )


def _record(
    photos: FoundPhotos[Path],
    found: UnknownFaces,
    failures: list[PhotoFailure],
    written: tuple[WrittenFace, ...],
    target: Path,
) -> dict[str, Any]:
    return {
        "folder": str(target),
        "photos": len(photos),
        "known": found.known,
        "groups": dict(Counter(item.group for item in written)),
        "faces": [_face(item) for item in written],
        "without_face": [str(path) for path in found.without_face],
        "failures": [
            {"path": str(item.path), "reason": worded(item.reason, item.hint)} for item in failures
        ],
        "passed_over": passed_over_records(photos.passed_over),
    }


def _cells(item: WrittenFace) -> dict[str, Any]:
    """Return a face with a cell for each value of its box and each figure of its quality."""
    record = _face(item)
    return {**record, **(record["box"] or {}), **record["quality"]}


def _face(item: WrittenFace) -> dict[str, Any]:
    box = item.face.box
    return {
        "probe": str(item.face.path),
        "face": item.face.number,
        "box": None if box is None else asdict(box),
        "group": item.group,
        "picture": str(item.picture),
        "quality": quality_figures(item.face.quality),
        "warnings": list(item.face.quality.warnings()),
    }
