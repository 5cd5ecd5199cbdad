"""The share of the processor that other programs take during a measurement."""

from __future__ import annotations

import time

import psutil

from gallery.evaluator.native import usable_cores


class OtherWork:
    """Begins to watch when it is made."""

    def __init__(self) -> None:
        self._began, self._busy, self._own = time.monotonic(), _busy_seconds(), own_seconds()

    def share(self) -> float:
        """Return what others took of all cores since then, 0 to 1."""
        there = (time.monotonic() - self._began) * usable_cores()
        others = (_busy_seconds() - self._busy) - (own_seconds() - self._own)
        return min(1.0, max(0.0, others / there))


def _busy_seconds() -> float:
    """Return the processor seconds that the machine has worked."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    # On Linux those of guests are in the others, too.
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return float(sum(times) - idle - guests)


def own_seconds() -> float:
    """Return those of this process, of children that have ended, and of those that run."""
    process = psutil.Process()
    own = process.cpu_times()
    running = [child.cpu_times() for child in process.children(recursive=True)]
    ended = getattr(own, "children_user", 0.0) + getattr(own, "children_system", 0.0)
    return float(own.user + own.system + ended + sum(item.user + item.system for item in running))
