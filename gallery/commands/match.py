"""``gallery match``: compare photos or ready embeddings with one person."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gallery.commands.decisions import code_of, exit_code_option
from gallery.commands.hints import worded
from gallery.commands.options import common_options, json_option, max_age_option, threshold_option
from gallery.commands.origin_of_files import warn_of_origin
from gallery.commands.output import print_identification
from gallery.commands.settings import Settings
from gallery.commands.terminal import print_json
from gallery.commands.threshold_notes import notes_on
from gallery.commands.weights import trust_weights_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gallery.client import GalleryClient, Identification, PhotoFailure

_EPILOG = """
\b
Examples:
  gallery match visitor.jpg "Ada Lovelace"
  gallery match visitor.jpg "Ada Lovelace" --exit-code --quiet && open-the-door
"""


@click.command("match", epilog=_EPILOG)
@click.argument("probe", metavar="PROBE", type=click.Path(exists=True, path_type=Path))
@click.argument("label", metavar="LABEL")
@threshold_option(
    "Largest distance of a match. [default: the gallery's, else DeepFace's for its model]"
)
@exit_code_option
@json_option("Print one JSON object a probe and line.")
@click.option(
    "--full-precision",
    is_flag=True,
    help="Give distances with all digits; see gallery identify.",
)
@max_age_option(
    "Refuse a state of the gallery that was signed longer ago than this; see gallery identify."
)
@trust_weights_option
@common_options
def command(
    settings: Settings,
    probe: Path,
    label: str,
    threshold: float | None,
    exit_code: bool,
    as_json: bool,
    full_precision: bool,
    max_age: timedelta | None,
) -> int:
    """Say whether a photo of one face, or each row of a file of embeddings, shows this person.

    The whole gallery is searched, as by gallery identify, and only the distance to the closest
    reference of LABEL is looked at. So a server learns neither who is meant nor the answer.
    """
    from gallery.client import Results, SourceKind, kind_of, release

    if (kind := kind_of(probe)) is SourceKind.FOLDER:
        raise click.UsageError("give one photo, or one .npz or .parquet file")
    with settings.open_client(max_age=max_age) as client:
        description = client.description
        match = _match_file if kind is SourceKind.EMBEDDINGS else _match_photo
        names, found, failures = match(settings, client, probe, label, threshold)
    if found is not None:
        distances = found.distances if full_precision else release(found.distances, description)
        done = Results(names, found, distances)
        if as_json:
            for record in done.records():
                print_json(record)
        else:
            print_identification(done)
            settings.notice(
                f"threshold {found.threshold:g} ({found.limit.origin}), metric {found.metric}, "
                f"compared with {int(found.searched[0])} references of {label!r}"
            )
        for note in notes_on(found.limit, int(found.searched[0])):
            settings.notice(note)
    for failure in failures:
        settings.notice(f"not compared: {failure.path}: {worded(failure.reason, failure.hint)}")
    return code_of(found, failures, exit_code)


_Found = tuple["list[str | int]", "Identification | None", "Sequence[PhotoFailure]"]


def _match_file(
    settings: Settings, client: GalleryClient, path: Path, label: str, threshold: float | None
) -> _Found:
    from gallery.client import read_embeddings

    source = read_embeddings(path)
    warn_of_origin(settings, client.description, source.model)
    with settings.progress("comparing", len(source.embeddings)) as advance:
        found = client.match(
            source.embeddings, label, threshold, model=source.model, progress=advance
        )
    return list(range(len(found))), found, ()


def _match_photo(
    settings: Settings, client: GalleryClient, path: Path, label: str, threshold: float | None
) -> _Found:
    with settings.progress("comparing", 1) as advance:
        done = client.match_photos([path], label, threshold, progress=advance)
    return [str(item) for item in done.paths], done.identification, done.failures
