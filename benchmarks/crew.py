"""Clients at work: processes of threads that start together and stop at a given moment."""

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

from benchmarks.clients import Account, Enroller, Enrolling, Search, Searcher
from benchmarks.workload import Workload

_PATIENCE = 900.0
_PAUSE_AFTER_FAULT = 0.5


class Work(NamedTuple):
    """What one process did, and the processor time that it took meanwhile."""

    searches: list[Search]
    enrollings: list[Enrolling]
    processor_seconds: float
    resident: int


@dataclass(frozen=True)
class Share:
    """The clients of one process, by their numbers."""

    account: Account
    searchers: Sequence[int] = ()
    enrollers: Sequence[int] = ()


class Crew:
    """Processes of clients. Each client is a thread with a key, a gallery and connections."""

    def __init__(self, shares: Sequence[Share]) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._members = []
        for share in shares:
            here, there = spawn.Pipe()
            process = spawn.Process(target=_be_member, args=(there, share), daemon=True)
            process.start()
            there.close()
            self._members.append((process, here))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for process, _ in self._members:
            if kind is not None:
                process.terminate()
            process.join()

    def wait_ready(self) -> None:
        """Wait until all clients have opened the gallery and made a first request."""
        for _, pipe in self._members:
            _receive(pipe)

    def begin(self, until: float) -> None:
        """Let them work until a moment; what they have begun by then they finish."""
        for _, pipe in self._members:
            pipe.send(until)

    def collect(self) -> list[Work]:
        """Wait for the end and return what each process did."""
        return [_receive(pipe) for _, pipe in self._members]


def shares_of(
    searching: Account, enrolling: Account, clients: int, enrollers: int, processes: int
) -> list[Share]:
    """Spread the searchers over processes, and give the enrollers one of their own."""
    parts = np.array_split(np.arange(clients), min(processes, clients))
    shares = [Share(searching, searchers=part.tolist()) for part in parts]
    return [*shares, Share(enrolling, enrollers=range(enrollers))] if enrollers else shares


def _receive(pipe: Connection) -> Any:
    try:
        if pipe.poll(_PATIENCE):
            return pipe.recv()
    except EOFError:
        raise click.ClickException("a process of clients ended; it says why above") from None
    raise click.ClickException("a process of clients does not come to its end")


def _be_member(pipe: Connection, share: Share) -> None:
    workload = Workload.load(share.account.folder)
    clients: list[Searcher | Enroller] = []
    with ExitStack() as stack:
        for number in share.searchers:
            client, service = stack.enter_context(share.account.open())
            clients.append(Searcher(number, client, service, workload))
        for number in share.enrollers:
            client, _ = stack.enter_context(share.account.open())
            clients.append(Enroller(number, client))
        threads = stack.enter_context(ThreadPoolExecutor(len(clients)))
        list(threads.map(lambda one: one.prepare(), clients))
        pipe.send(None)
        until, before = pipe.recv(), time.process_time()
        done = list(chain.from_iterable(threads.map(lambda one: _repeat(one, until), clients)))
        taken = time.process_time() - before
    searches = [record for record in done if isinstance(record, Search)]
    enrollings = [record for record in done if isinstance(record, Enrolling)]
    pipe.send(Work(searches, enrollings, taken, psutil.Process().memory_info().rss))


def _repeat(client: Searcher | Enroller, until: float) -> list[Search | Enrolling]:
    done = []
    while time.monotonic() < until:
        done.append(client.work())
        if done[-1].fault is not None:
            time.sleep(_PAUSE_AFTER_FAULT)
    return done
