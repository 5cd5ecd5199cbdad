"""Work for processes that share a gallery at the same time, each with its own client."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gallery.client import GalleryClient, read_key_file
from gallery.client.integrity.rollback import StateFile
from gallery.errors import GalleryError, WriteConflictError
from gallery.forwarding import ForwardingService
from gallery.messages import EncryptedBlock, GalleryUpdate
from gallery.protocol import GalleryService
from gallery.server import EmbeddedService, open_service

DIMENSION = 8
RUNS = 20
"""How often a writer runs its command again where it is told to."""

SAME = 1e-6
"""Cosine distance below which two embeddings are one; any two of `embedding` are farther apart."""


def embedding(number: int) -> npt.NDArray[np.float64]:
    """Return the embedding of one person."""
    return np.random.default_rng(number).normal(size=DIMENSION)


def label(number: int) -> str:
    """Return the label of one person."""
    return f"person {number:05}"


@dataclass(frozen=True)
class Place:
    """Where everybody works: the database, the key file, and the newest states seen."""

    url: str
    key_file: Path
    state_file: Path

    def client(self, service: GalleryService) -> GalleryClient:
        """Open the gallery as a command does."""
        key = read_key_file(self.key_file)
        return GalleryClient(service, key, states=StateFile(self.state_file))


@dataclass
class Work:
    """What a process did.

    Attributes
    ----------
    enrolled
        Numbers of the people whose enrollment it was told is done.
    attempts
        For each write, how often it was tried.
    searches
        How many searches gave a result.
    refused
        Errors of the program's own kind.
    wrong
        What must not happen: wrong identities, lost people, other exceptions.
    """

    enrolled: list[int] = field(default_factory=list)
    attempts: list[int] = field(default_factory=list)
    searches: int = 0
    refused: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0


class CountingService(ForwardingService):
    """Passes everything on to a service and counts how often each write was tried.

    A try opens the block that has room, and writes. Either can find that another came first.
    """

    def __init__(self, service: EmbeddedService) -> None:
        super().__init__(service)
        self._opened = self._written = 0
        self.attempts: list[int] = []

    def block(self, gallery_id: bytes, index: int) -> EncryptedBlock:
        """Read a block."""
        self._opened += 1
        return super().block(gallery_id, index)

    def write(self, gallery_id: bytes, update: GalleryUpdate) -> None:
        """Write."""
        if not update.blocks:  # a claim of the next turn
            super().write(gallery_id, update)
            return
        self._written += 1
        super().write(gallery_id, update)
        self.attempts.append(max(self._opened, self._written))
        self._opened = self._written = 0


def enroll(place: Place, people: list[int], batch: int, start: Any, pipe: Connection) -> None:
    """Enroll people in batches, once all processes are ready."""
    work = Work()
    with open_service(place.url) as service:
        counting = CountingService(service)
        with place.client(counting) as client:
            start.wait()
            started = time.perf_counter()
            for at in range(0, len(people), batch):
                some = people[at : at + batch]
                rows = np.stack([embedding(number) for number in some])
                for _ in range(RUNS):
                    try:
                        client.enroll(rows, [label(number) for number in some])
                        work.enrolled += some
                    except WriteConflictError as error:
                        work.refused.append(str(error))  # "try again"
                        continue
                    except Exception as error:
                        work.wrong.append(f"enrolling {some[0]} to {some[-1]}: {error!r}")
                    break
            work.seconds = time.perf_counter() - started
            work.attempts = counting.attempts
    pipe.send(work)
    pipe.close()


def search(place: Place, everybody: int, start: Any, stop: Any, pipe: Connection) -> None:
    """Search for one after the other until told to stop; whoever was found once must stay found."""
    work, found_before = Work(), set[int]()
    generator = np.random.default_rng(0)
    with open_service(place.url) as service, place.client(service) as client:
        start.wait()
        while not stop.is_set():
            number = int(generator.integers(everybody))
            try:
                found = client.identify(embedding(number), threshold=SAME)
            except GalleryError as error:
                work.refused.append(f"{type(error).__name__}: {error}")
                continue
            except Exception as error:
                work.wrong.append(f"searching for {number}: {error!r}")
                continue
            work.searches += 1
            if found.decisions[0]:
                found_before.add(number)
                if found.labels[0, 0] != label(number):
                    work.wrong.append(f"{number} was taken for {found.labels[0, 0]}")
            elif number in found_before:
                work.wrong.append(f"{number} was found before and is not any more")
    pipe.send(work)
    pipe.close()
