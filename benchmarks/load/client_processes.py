"""The processes of the clients: they start together and stop at a given moment."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, NamedTuple, Self

import click
import numpy as np
import psutil

from benchmarks.load.clients import EnrollingClient, SearchingClient
from benchmarks.load.gallery_access import GalleryAccess
from benchmarks.load.records import EnrollmentRecord, SearchRecord
from benchmarks.load.workload import Workload

_TIMEOUT = 900.0
_PAUSE_AFTER_FAULT = 0.5

Client = SearchingClient | EnrollingClient


class ProcessRecords(NamedTuple):
    """The records of one process, its processor time meanwhile, and its memory at the end."""

    searches: list[SearchRecord]
    enrollments: list[EnrollmentRecord]
    processor_seconds: float
    resident: int


@dataclass(frozen=True)
class ClientGroup:
    """The clients of one process, by their numbers."""

    access: GalleryAccess
    searchers: Sequence[int] = ()
    enrollers: Sequence[int] = ()


class ClientProcesses:
    """A process for each group; its clients are threads with keys and connections of their own."""

    def __init__(self, groups: Sequence[ClientGroup]) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._processes = []
        for group in groups:
            here, there = spawn.Pipe()
            process = spawn.Process(target=_run_group, args=(there, group), daemon=True)
            process.start()
            there.close()
            self._processes.append((process, here))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for process, _ in self._processes:
            if kind is not None:
                process.terminate()
            process.join()

    def wait_ready(self) -> None:
        """Wait until all clients have opened the gallery and made a first request."""
        for _, pipe in self._processes:
            _receive(pipe)

    def start(self, until: float) -> None:
        """Let them work until a moment; what they have begun by then they finish."""
        for _, pipe in self._processes:
            pipe.send(until)

    def collect(self) -> list[ProcessRecords]:
        """Wait for the end and return the records of each process."""
        return [_receive(pipe) for _, pipe in self._processes]


def client_groups(
    searching: GalleryAccess,
    enrolling: GalleryAccess,
    clients: int,
    enrollers: int,
    processes: int,
) -> list[ClientGroup]:
    """Spread the searchers over processes, and give the enrollers one of their own."""
    parts = np.array_split(np.arange(clients), min(processes, clients))
    groups = [ClientGroup(searching, searchers=part.tolist()) for part in parts]
    if enrollers:
        groups.append(ClientGroup(enrolling, enrollers=range(enrollers)))
    return groups


def _receive(pipe: Connection) -> Any:
    try:
        if pipe.poll(_TIMEOUT):
            return pipe.recv()
    except EOFError:
        raise click.ClickException("a process of clients ended; it says why above") from None
    raise click.ClickException("a process of clients does not come to its end")


def _run_group(pipe: Connection, group: ClientGroup) -> None:
    """Run the clients of one process; the pipe carries readiness, the end, and the records."""
    with ExitStack() as stack:
        clients = _open_clients(group, stack)
        threads = stack.enter_context(ThreadPoolExecutor(len(clients)))
        list(threads.map(lambda client: client.prepare(), clients))
        pipe.send(None)
        until, before = pipe.recv(), time.process_time()
        run = threads.map(lambda client: _run_client(client, until), clients)
        records = list(chain.from_iterable(run))
        taken = time.process_time() - before
    searches = [record for record in records if isinstance(record, SearchRecord)]
    enrollments = [record for record in records if isinstance(record, EnrollmentRecord)]
    resident = psutil.Process().memory_info().rss
    pipe.send(ProcessRecords(searches, enrollments, taken, resident))


def _open_clients(group: ClientGroup, stack: ExitStack) -> list[Client]:
    workload = Workload.load(group.access.folder)
    clients: list[Client] = []
    for number in group.searchers:
        client, service = stack.enter_context(group.access.open())
        clients.append(SearchingClient(number, client, service, workload))
    for number in group.enrollers:
        client, _ = stack.enter_context(group.access.open())
        clients.append(EnrollingClient(number, client))
    return clients


def _run_client(client: Client, until: float) -> list[SearchRecord | EnrollmentRecord]:
    records: list[SearchRecord | EnrollmentRecord] = []
    while time.monotonic() < until:
        records.append(client.run_once())
        if records[-1].fault is not None:
            time.sleep(_PAUSE_AFTER_FAULT)
    return records
