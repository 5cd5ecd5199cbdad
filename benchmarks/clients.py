"""The clients of a load: key owners who search or enroll, and note what they were told and when.

Moments are those of `time.monotonic`, which all processes of a machine share.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.workload import THRESHOLD, Answer, Workload, new_subject
from gallery.client import GalleryClient, read_key_file
from gallery.client.transport import AccessToken, RemoteService
from gallery.errors import ServerError
from gallery.messages import Manifest, SearchRequest, SearchResult
from gallery.parameters import find_parameters

CANDIDATES = 3

BATCHES = (1, 2, 3)
"""How many subjects an enroller adds at a time, in turn."""


class Fault(NamedTuple):
    """Something that went wrong: an error's class, or "wrong answer", and what it says.

    It is clear if it is an error that the library promises for a server that cannot be reached.
    """

    kind: str
    text: str
    clear: bool


class Search(NamedTuple):
    """One search: when it began, was answered and ended, and the seconds of its parts."""

    began: float
    answered: float
    ended: float
    encrypting: float
    waiting: float
    fault: Fault | None


class Enrolling(NamedTuple):
    """One write of new subjects, by their numbers."""

    began: float
    ended: float
    enroller: int
    numbers: tuple[int, ...]
    fault: Fault | None


class TimedService(RemoteService):
    """Notes when the last search was sent and answered, and how long the last manifest took."""

    sent = answered = manifest_seconds = 0.0

    def manifest(self, gallery_id: bytes) -> Manifest:
        began = time.monotonic()
        found = super().manifest(gallery_id)
        self.manifest_seconds = time.monotonic() - began
        return found

    def search(self, request: SearchRequest) -> SearchResult:
        self.sent = time.monotonic()
        found = super().search(request)
        self.answered = time.monotonic()
        return found


@dataclass(frozen=True)
class Account:
    """How a client reaches its gallery, and where its key and the workload are."""

    url: str
    token: str
    gallery: str
    key_file: Path
    folder: Path

    @contextmanager
    def open(self) -> Iterator[tuple[GalleryClient, TimedService]]:
        """Give a client with a key and connections of its own."""
        service = TimedService(self.url, AccessToken(self.token))
        try:
            with GalleryClient(service, read_key_file(self.key_file), self.gallery) as client:
                yield client, service
        finally:
            service.close()


class Searcher:
    """Searches for one probe after the other and holds every answer to the one in clear."""

    def __init__(
        self, number: int, client: GalleryClient, service: TimedService, workload: Workload
    ) -> None:
        self._client, self._service, self._workload = client, service, workload
        self._parameters = find_parameters(client.description.parameters)
        self._random = np.random.default_rng(number)

    def prepare(self) -> None:
        """Search once: the first answer brings all references."""
        self._client.identify(self._workload.probes[0], CANDIDATES, THRESHOLD)

    def work(self) -> Search:
        """Search once and judge the answer."""
        number = int(self._random.integers(len(self._workload.probes)))
        service, began = self._service, time.monotonic()
        try:
            found = self._client.identify(self._workload.probes[number], CANDIDATES, THRESHOLD)
        except Exception as error:  # whatever it is, it is part of the result
            ended = time.monotonic()
            return Search(began, ended, ended, 0.0, 0.0, fault_of(error))
        ended = time.monotonic()
        answer = Answer(
            labels=found.labels[0].tolist(),
            distances=found.distances[0].tolist(),
            match=bool(found.decisions[0]),
            searched=int(found.searched[0]),
        )
        wrong = self._workload.mistake(number, answer, self._parameters)
        encrypting = service.sent - began - service.manifest_seconds
        waiting = service.answered - service.sent + service.manifest_seconds
        fault = Fault("wrong answer", wrong, clear=False) if wrong else None
        return Search(began, service.answered, ended, encrypting, waiting, fault)


class Enroller:
    """Enrolls new subjects, a few at a time, without a pause."""

    def __init__(self, number: int, client: GalleryClient) -> None:
        self._number, self._client = number, client
        self._next = self._turn = 0

    def prepare(self) -> None:
        """Read all references."""
        self._client.summary()

    def work(self) -> Enrolling:
        """Enroll the next batch."""
        count = BATCHES[self._turn % len(BATCHES)]
        numbers = tuple(range(self._next, self._next + count))
        self._next, self._turn = self._next + count, self._turn + 1
        dimension = self._client.description.dimension
        subjects = [new_subject(self._number, number, dimension) for number in numbers]
        began, fault = time.monotonic(), None
        try:
            self._client.enroll([vector for _, vector in subjects], [name for name, _ in subjects])
        except Exception as error:  # whatever it is, it is part of the result
            fault = fault_of(error)
        return Enrolling(began, time.monotonic(), self._number, numbers, fault)


def fault_of(error: Exception) -> Fault:
    """Describe an error by the class that the library documents."""
    names = (kind.__name__ for kind in type(error).__mro__)
    public = next(name for name in names if not name.startswith("_"))
    return Fault(public, str(error), isinstance(error, ServerError))
