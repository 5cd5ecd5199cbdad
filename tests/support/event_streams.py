"""Readers of server-sent events, as programs would write them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class Event:
    """One event: its name and its document."""

    name: str
    data: dict[str, Any]


class EventReader:
    """Reads one stream; it begins where the stream has begun."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.iter_lines()

    def block(self) -> list[str]:
        """Return the lines until the next empty one; none if the stream has ended."""
        found: list[str] = []
        for line in self._lines:
            if not line:
                break
            found.append(line)
        return found

    def next(self) -> Event | None:
        """Return the next event, past comments; None if the stream has ended."""
        while lines := self.block():
            fields = dict(line.split(": ", 1) for line in lines if not line.startswith(":"))
            if "data" in fields:
                return Event(fields["event"], json.loads(fields["data"]))
        return None


@contextmanager
def listening(program: httpx.Client, path: str) -> Iterator[EventReader]:
    """Listen to a stream, which must tell first that the desk is not locked."""
    with program.stream("GET", path) as answer:
        assert answer.status_code == 200, answer.read()
        reader = EventReader(answer)
        assert reader.next() == Event("state", {"locked": False})
        yield reader
