"""``gallery identify``: search a gallery with photos or ready embeddings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gallery.commands.hints import worded
from gallery.commands.main import EXIT_PARTIAL
from gallery.commands.options import common_options, force_option, json_option, threshold_option
from gallery.commands.output import identification_table, results
from gallery.commands.settings import Settings
from gallery.commands.terminal import print_json
from gallery.commands.weights import trust_weights_option

if TYPE_CHECKING:
    from gallery.client import (
        EmbeddingFile,
        GalleryClient,
        Identification,
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
    help="Candidates to show for each probe.",
)
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
@common_options
def command(
    settings: Settings,
    probes: tuple[Path, ...],
    threshold: float | None,
    top: int,
    as_json: bool,
    output: Path | None,
    force: bool,
    full_precision: bool,
) -> int:
    """Search a gallery with photos of one face each, or with the rows of a file of embeddings.

    Such a file ends with .npz or .parquet and may have any number of rows.

    For each probe: match or non-match, the label, the distance, the threshold and the candidates.
    Photos without exactly one face are reported and left out; the exit code is 1 then.
    """
    from gallery.client import ResultFile, Results, SourceKind, kind_of, read_embeddings, release

    kinds = [kind_of(path) for path in probes]
    if SourceKind.EMBEDDINGS in kinds and len(probes) > 1:
        raise click.UsageError("give photos, or one .npz or .parquet file")
    if threshold is not None and not (math.isfinite(threshold) and threshold >= 0.0):
        raise click.UsageError("--threshold must be a number of at least 0")
    if output is not None and as_json:
        raise click.UsageError("--json is for standard output, --output for a file")
    if output is None and force:
        raise click.UsageError("--force belongs to --output")
    file = None if output is None else ResultFile(output, overwrite=force)
    source = read_embeddings(probes[0]) if kinds[0] is SourceKind.EMBEDDINGS else None
    photos = [] if source else list(_photos(probes))
    found: Identification | None
    # A single search reads each block once, so that keeping any is of no use to it.
    several = len(source.embeddings if source else photos) > 1
    with settings.open_client(cache_size=KEPT_BYTES if several else 0) as client:
        limit, description = client.threshold(threshold), client.description
        if source:
            names, found, failures = _search_embeddings(settings, client, source, top, limit.value)
        else:
            names, found, failures = _search_photos(settings, client, photos, top, limit.value)
    if found is not None:
        shown = found.distances if full_precision else release(found.distances, description)
        done = Results(names, found, shown)
        if file is not None:
            file.write(done)
        else:
            _show(done, as_json)
        if not as_json:
            _say(settings, found, limit.origin, output)
    for failure in failures:
        settings.notice(f"not searched: {failure.path}: {worded(failure.reason, failure.hint)}")
    return EXIT_PARTIAL if failures else 0


def _show(done: Results, as_json: bool) -> None:
    if not as_json:
        results().print(identification_table(done))
        return
    for record in done.records():
        print_json(record)


def _say(settings: Settings, found: Identification, origin: str, output: Path | None) -> None:
    """Say what the results rest on, and where they are."""
    settings.notice(
        f"threshold {found.threshold:g} ({origin}), metric {found.metric}, "
        f"{int(found.searched[0])} references searched"
    )
    if output is not None:
        matches = int(found.decisions.sum())
        settings.notice(f"{len(found)} probes, {matches} matches, written to {output}")


def _search_embeddings(
    settings: Settings,
    client: GalleryClient,
    source: EmbeddingFile,
    top: int,
    threshold: float,
) -> tuple[list[str | int], Identification, Sequence[PhotoFailure]]:
    with settings.progress("searching", len(source.embeddings)) as advance:
        found = client.identify(
            source.embeddings, top, threshold, model=source.model, progress=advance
        )
    return list(range(len(found))), found, ()


def _search_photos(
    settings: Settings,
    client: GalleryClient,
    photos: Sequence[Path],
    top: int,
    threshold: float,
) -> tuple[list[str | int], Identification | None, Sequence[PhotoFailure]]:
    with settings.progress("searching", len(photos)) as advance:
        done = client.identify_photos(photos, top, threshold, progress=advance)
    return [str(path) for path in done.paths], done.identification, done.failures


def _photos(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield photos, and those of folders."""
    from gallery.client import SourceKind, find_probe_photos, kind_of

    for path in paths:
        if kind_of(path) is SourceKind.FOLDER:
            yield from find_probe_photos(path)
        else:
            yield path
