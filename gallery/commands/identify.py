"""``gallery identify``: search a gallery with photos or ready embeddings."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gallery.commands.decisions import code_of, exit_code_option
from gallery.commands.drawn_copies import DrawnCopies
from gallery.commands.identified import print_found, say_who_expired
from gallery.commands.options import (
    common_options,
    force_option,
    max_age_option,
    search_threshold_option,
)
from gallery.commands.origin_of_files import warn_of_origin
from gallery.commands.output import print_identification
from gallery.commands.paths import NamedPath
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
from gallery.commands.photo_folders import tell_passed_over
from gallery.commands.photo_processes import jobs_option
from gallery.commands.photo_search import search_photos
from gallery.commands.settings import Settings
from gallery.commands.tables import TableFormat, table_options
from gallery.commands.threshold_notes import notes_on
from gallery.commands.video import SearchChoice, VideoChoice, identify_videos, video_options
from gallery.commands.weights import trust_weights_option

if TYPE_CHECKING:
    from gallery.client import EmbeddingFile, FaceSelection, GalleryClient, Results

KEPT_BYTES = 512 * 1024 * 1024
"""Blocks that a command with several probes keeps in memory, so that not every request reads them
from the database: those of 160,000 references with ``standard`` and 128 values."""

_EPILOG = """
\b
Examples:
  gallery identify visitor.jpg
  gallery identify group.jpg --faces all --draw seen/
  curl camera.local/now.jpg | gallery identify -
  gallery identify probes.npz --threshold 0.4 --top 5 --json
  gallery identify many.npz --output results.parquet
  gallery identify clip.mp4 --every 0.5s --frames seen
  gallery identify --camera rtsp://camera.example/stream --json
