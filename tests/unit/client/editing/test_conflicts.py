"""A writer that has lost to another one comes first next time, however quick the other is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from gallery.client import GalleryClient, GalleryKey
from gallery.client.editing import conflicts
from gallery.client.editing.conflicts import ConflictRetry
from gallery.client.gallery_state import GalleryState
from gallery.client.session import GallerySession
from gallery.errors import WriteConflictError
from gallery.forwarding import ForwardingService
from gallery.messages import GalleryUpdate, Manifest
from gallery.protocol import GalleryService
from gallery.server import EmbeddedService
from tests.support.galleries import names, random_embeddings

READS = 12
"""So many readings of the manifest without a write are those of a waiting writer; an enrollment
that meets nobody needs one."""


class Watched(ForwardingService):
    """A service that counts, and lets something happen before each write of blocks.

    Attributes
    ----------
    attempts, claims
        Writes that were asked for, with blocks and without.
    reads
        Manifests that were read since the last of them.
    """

    def __init__(self, service: GalleryService, happens: Callable[[], object] = bool) -> None:
        super().__init__(service)
        self._happens = happens
        self.attempts = self.claims = self.reads = 0

    def manifest(self, gallery_id: bytes) -> Manifest:
        self.reads += 1
        return super().manifest(gallery_id)

    def write(self, gallery_id: bytes, update: GalleryUpdate) -> None:
        self.reads = 0
        if update.blocks:
            self.attempts += 1
            self._happens()
        else:
            self.claims += 1
        super().write(gallery_id, update)


class Rival:
    """A writer without pauses that is always quicker than another one, as far as it is let."""

    def __init__(self, service: GalleryService, key: GalleryKey) -> None:
        self._watched = Watched(service)
        self._client = GalleryClient(self._watched, key)
        self._pool = ThreadPoolExecutor(1)
        self._running: Future[object] | None = None
        self.enrolled = 0

    def overtake(self) -> None:
        """Enroll somebody, now; or wait for the other writer, if it has claimed the next write."""
        if self._running is None or self._running.done():
            self._running = self._pool.submit(self._enroll)
        while not self._running.done() and self._watched.reads < READS:
            time.sleep(0.001)

    def close(self) -> None:
        """Finish what is under way."""
        if self._running is not None:
            self._running.result()
        self._pool.shutdown()
        self._client.close()

    def _enroll(self) -> None:
        self._watched.reads = 0
        row = random_embeddings(1, 8, seed=100 + self.enrolled)
        self._client.enroll(row, [f"rival's {self.enrolled}"])
        self.enrolled += 1


@pytest.fixture
def gallery(service: EmbeddedService, key: GalleryKey) -> Iterator[GalleryClient]:
    with GalleryClient.create(service, key, dimension=8) as client:
        client.enroll(random_embeddings(3, 8), names(3))
        yield client


@contextmanager
def overtaken(service: EmbeddedService, key: GalleryKey) -> Iterator[tuple[GalleryClient, Watched]]:
    """Give a client that a rival overtakes before each of its writes."""
    rival = Rival(service, key)
    watched = Watched(service, rival.overtake)
    try:
        with GalleryClient(watched, key) as client:
            yield client, watched
    finally:
        rival.close()


def test_a_writer_that_is_overtaken_once_is_not_overtaken_again(
    gallery: GalleryClient, service: EmbeddedService, key: GalleryKey
) -> None:
    with overtaken(service, key) as (client, watched):
        for number in range(5):
            client.enroll(random_embeddings(1, 8, seed=10 + number), [f"slow {number}"])

            assert watched.attempts <= 2 * (number + 1)
        assert watched.claims >= 1

    labels = [item.label for item in gallery.references()]
    assert {f"slow {number}" for number in range(5)} < set(labels)
    assert len(labels) == len(set(labels))
    assert gallery.verify(deep=True).findings == ()


def test_a_removal_claims_as_well(
    gallery: GalleryClient, service: EmbeddedService, key: GalleryKey
) -> None:
    with overtaken(service, key) as (client, watched):
        client.remove([names(3)[1]])

        assert watched.attempts <= 2

    assert names(3)[1] not in [item.label for item in gallery.references()]


def test_a_writer_that_meets_nobody_claims_nothing(
    gallery: GalleryClient, service: EmbeddedService, key: GalleryKey
) -> None:
    watched = Watched(service)
    version = gallery.summary().version

    with GalleryClient(watched, key) as client:
        for number in range(3):
            client.enroll(random_embeddings(1, 8, seed=10 + number), [f"another {number}"])

    assert (watched.attempts, watched.claims) == (3, 0)
    assert gallery.summary().version == version + 3


def claim(service: GalleryService, key: GalleryKey) -> GalleryState:
    """Claim the next write as a writer that has just lost, and end without it; return the claim."""
    states: list[GalleryState] = []

    def attempt(state: GalleryState) -> None:
        states.append(state)
        if len(states) == 1:
            raise WriteConflictError("another process changed the gallery at the same time")
        raise KeyboardInterrupt

    with GallerySession(service, key, "default") as session:
        with pytest.raises(KeyboardInterrupt):
            ConflictRetry(session).run(attempt)
    return states[-1]


def test_a_claim_changes_nothing_else(
    gallery: GalleryClient, service: EmbeddedService, key: GalleryKey
) -> None:
    before = service.manifest(gallery.description.gallery_id)

    claimed = claim(service, key)

    after = service.manifest(gallery.description.gallery_id)
    assert claimed.manifest == after
    assert (after.version, after.entries) == (before.version + 1, before.entries)
    found = gallery.identify(random_embeddings(3, 8), threshold=1e-6)
    assert [*found.labels[:, 0]] == names(3)
    assert gallery.verify(deep=True).findings == ()


def test_a_claim_that_nobody_uses_is_respected_for_a_while_only(
    gallery: GalleryClient,
    service: EmbeddedService,
    key: GalleryKey,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(conflicts, "_CLAIM_SECONDS", 0.5)
    watched = Watched(service)
    with GalleryClient(watched, key) as client:
        client.enroll(random_embeddings(1, 8, seed=10), ["before"])
        claim(service, key)
        started = time.monotonic()

        client.enroll(random_embeddings(1, 8, seed=11), ["after"])

    assert time.monotonic() - started > 0.5
    assert watched.attempts == 2
    assert "after" in [item.label for item in gallery.references()]


def test_a_writer_that_loses_again_and_again_is_told_to_come_back(
    gallery: GalleryClient,
    service: EmbeddedService,
    key: GalleryKey,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gallery.client.editing.conflicts.time.sleep", lambda _: None)
    calls = 0

    def refused(_: GalleryState) -> None:
        nonlocal calls
        calls += 1
        raise WriteConflictError("another process changed the gallery at the same time")

    with GallerySession(service, key, "default") as session:
        with pytest.raises(WriteConflictError, match="try again"):
            ConflictRetry(session).run(refused)

    assert calls > 10
