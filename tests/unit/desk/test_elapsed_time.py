"""Elapsed seconds, of sleep too."""

from __future__ import annotations

import sys
import time

import pytest

from gallery.desk.elapsed_time import elapsed_seconds


def test_they_only_grow() -> None:
    first = elapsed_seconds()
    time.sleep(0.01)

    assert elapsed_seconds() >= first + 0.01


@pytest.mark.skipif(sys.platform != "linux", reason="the clock is Linux's")
def test_the_sleep_of_the_machine_is_counted() -> None:
    before = time.clock_gettime(time.CLOCK_BOOTTIME)

    assert before <= elapsed_seconds() <= time.clock_gettime(time.CLOCK_BOOTTIME)