"""


@click.command("identify", epilog=_EPILOG)
@click.argument(
    "probes",
    metavar="[PROBE]...",
    nargs=-1,
    type=PhotoArgument(),
)
@faces_option(
    "Which faces of a photo are searched with. A photo of several fails with one; with all, each "
    "is a probe. Of videos, all are."
)
@search_threshold_option()
@click.option(
    "--top",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="K",
    help="People to show for each probe, each with the closest reference.",
)
@click.option(
    "--per-reference",
    is_flag=True,
    help="Show the K closest references instead, several of which may be one person's.",
)
@exit_code_option
@table_options("a probe", of_csv="a candidate, of videos a track")
@click.option(
    "--output",
    type=NamedPath(dir_okay=False, path_type=Path),
    help="Write results to a new .npz, .parquet or .jsonl file instead.",
)
@force_option("Replace the file of --output if it is there.")
@click.option(
    "--draw",
    "drawn",
    metavar="FOLDER",
    type=NamedPath(file_okay=False, path_type=Path),
    help="Write copies of the photos into this folder, with a frame around each face, its name and "
    "its distance. Nothing in it is overwritten.",
)
@private_urls_option
@click.option(
    "--full-precision",
    is_flag=True,
    help="Give distances with all digits. By default those that noise of the encryption reaches "
    "are cut off, and all after the fourth decimal: published, they help to find the key.",
)
@video_options
@jobs_option
@trust_weights_option
@max_age_option(
    "Refuse to search a state of the gallery that its owner signed longer ago, by a change or by "
    "gallery refresh, such as 90m, 12h, 7d or 2w: so no old state can be shown for ever."
)
@common_options
def command(
    settings: Settings,
    probes: tuple[Given, ...],
    faces: FaceSelection,
    threshold: float | str | None,
    top: int,
    per_reference: bool,
    exit_code: bool,
    form: TableFormat | None,
    output: Path | None,
    force: bool,
    drawn: Path | None,
    private_urls: bool,
    full_precision: bool,
    max_age: timedelta | None,
    video: VideoChoice,
) -> int:
    """Search a gallery with the faces of photos or videos, or the rows of a file of embeddings.

    A photo is a file, http:// or https:// and the rest of a URL, or - for standard input. A file of
    embeddings is a .npz, .npy, Parquet or CSV file and may have any number of rows.

    Of a video or camera, faces are followed from frame to frame, and for each it is printed from
    when to when it was seen. A file is looked at to its end first; the frame in which a face is
    best decides. A camera is searched for as soon as a face appears, and once more with a better
    frame.

    For each probe: match or non-match, the label, the distance, the threshold and the candidates.
    Photos without a face, and with more than one unless --faces says which, are reported as failed;
    the exit code is 1 then. It says nothing of matches, unless --exit-code asks for that.

    Who has expired is no match, and is listed all the same: where the closest candidate has
    expired, the probe is a non-match, whoever comes next. --csv has a line for each candidate.
    """
    from gallery.client import ResultFile, SourceKind, read_embeddings, release

    if video.is_meant(probes):
        if per_reference or output is not None or drawn is not None:
            raise click.UsageError("--per-reference, --output and --draw are not for videos")
        choice = SearchChoice(
            top, threshold, exit_code, form, full_precision, force, max_age, KEPT_BYTES
        )
        paths = [probe for probe in probes if isinstance(probe, Path)]
        return identify_videos(settings, paths, video, choice)
    if not probes:
        raise click.UsageError("Missing argument 'PROBE...'.")
    check_standard_input(probes)
    kinds = [kind_of_given(probe) for probe in probes]
    if SourceKind.EMBEDDINGS in kinds and len(probes) > 1:
        raise click.UsageError("give photos, or one .npz, .npy, .parquet or .csv file")
    if output is not None and form is not None:
        raise click.UsageError(f"--{form} is for standard output, --output for a file")
    if output is None and force:
        raise click.UsageError("--force belongs to --output")
    if drawn is not None and SourceKind.EMBEDDINGS in kinds:
        raise click.UsageError("--draw is for photos")
    if SourceKind.EMBEDDINGS in kinds:
        refuse_options_of_photos("embeddings")
    file = None if output is None else ResultFile(output, overwrite=force)
    copies = None if drawn is None else DrawnCopies(drawn)
    source = read_embeddings(Path(probes[0])) if kinds[0] is SourceKind.EMBEDDINGS else None
    photos = GivenPhotos() if source else GivenPhotos.of(probes, private_urls)
    # A single search reads each block once, so that keeping any is of no use to it.
    several = faces == "all" or len(source.embeddings if source else photos.photos) > 1
    kept = KEPT_BYTES if several else 0
    with settings.open_client(cache_size=kept, max_age=max_age) as client:
        description = client.description
        if source:
            warn_of_origin(settings, description, source.model)
            done = _search_embeddings(settings, client, source, top, threshold, per_reference)
        else:
            done = search_photos(
                settings, client, photos, top, threshold, per_reference=per_reference, faces=faces
            )
    if not full_precision:
        seconds = release(done.found.second_distances, description)
        done = replace(
            done, distances=release(done.distances, description), second_distances=seconds
        )
    if file is not None:
        file.write(done)
    elif form is not None:
        print_found(done, form)
    else:
        print_identification(done)
    if copies is not None:
        copies.draw(settings, photos.photos, done)
    if form is None:
        _say(settings, done, output)
    _say_what_is_ambiguous(settings, done, top)
    say_who_expired(settings, done)
    for note in notes_on(done.found.limit, int(done.found.searched.max())):
        settings.notice(note)
    tell_passed_over(settings, photos.passed_over)
    for row, warnings in done.warnings.items():
        settings.notice(f"poor photo: {done.name(row)}: {'; '.join(warnings)}")
    for row, reason in done.failures.items():
        settings.notice(f"not searched: {done.probes[row]}: {reason}")
    return code_of(done.found, done.failures, exit_code)


def _say(settings: Settings, results: Results, output: Path | None) -> None:
    """Say what the results rest on, and where they are."""
    from gallery.client.integrity.clock import age_in_words

    found = results.found
    settings.notice(
        f"threshold {found.threshold:g} ({found.limit.origin}), metric {found.metric}, "
        f"{int(found.searched.max())} references searched"
    )
    settings.detail(f"age of the gallery's state: {age_in_words(found.age)}")
    if output is not None:
        matches = int(found.decisions.sum())
        failed = f", {len(results.failures)} failed" if results.failures else ""
        settings.notice(f"{len(found)} probes, {matches} matches{failed}, written to {output}")


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


def _search_embeddings(
    settings: Settings,
    client: GalleryClient,
    source: EmbeddingFile,
    top: int,
    threshold: float | str | None,
    per_reference: bool,
) -> Results:
    from gallery.client import Results

    with settings.progress("searching", len(source.embeddings)) as advance:
        found = client.identify(
            source.embeddings,
            top,
            threshold,
            per_reference=per_reference,
            model=source.model,
            progress=advance,
        )
    return Results(list(range(len(found))), found, found.distances, found.second_distances)
