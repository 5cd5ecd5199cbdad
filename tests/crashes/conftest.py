from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest


@dataclass
class Count:
    """What all kills together came to."""

    kills: int = 0
    damaged: int = 0
    lost: int = 0


_COUNT = pytest.StashKey[Count]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_COUNT] = Count()


@pytest.fixture
def count(pytestconfig: pytest.Config) -> Iterator[Count]:
    """The count of the whole run."""
    yield pytestconfig.stash.setdefault(_COUNT, Count())


@pytest.fixture(scope="session")
def long() -> bool:
    """Whether to take all the time that there is: `GALLERY_LONG=1 pytest tests/crashes`."""
    return os.environ.get("GALLERY_LONG") == "1"


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    found = config.stash.get(_COUNT, None)
    if found is not None and found.kills:
        terminalreporter.write_line(
            f"{found.kills} kills, {found.damaged} galleries damaged, "
            f"{found.lost} committed enrollments lost"
        )
