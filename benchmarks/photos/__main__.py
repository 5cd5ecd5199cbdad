"""The program ``python -m benchmarks.photos``: how many photos a second are enrolled.

Portraits are embedded in turn by DeepFace's own calls and as this program does it, in one process:
that gives the ratio of processor times, and how far embeddings and distances are apart. Then
whole commands enroll the same portraits with worker processes.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.photos.paired_embedding import MODEL, PairedEmbeddings, embed_in_turn
from benchmarks.photos.photo_goals import PARTS, check_goals
from benchmarks.photos.portraits import LONDON, write_portraits
from benchmarks.shared.command_line import gallery_command
from benchmarks.shared.machine import describe_machine
from benchmarks.shared.timing import Spread
from gallery.client.photos.model_table import find_model
from gallery.client.photos.worker_count import default_jobs


@click.command()
@click.option(
    "--source",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=LONDON,
    help="Folder of portraits, each named PERSON_something.jpg.",
)
@click.option("--photos", type=click.IntRange(min=10), help="How many; by default all of them.")
@click.option("--side", default=1024, show_default=True, help="Pixels of their sides.")
@click.option("--repeats", default=3, show_default=True, help="Enrollments.")
@click.option("--jobs", type=click.IntRange(min=1), help="Worker processes.")
def main(source: Path, photos: int | None, side: int, repeats: int, jobs: int | None) -> None:
    """Measure how fast photos are enrolled; the last line is what was found, in JSON."""
    threshold = float(find_model(MODEL).thresholds["cosine"])
    notes = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="photos-") as name:
        people = Path(name) / "people"
        people.mkdir()
        paths = write_portraits(source, photos, side, people)
        with Progress(console=notes, transient=True) as bar:
            task = bar.add_task("embedded in turn", total=len(paths))
            pairs = embed_in_turn(paths, lambda done: bar.advance(task, done))
        notes.print("enrolled by whole commands …")
        seconds = [
            _enroll(people, Path(name) / str(number), jobs or default_jobs())
            for number in range(repeats)
        ]
    rates = [len(paths) / each for each in seconds]
    Console(width=120).print(_table(pairs, rates, side))
    for outcome in check_goals(pairs, rates, threshold):
        click.echo(str(outcome))
    change, changed, comparisons = pairs.change_of_distances(threshold)
    figures = {
        "photos": len(paths),
        "side": side,
        "jobs": jobs or default_jobs(),
        "before_photos_per_second": len(paths) / pairs.before_wall,
        "before_processor_seconds": float(pairs.before_seconds.mean()),
        "after_processor_seconds": float(pairs.after_seconds.mean()),
        "times_less_processor_time": Spread.of(pairs.ratios(PARTS)).median,
        "enrolled_per_second": Spread.of(rates).median,
        "largest_change_of_a_value": float(abs(pairs.before - pairs.after).max()),
        "largest_change_of_a_distance": change,
        "decisions_changed": changed,
        "comparisons": comparisons,
    }
    click.echo(json.dumps({**describe_machine(), **figures}))


def _enroll(people: Path, place: Path, jobs: int) -> float:
    """Enroll a folder into a new gallery; return the seconds that the whole command took."""
    place.mkdir()
    environment = {
        **os.environ,
        "GALLERY_KEY": str(place / "gallery.key"),
        "GALLERY_DATABASE": f"sqlite:///{place / 'gallery.db'}",
        "GALLERY_CACHE_SIZE": "0",
    }
    for arguments in (("key", "new", "--no-passphrase"), ("init", "--model", MODEL)):
        _run(arguments, environment)
    started = time.perf_counter()
    _run(("enroll", people, "--on-duplicate", "add", "--jobs", str(jobs)), environment)
    return time.perf_counter() - started


def _run(arguments: tuple[str | Path, ...], environment: dict[str, str]) -> None:
    done = subprocess.run(
        gallery_command(*arguments), env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"gallery {arguments[0]} failed:\n{done.stderr}")


def _table(pairs: PairedEmbeddings, rates: list[float], side: int) -> Table:
    table = Table(f"portraits of {side} pixels", "photos a second", "processor ms a photo")
    before, after = pairs.before_seconds.mean(), pairs.after_seconds.mean()
    count = len(pairs.before_seconds)
    table.add_row(
        "DeepFace's own calls", f"{count / pairs.before_wall:.2f}", f"{1e3 * before:,.0f}"
    )
    table.add_row("embedded here, one process", "", f"{1e3 * after:,.0f}")
    found = Spread.of(rates)
    spread = f"{found.median:.2f} ({found.least:.2f} to {found.most:.2f})"
    table.add_row("gallery enroll, whole command", spread, "")
    return table


if __name__ == "__main__":
    main()
