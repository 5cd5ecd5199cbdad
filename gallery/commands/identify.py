"""``gallery identify``: search a gallery with photos or ready embeddings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gallery.commands.decisions import code_of, exit_code_option
from gallery.commands.hints import worded
from gallery.commands.options import (
    common_options,
    force_option,
    json_option,
    max_age_option,
    threshold_option,
)
from gallery.commands.origin_of_files import warn_of_origin
from gallery.commands.output import print_identification
from gallery.commands.photo_folders import tell_passed_over
from gallery.commands.settings import Settings
from gallery.commands.terminal import print_json
from gallery.commands.threshold_notes import notes_on
from gallery.commands.weights import trust_weights_option

if TYPE_CHECKING:
    from gallery.client import (
        EmbeddingFile,
        GalleryClient,
        PassedOver,
        PhotoFailure,
        Results,
    )

KEPT_BYTES = 512 * 1024 * 1024
"""Blocks that a command with several probes keeps in memory, so that not every request reads them
from the database: those of 160,000 references with ``standard`` and 128 values."""

_EPILOG = """
\b
Examples:
  gallery identify visitor.jpg
  gallery identify probes.npz --threshold 0.4 --top 5 --json
  gallery identify many.npz --output results.parquet
"""


@click.command("identify", epilog=_EPILOG)
@click.argument(
    "probes",
    metavar="PROBE...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
)
@threshold_option(
    "Largest distance of a match. [default: the gallery's, else DeepFace's for its model]"
)
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
@json_option("Print one JSON object a probe and line.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write results to a new .npz, .parquet or .jsonl file instead.",
)
@force_option("Replace the file of --output if it is there.")
@click.option(
    "--full-precision",
    is_flag=True,
    help="Give distances with all digits. By default those that noise of the encryption reaches "
    "are cut off, and all after the fourth decimal: published, they help to find the key.",
)
@trust_weights_option
@max_age_option(
    "Refuse to search a state of the gallery that its owner signed longer ago, by a change or by "
    "gallery refresh, such as 90m, 12h, 7d or 2w: so no old state can be shown for ever."
)
@common_options
def command(
    settings: Settings,
    probes: tuple[Path, ...],
    threshold: float | None,
    top: int,
    per_reference: bool,
    exit_code: bool,
    as_json: bool,
    output: Path | None,
    force: bool,
    full_precision: bool,
    max_age: timedelta | None,
) -> int:
    """Search a gallery with photos of one face each, or with the rows of a file of embeddings.

    Such a file is a .npz, .npy, Parquet or CSV file and may have any number of rows.

    For each probe: match or non-match, the label, the distance, the threshold and the candidates.
    Photos without exactly one face are reported as failed; the exit code is 1 then. It says nothing
    of matches, unless --exit-code asks for that.
    """
    from gallery.client import ResultFile, SourceKind, kind_of, read_embeddings, release

    kinds = [kind_of(path) for path in probes]
    if SourceKind.EMBEDDINGS in kinds and len(probes) > 1:
        raise click.UsageError("give photos, or one .npz, .npy, .parquet or .csv file")
    if threshold is not None and not (math.isfinite(threshold) and threshold >= 0.0):
        raise click.UsageError("--threshold must be a number of at least 0")
    if output is not None and as_json:
        raise click.UsageError("--json is for standard output, --output for a file")
    if output is None and force:
        raise click.UsageError("--force belongs to --output")
    file = None if output is None else ResultFile(output, overwrite=force)
    source = read_embeddings(probes[0]) if kinds[0] is SourceKind.EMBEDDINGS else None
    photos = _Photos.of(() if source else probes)
    # A single search reads each block once, so that keeping any is of no use to it.
    several = len(source.embeddings if source else photos.paths) > 1
    kept = KEPT_BYTES if several else 0
    with settings.open_client(cache_size=kept, max_age=max_age) as client:
        description = client.description
        if source:
            warn_of_origin(settings, description, source.model)
            done = _search_embeddings(settings, client, source, top, threshold, per_reference)
        else:
            done = _search_photos(settings, client, photos, top, threshold, per_reference)
    if not full_precision:
        seconds = release(done.found.second_distances, description)
        done = replace(
            done, distances=release(done.distances, description), second_distances=seconds
        )
    if file is not None:
        file.write(done)
    else:
        _show(done, as_json)
    if not as_json:
        _say(settings, done, output)
    _say_what_is_ambiguous(settings, done, top)
    for note in notes_on(done.found.limit, int(done.found.searched.max())):
        settings.notice(note)
    tell_passed_over(settings, photos.passed_over)
    for row, warnings in done.warnings.items():
        settings.notice(f"poor photo: {done.probes[row]}: {'; '.join(warnings)}")
    for row, reason in done.failures.items():
        settings.notice(f"not searched: {done.probes[row]}: {reason}")
    return code_of(done.found, done.failures, exit_code)


@dataclass(frozen=True)
class _Photos:
    """The photos to search with, those of folders too, and what could not be looked at there."""

    paths: tuple[Path, ...]
    failures: tuple[PhotoFailure, ...]
    passed_over: tuple[PassedOver, ...]

    @classmethod
    def of(cls, sources: Sequence[Path]) -> _Photos:
        from gallery.client import FoundPhotos, SourceKind, find_probe_photos, kind_of

        found = [
            find_probe_photos(path) if kind_of(path) is SourceKind.FOLDER else FoundPhotos((path,))
            for path in sources
        ]
        return cls(
            tuple(path for some in found for path in some),
            tuple(failure for some in found for failure in some.failures),
            tuple(passed for some in found for passed in some.passed_over),
        )


def _show(done: Results, as_json: bool) -> None:
    if not as_json:
        print_identification(done)
        return
    for record in done.records():
        print_json(record)


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
        f"ambiguous: probe {record['probe']} matches {record['label']!r}, but "
        f"{record['second_label']!r} too (distances {record['distance']:g} and "
        f"{record['second_distance']:g}, threshold {record['threshold']:g}){more}{advice}"
    )


def _search_embeddings(
    settings: Settings,
    client: GalleryClient,
    source: EmbeddingFile,
    top: int,
    threshold: float | None,
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


def _search_photos(
    settings: Settings,
    client: GalleryClient,
    photos: _Photos,
    top: int,
    threshold: float | None,
    per_reference: bool,
) -> Results:
    """Search with photos; those that fail have a row, too."""
    from gallery.client import Identification, Results

    with settings.progress("searching", len(photos.paths)) as advance:
        done = client.identify_photos(
            photos.paths, top, threshold, per_reference=per_reference, progress=advance
        )
    good = done.identification
    if good is None:
        limit = client.threshold(threshold)
        good = Identification.empty(top, limit, client.description.metric)
    reasons = {item.path: item for item in (*done.failures, *photos.failures)}
    probes = [*photos.paths, *(item.path for item in photos.failures)]
    rows = [row for row, path in enumerate(probes) if path not in reasons]
    found = good.spread(rows, len(probes))
    measured = zip(rows, done.measured, strict=True)
    return Results(
        [str(path) for path in probes],
        found,
        found.distances,
        found.second_distances,
        {
            row: worded(reasons[path].reason, reasons[path].hint)
            for row, path in enumerate(probes)
            if path in reasons
        },
        {row: said for row, (_, quality) in measured if (said := quality.warnings())},
    )
