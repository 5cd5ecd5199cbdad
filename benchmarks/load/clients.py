"""The clients of a load: key owners that search or enroll, and record every request."""

from __future__ import annotations

import time

import numpy as np

from benchmarks.load.gallery_access import TimedRemoteService
from benchmarks.load.records import EnrollmentRecord, Fault, SearchRecord
from benchmarks.load.workload import THRESHOLD, SearchAnswer, Workload, new_subject
from gallery.client import GalleryClient
from gallery.parameters import find_parameters

CANDIDATES = 3
"""Length of a candidate list."""

BATCH_SIZES = (1, 2, 3)
"""Subjects of one enrollment, in turn."""


class SearchingClient:
    """A client that searches for one probe after the other and checks every answer."""

    def __init__(
        self, number: int, client: GalleryClient, service: TimedRemoteService, workload: Workload
    ) -> None:
        self._client, self._service, self._workload = client, service, workload
        self._parameters = find_parameters(client.description.parameters)
        self._random = np.random.default_rng(number)

    def prepare(self) -> None:
        """Search once: the first answer brings all references."""
        self._client.identify(self._workload.probes[0], CANDIDATES, THRESHOLD)

    def run_once(self) -> SearchRecord:
        """Search once and judge the answer."""
        number = int(self._random.integers(len(self._workload.probes)))
        service, began = self._service, time.monotonic()
        try:
            found = self._client.identify(self._workload.probes[number], CANDIDATES, THRESHOLD)
        except Exception as error:  # whatever it is, it is part of the result
            ended = time.monotonic()
            return SearchRecord(began, ended, ended, 0.0, 0.0, Fault.of(error))
        ended = time.monotonic()
        answer = SearchAnswer(
            labels=found.labels[0].tolist(),
            distances=found.distances[0].tolist(),
            match=bool(found.decisions[0]),
            searched=int(found.searched[0]),
        )
        wrong = self._workload.mistake(number, answer, self._parameters)
        encrypting, waiting = service.sent - began, service.answered - service.sent
        fault = Fault("wrong answer", wrong, clear=False) if wrong else None
        return SearchRecord(began, service.answered, ended, encrypting, waiting, fault)


class EnrollingClient:
    """A client that enrolls new subjects, a few at a time, without a pause."""

    def __init__(self, number: int, client: GalleryClient) -> None:
        self._number, self._client = number, client
        self._next = self._turn = 0

    def prepare(self) -> None:
        """Read all references."""
        self._client.summary()

    def run_once(self) -> EnrollmentRecord:
        """Enroll the next batch."""
        count = BATCH_SIZES[self._turn % len(BATCH_SIZES)]
        numbers = tuple(range(self._next, self._next + count))
        self._next, self._turn = self._next + count, self._turn + 1
        dimension = self._client.description.dimension
        subjects = [new_subject(self._number, number, dimension) for number in numbers]
        began, fault = time.monotonic(), None
        try:
            self._client.enroll([vector for _, vector in subjects], [name for name, _ in subjects])
        except Exception as error:  # whatever it is, it is part of the result
            fault = Fault.of(error)
        return EnrollmentRecord(began, time.monotonic(), self._number, numbers, fault)
