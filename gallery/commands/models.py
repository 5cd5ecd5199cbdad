"""``gallery models``: list and check face models and detectors, and fetch their weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from gallery.commands.hints import told
from gallery.commands.options import quiet_option
from gallery.commands.output import Cell, notices, print_table
from gallery.commands.paths import NamedPath
from gallery.commands.records import TableFormat, print_records, table_options
from gallery.commands.terminal import say
from gallery.commands.trust_weights import trust_weights_option, trusted_weights
from gallery.errors import GalleryError, MissingDependencyError

if TYPE_CHECKING:
    from gallery.client import PartReport, TransferredFile, WeightsSource
    from gallery.client.photos.face_model import Runtime

_EPILOG = """
\b
Examples:
  gallery models list
  gallery models fetch Facenet
  gallery models fetch Facenet retinaface --to stick/weights
  gallery models fetch --from stick/weights
  gallery models check Dlib
"""


_COLUMNS: Final = (
    "kind",
    "name",
    "works",
    "obstacles",
    "dimension",
    "megabytes",
    "default_detector",
    "thresholds",
    "licence",
    "weights",
)
"""Of CSV; JSON has more of the files with weights."""


@click.group("models", epilog=_EPILOG)
def command() -> None:
    """Show which face models and detectors work here, and fetch their weights beforehand.

    No key and no gallery is needed.
    """


@command.command("list", epilog=_EPILOG)
@table_options("model or detector")
@quiet_option
def list_(quiet: bool, form: TableFormat | None) -> None:
    """List all face models and detectors: size, values, licence, and what is missing here.

    The licence is that of the weights, as their publishers state it; the data that a model was
    trained on may have terms of its own. A threshold belongs to a model and a detector: calibrate
    it.
    """
    from gallery.client import take_inventory

    found = take_inventory(runtime=_runtime())
    if form is not None:
        _print_records(form, map(_record, found))
        return
    titles = ("", "name", "values", "threshold", "MB", "licence", "here")
    print_table(titles, map(_row, found))
    if not quiet:
        works = sum(report.works for report in found)
        say(
            f"{works} of {len(found)} work here; threshold: DeepFace's for the metric cosine; "
            "--json shows addresses, hashes and the other metrics"
        )


@command.command("fetch", epilog=_EPILOG)
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--to",
    "target",
    metavar="FOLDER",
    type=NamedPath(file_okay=False, path_type=Path),
    help="Put the weights into this folder, for a machine without internet.",
)
@click.option(
    "--from",
    "source",
    metavar="FOLDER",
    type=NamedPath(file_okay=False, path_type=Path),
    help="Take the weights out of this folder, which --to filled; of all models in it, unless "
    "some are named. Files that are here already and right are kept.",
)
@trust_weights_option
@quiet_option
def fetch(names: tuple[str, ...], target: Path | None, source: Path | None, quiet: bool) -> None:
    """Fetch the weights of face models and detectors, by name, before they are needed.

    Each file is checked against its hash. Where none is known you are asked whether you trust the
    file, on the machine that is to use it. Files are copied, and nothing in them is run.
    """
    from gallery.client import WeightsSource, export_weights, find_part, import_weights

    if target is not None and source is not None:
        raise click.UsageError("give --to or --from, not both")
    if not names and source is None:
        raise click.UsageError("name models or detectors; gallery models list shows them")
    parts, runtime, trusted = [find_part(name) for name in names], _runtime(), trusted_weights()
    if source is not None:
        done = import_weights(
            source, parts or None, WeightsSource(trusted, download=False), runtime=runtime
        )
        _say_what_was_done(done, quiet)
        return
    with _download_bar(quiet) as progress:
        downloads = WeightsSource(trusted, progress=progress)
        if target is not None:
            done = export_weights(parts, target, downloads, runtime=runtime)
        else:
            _fetch_here(names, downloads, runtime, quiet)
            return
    _say_what_was_done(done, quiet)


@command.command("check", epilog=_EPILOG)
@click.argument("names", metavar="[NAME]...", nargs=-1)
@table_options("model or detector")
@trust_weights_option
def check(names: tuple[str, ...], form: TableFormat | None) -> int:
    """Check that face models and detectors work here, by loading them; all that are here, or NAMEs.

    The exit code is 1 if one does not.
    """
    from gallery.client import take_inventory

    reports = take_inventory(names or None, runtime=_runtime())
    chosen = reports if names else [report for report in reports if report.works]
    results = [(report, _obstacle(report)) for report in chosen]
    if form is not None:
        records = (
            {**_record(report), "works": not obstacle, "obstacles": [obstacle] if obstacle else []}
            for report, obstacle in results
        )
        _print_records(form, records)
    else:
        rows: list[tuple[Cell, ...]] = [
            (report.kind, report.name, (obstacle, "red") if obstacle else ("works", "green"))
            for report, obstacle in results
        ]
        print_table(("", "name", "result"), rows)
    return 1 if any(obstacle for _, obstacle in results) else 0


def _runtime() -> Runtime:
    """Return the runtime of photos here, or the default one where there is none."""
    from gallery.client.photos.deepface_runtime import choose_runtime

    try:
        return choose_runtime()
    except MissingDependencyError:
        return "onnx"


def _obstacle(report: PartReport) -> str:
    """Return the reason why a model or detector does not work when it is loaded, or nothing."""
    from gallery.client import PhotoEmbedder, WeightsState

    if any(file.state is WeightsState.MISSING for file in report.weights):
        return (
            f"{'; '.join(report.obstacles)}: gallery models fetch {report.name} brings missing "
            "weights"
        )
    model = report.name if report.kind == "model" else "Dlib"
    detector = report.name if report.kind == "detector" else "skip"
    try:
        PhotoEmbedder(model, detector, download=False, trusted=trusted_weights()).prepare()
    except GalleryError as error:
        return told(error)
    return ""


def _print_records(form: TableFormat, records: Iterator[dict[str, Any]]) -> None:
    print_records(form, _COLUMNS, map(_cells, records) if form is TableFormat.CSV else records)


def _cells(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record with the files with weights as a cell: ``facenet_weights.h5=missing``."""
    return record | {"weights": {file["name"]: file["state"] for file in record["weights"]}}


