"""Attacks on services and clients: what each may take, and that others are served meanwhile.

Long ones are marked ``attack`` and run by ``make attack`` alone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from tests.support.galleries import client, database, key, other_key, service

__all__ = ["client", "database", "key", "measured", "other_key", "service"]

MIB = 2**20


@dataclass
class Memory:
    """What a process took while it was watched: bytes before, and the most."""

    before: int = 0
    most: int = 0


@contextmanager
def measured(pid: int) -> Iterator[Memory]:
    """Watch the resident memory of a process."""
    process, over = psutil.Process(pid), threading.Event()
    memory = Memory(process.memory_info().rss)

    def watch() -> None:
        while not over.wait(0.02):
            memory.most = max(memory.most, process.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield memory
    finally:
        over.set()
        thread.join()
