"""The measurement: searches by the desk's API and by commands in turn, and a long row of them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.desk.desk_process import STAGES, DeskProcess
from benchmarks.desk.prepared_gallery import PreparedGallery
from benchmarks.shared.timing import Spread

_WARM = 3
"""Searches before any is timed."""

SETTLED = 100
"""Searches of a long row after which its memory is compared: buffers have their sizes by then."""


@dataclass(frozen=True)
class SearchTimes:
    """Seconds of one search by the desk, of its stages, and of the same by other ways."""

    photo: float
    stages: dict[str, float]
    embedding: float
    command: float

    @property
    def beyond_embedding(self) -> float:
        """What the search takes beyond detection and embedding."""
        return self.photo - self.stages["embed"]

    @property
    def answering(self) -> float:
        """What no stage takes: HTTP, reading the form, threads, rights, the document."""
        return self.photo - sum(self.stages.values())

    @property
    def times_faster(self) -> float:
        """How many times as long the command takes."""
        return self.command / self.photo


def time_searches(
    gallery: PreparedGallery, desk: DeskProcess, repeats: int, progress: Callable[[], object]
) -> list[SearchTimes]:
    """Search with a photo by the desk and by a command, and with its embedding, in turn."""
    photo = gallery.probe.read_bytes()
    embedding = desk.embed(photo)
    for _ in range(_WARM):
        _check(desk.identify(photo), gallery)
        _check(desk.identify_embedding(embedding), gallery)
    found = []
    for _ in range(repeats):
        before = desk.stage_seconds()
        seconds = _seconds(lambda: _check(desk.identify(photo), gallery))
        after = desk.stage_seconds()
        found.append(
            SearchTimes(
                photo=seconds,
                stages={name: after[name] - before[name] for name in STAGES},
                embedding=_seconds(lambda: _check(desk.identify_embedding(embedding), gallery)),
                command=_seconds(lambda: _check_command(gallery)),
            )
        )
        progress()
    return found


@dataclass(frozen=True)
class SearchRow:
    """A row of searches: the bytes that a desk occupied after each hundred, and its processor time.

    Attributes
    ----------
    resident
        Bytes.
    processor_seconds
        Of one search.
    """

    resident: tuple[int, ...]
    processor_seconds: float

    @property
    def growth(self) -> int:
        """Bytes that the second half of the row added to what the first had."""
        half = len(self.resident) // 2
        return max(self.resident[half:]) - max(self.resident[:half])

    @classmethod
    def of(
        cls,
        search: Callable[[], object],
        resident: Callable[[], int],
        processor_seconds: Callable[[], float],
        searches: int,
    ) -> SearchRow:
        """Make so many searches, after some that let the memory settle."""
        for _ in range(SETTLED):
            search()
        found, before = [resident()], processor_seconds()
        for number in range(1, searches + 1):
            search()
            if number % 100 == 0:
                found.append(resident())
        return cls(tuple(found), (processor_seconds() - before) / searches)


def spread_of(times: Sequence[SearchTimes], figure: Callable[[SearchTimes], float]) -> Spread:
    """Summarise a figure of all repeats."""
    return Spread.of(figure(item) for item in times)


def _check(faces: Sequence[dict[str, object]], gallery: PreparedGallery) -> None:
    assert [face["label"] for face in faces] == [gallery.label], "the wrong person was found"


def _check_command(gallery: PreparedGallery) -> None:
    printed = gallery.command("identify", gallery.probe, "--json", "--quiet")
    assert json.loads(printed)["label"] == gallery.label, "the wrong person was found"


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
