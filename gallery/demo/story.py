"""The demo's gallery: made in a folder, filled with sample photos, searched with others."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gallery.client import (
    GalleryClient,
    GalleryKey,
    Identification,
    PhotoEmbedder,
    TrustedWeights,
    find_photos,
    read_key_file,
    write_key_file,
)
from gallery.demo.samples import Samples
from gallery.demo.timing import TimedService
from gallery.errors import WeightsError
from gallery.server import open_service


@dataclass(frozen=True, eq=False)
class DemoSearch:
    """One probe of the demo.

    Attributes
    ----------
    photo
        The photo that was searched with.
    expected
        The label that it should match, or None if it shows a stranger.
    found
        The outcome of the search.
    embed_ms, search_ms, server_ms
        Milliseconds that the face model took, that the search took, and of these the server's.
    """

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

    @property
    def is_right(self) -> bool:
        """Whether the search found the expected label."""
        return self.label == self.expected


@dataclass(frozen=True)
class DemoEnrollment:
    """The number of photos and of people that were enrolled, and the seconds that it took."""

    photos: int
    people: int
    seconds: float


def best_embedder(trusted: TrustedWeights | None = None) -> PhotoEmbedder:
    """Return Facenet's embedder if its weights are on this machine, else Dlib's, ready to use."""
    try:
        embedder = PhotoEmbedder("Facenet", download=False, trusted=trusted)
        embedder.prepare()
    except WeightsError:
        return named_embedder("Dlib", trusted)
    return embedder


def named_embedder(model: str, trusted: TrustedWeights | None = None) -> PhotoEmbedder:
    """Return a face model's embedder, ready to use; its weights are downloaded if need be."""
    embedder = PhotoEmbedder(model, trusted=trusted)
    embedder.prepare()
    return embedder


class DemoGallery:
    """A gallery for sample photos, with a key of its own.

    Parameters
    ----------
    client
        The gallery, opened.
    service
        The service that it is on.
    embedder
        The embedder of photos.
    key_file, passphrase
        Its key file, and what opens that.

    Attributes
    ----------
    threshold
        Largest distance of a match.
    """

    def __init__(
        self,
        client: GalleryClient,
        service: TimedService,
        embedder: PhotoEmbedder,
        key_file: Path,
        passphrase: str,
    ) -> None:
        self._client, self._service, self._embedder = client, service, embedder
        self.key_file, self.passphrase = key_file, passphrase
        self.threshold = client.threshold()

    @classmethod
    @contextmanager
    def made_in(cls, folder: Path, embedder: PhotoEmbedder) -> Iterator[DemoGallery]:
        """Make ``demo.key`` and a gallery in ``demo.db``, both in a folder, and open the latter."""
        passphrase = secrets.token_urlsafe(16)
        key_file = folder / "demo.key"
        write_key_file(key_file, GalleryKey.generate(), passphrase)
        key = read_key_file(key_file, passphrase)
        with open_service(f"sqlite:///{folder / 'demo.db'}", create=True) as embedded:
            service = TimedService(embedded)
            with GalleryClient.create(
                service,
                key,
                "demo",
                dimension=embedder.dimension,
                preprocessing=embedder.preprocessing,
                norm_bound=embedder.model.norm_bound,
                origin=embedder.known_origin(),
            ) as client:
                yield cls(client, service, embedder, key_file, passphrase)

    @property
    def name(self) -> str:
        """Its name."""
        return self._client.description.name

    def open_again(self, key: GalleryKey, trusted: TrustedWeights | None = None) -> GalleryClient:
        """Return another client of it, such as for somebody else who has unlocked the key."""
        return GalleryClient(self._service, key, self.name, trusted_weights=trusted)

    def enroll(self, samples: Samples) -> DemoEnrollment:
        """Enroll the photos that are for it."""
        photos = find_photos(samples.enroll)
        started = time.perf_counter()
        done = self._client.enroll_photos(photos, embedder=self._embedder)
        seconds = time.perf_counter() - started
        return DemoEnrollment(len(done.added), len({photo.label for photo in photos}), seconds)

    def searches(self, samples: Samples) -> Iterator[DemoSearch]:
        """Search with photos of enrolled people and of strangers, one after the other."""
        probes: list[tuple[Path, str | None]] = [(item.path, item.label) for item in samples.mated]
        probes += [(path, None) for path in samples.strangers]
        for path, expected in probes:
            started = time.perf_counter()
            embedding = self._embedder.embed(path)
            embedded = time.perf_counter()
            found = self._client.identify(embedding)
            finished = time.perf_counter()
            yield DemoSearch(
                path,
                expected,
                found,
                embed_ms=1e3 * (embedded - started),
                search_ms=1e3 * (finished - embedded),
                server_ms=self._service.take_search_ms(),
            )