def _record(report: PartReport) -> dict[str, Any]:
    return {
        "kind": report.kind,
        "name": report.name,
        "works": report.works,
        "obstacles": list(report.obstacles),
        "dimension": report.dimension,
        "megabytes": round(sum(file.megabytes for file in report.weights), 1),
        "default_detector": report.default_detector,
        "thresholds": dict(report.thresholds),
        "licence": report.licence and {"name": report.licence.name, "url": report.licence.url},
        "weights": [
            {
                "name": file.name,
                "path": str(file.path),
                "state": file.state.value,
                "sha256": file.sha256,
                "bytes": file.bytes,
                "about_megabytes": file.megabytes,
            }
            for file in report.weights
        ],
    }


def _row(report: PartReport) -> tuple[Cell, ...]:
    size = sum(file.megabytes for file in report.weights)
    cosine = report.thresholds.get("cosine")
    return (
        report.kind,
        report.name,
        "" if report.dimension is None else str(report.dimension),
        "" if cosine is None else f"{cosine:g}",
        f"{size:.0f}" if size >= 1 else f"{size:.1f}" if size else "",
        "" if report.licence is None else report.licence.name,
        ("works", "green") if report.works else ("; ".join(report.obstacles), "yellow"),
    )


def _fetch_here(
    names: tuple[str, ...], source: WeightsSource, runtime: Runtime, quiet: bool
) -> None:
    from gallery.client import fetch_weights, find_part

    for name in names:
        digests = fetch_weights(find_part(name), source, runtime=runtime)
        if quiet:
            continue
        if not digests:
            say(f"{name}: needs no weights file")
        for path, sha256 in digests.items():
            say(f"{name}: {path}, SHA-256 {sha256}")


def _say_what_was_done(done: tuple[TransferredFile, ...], quiet: bool) -> None:
    if quiet:
        return
    for item in done:
        say(f"{item.done.value}: {item.path}, SHA-256 {item.sha256}")
    if not done:
        say("these need no weights file")


@contextmanager
def _download_bar(quiet: bool) -> Iterator[Callable[[int, int | None], None]]:
    """Show what has come of a download, at a terminal; give what tells it."""
    console = notices(quiet=quiet)
    columns = (
        TextColumn("downloading"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    hidden = console.quiet or not console.is_terminal
    with Progress(*columns, console=console, disable=hidden, transient=True) as bar:
        task = bar.add_task("download", total=None, start=True)
        yield lambda received, total: bar.update(task, completed=received, total=total)
