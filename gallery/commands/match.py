"""``gallery match``: compare photos or ready embeddings with one person (1:1)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gallery.commands.counts import counted
from gallery.commands.decision_exit_code import code_of, exit_code_option
from gallery.commands.identified import print_found, released, tell_of_results, was_searched
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
from gallery.commands.photo_search import match_photos
from gallery.commands.records import TableFormat, table_options
from gallery.commands.settings import Settings
from gallery.commands.trust_weights import trust_weights_option

if TYPE_CHECKING:
    from gallery.client import FaceSelection, GalleryClient, Results

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
@table_options("probe", of_csv="candidate")
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

    A photo is a file, a URL, or - for standard input, as for gallery identify.

    The whole gallery is searched, as by gallery identify, and only the distance to the closest
    reference of LABEL is looked at. So a server learns neither who is meant nor the answer. A
    person who has expired is no match.
    """
    from gallery.client import SourceKind

    check_standard_input([probe])
    if (kind := kind_of_given(probe)) is SourceKind.FOLDER:
        raise click.UsageError("give one photo, or one .npz, .npy, .parquet or .csv file")
    of_photos = kind is not SourceKind.EMBEDDINGS
    if not of_photos:
        refuse_options_of_photos("embeddings")
    photos = GivenPhotos.of([probe], private_urls) if of_photos else GivenPhotos()
    with settings.open_client(max_age=max_age) as client:
        if of_photos:
            done = match_photos(settings, client, photos, label, threshold, faces)
        else:
            done = _match_file(settings, client, Path(probe), label, threshold)
        if not full_precision:
            done = released(done, client.description)
    _show(settings, done, label, form)
    return code_of(done.found, done.failures, exit_code)


def _show(settings: Settings, done: Results, label: str, form: TableFormat | None) -> None:
    """Print results, and say what they rest on."""
    found = done.found
    if form is not None:
        print_found(done, form)
    else:
        print_identification(done)
        if was_searched(done):
            settings.notice(
                f"threshold {found.threshold:g} ({found.limit.origin}), metric {found.metric}, "
                f"compared with {counted(int(found.searched.max()), 'reference')} of {label!r}"
            )
    tell_of_results(settings, done, "not compared")


def _match_file(
    settings: Settings, client: GalleryClient, path: Path, label: str, threshold: float | str | None
) -> Results:
    from gallery.client import Results, read_embeddings

    source = read_embeddings(path)
    warn_of_origin(settings, client.description, source.model)
    with settings.progress("comparing", len(source.embeddings)) as advance:
        found = client.match(
            source.embeddings, label, threshold, model=source.model, progress=advance
        )
    return Results(list(range(len(found))), found, found.distances)
