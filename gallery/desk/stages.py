"""The stages of identifications and enrollments, and the time that each takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

from prometheus_client import Histogram

Stage = Literal["decode", "embed", "search"]
"""A photo is decoded; its faces are found and embedded; the gallery is searched. Waiting for others
is part of none."""

STAGE_SECONDS: Final = Histogram(
    "gallery_desk_stage_seconds",
    "Time of the stages of identifications and enrollments.",
    ("stage",),
    registry=None,
)


@contextmanager
def timed(stage: Stage) -> Iterator[None]:
    """Take the time of a stage, unless it fails."""
    started = time.perf_counter()
    yield
    STAGE_SECONDS.labels(stage).observe(time.perf_counter() - started)
