"""``gallery match``: compare photos or ready embeddings with one person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gallery.commands.decisions import code_of, exit_code_option
from gallery.commands.hints import worded
from gallery.commands.identified import print_found, say_who_expired
from gallery.commands.options import (
    common_options,
    max_age_option,
    search_threshold_option,
)
from gallery.commands.origin_of_files import warn_of_origin
from gallery.commands.output import print_identification
from gallery.commands.photo_arguments import (
    Given,
    GivenPhotos,
    PhotoArgument,
    check_standard_input,
    faces_option,
    kind_of_given,
    private_urls_option,
    refuse_options_of_photos,
)
from gallery.commands.photo_processes import jobs_option
from gallery.commands.settings import Settings
from gallery.commands.tables import TableFormat, table_options
from gallery.commands.threshold_notes import notes_on
from gallery.commands.weights import trust_weights_option

if TYPE_CHECKING:
    from gallery.client import (
        FaceSelection,
        GalleryClient,
        Identification,
        PhotoFailure,
        ProbeFace,
    )

_EPILOG = """
\b
Examples:
  gallery match visitor.jpg "Ada Lovelace"
  gallery match - "Ada Lovelace" < visitor.jpg
  gallery match visitor.jpg "Ada Lovelace" --exit-code --quiet && open-the-door
"""


@click.command("match", epilog=_EPILOG)
@click.argument("probe", metavar="PROBE", type=PhotoArgument())
@click.argument("label", metavar="LABEL")
@faces_option("Which faces of a photo are compared with LABEL. A photo of several fails with one.")
@search_threshold_option()
@exit_code_option
@table_options("a probe", of_csv="a candidate")
@click.option(
    "--full-precision",
    is_flag=True,
    help="Give distances with all digits; see gallery identify.",
)
@max_age_option(
    "Refuse a state of the gallery that was signed longer ago than this; see gallery identify."
)
@private_urls_option
@jobs_option
@trust_weights_option
@common_options
def command(
    settings: Settings,
    probe: Given,
    label: str,
    faces: FaceSelection,
    threshold: float | str | None,
    exit_code: bool,
    form: TableFormat | None,
    full_precision: bool,
    max_age: timedelta | None,
    private_urls: bool,
) -> int:
    """Say whether a photo, or each row of a file of embeddings, shows this person.

    A photo is a file, a URL, or - for standard input, as of gallery identify.

    The whole gallery is searched, as by gallery identify, and only the distance to the closest
    reference of LABEL is looked at. So a server learns neither who is meant nor the answer. Who has
    expired is no match.
    """
    from gallery.client import Results, SourceKind, places_of, release

    check_standard_input([probe])
    if (kind := kind_of_given(probe)) is SourceKind.FOLDER:
        raise click.UsageError("give one photo, or one .npz or .parquet file")
    of_photos = kind is not SourceKind.EMBEDDINGS
    if not of_photos:
        refuse_options_of_photos("embeddings")
    photos = GivenPhotos.of([probe], private_urls) if of_photos else GivenPhotos()
    with settings.open_client(max_age=max_age) as client:
        description = client.description
        if of_photos:
            done = _match_photo(settings, client, photos, label, threshold, faces)
        else:
            done = _match_file(settings, client, Path(probe), label, threshold)
    if (found := done.found) is not None:
        distances = found.distances if full_precision else release(found.distances, description)
        places = dict(enumerate(places_of(done.faces)))
        said = {row: face.quality.warnings() for row, face in enumerate(done.faces)}
        results = Results(done.names, found, distances, warnings=said, faces=places)
        if form is not None:
            print_found(results, form)
        else:
            print_identification(results)
            settings.notice(
                f"threshold {found.threshold:g} ({found.limit.origin}), metric {found.metric}, "
                f"compared with {int(found.searched[0])} references of {label!r}"
            )
        say_who_expired(settings, results)
        for note in notes_on(found.limit, int(found.searched[0])):
            settings.notice(note)
        for row, warnings in said.items():
            if warnings:
                settings.notice(f"poor photo: {results.name(row)}: {'; '.join(warnings)}")
    for failure in done.failures:
        settings.notice(f"not compared: {failure.path}: {worded(failure.reason, failure.hint)}")
    return code_of(found, done.failures, exit_code)


@dataclass(frozen=True, eq=False)
class _Matched:
    """What was compared: the probes' names, what was found of them, and what failed."""

    names: list[str | int]
    found: Identification | None
    faces: tuple[ProbeFace, ...] = ()
    failures: tuple[PhotoFailure, ...] = ()


def _match_file(
    settings: Settings, client: GalleryClient, path: Path, label: str, threshold: float | str | None
) -> _Matched:
    from gallery.client import read_embeddings

    source = read_embeddings(path)
    warn_of_origin(settings, client.description, source.model)
    with settings.progress("comparing", len(source.embeddings)) as advance:
        found = client.match(
            source.embeddings, label, threshold, model=source.model, progress=advance
        )
    return _Matched(list(range(len(found))), found)


def _match_photo(
    settings: Settings,
    client: GalleryClient,
    photos: GivenPhotos,
    label: str,
    threshold: float | str | None,
    faces: FaceSelection,
) -> _Matched:
    with settings.progress("comparing", len(photos.photos)) as advance:
        done = client.match_photos(photos.photos, label, threshold, faces=faces, progress=advance)
    names: list[str | int] = [str(face.photo) for face in done.faces]
    failures = (*photos.failures, *done.failures)
    return _Matched(names, done.identification, done.faces, failures)
