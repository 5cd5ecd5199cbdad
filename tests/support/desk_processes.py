"""``gallery desk`` as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.documents import CHECKOUT


@dataclass(frozen=True)
class StartedDesk:
    """A desk that was started; the address that it printed, empty if it has ended; its log."""

    process: subprocess.Popen[str]
    address: str
    log: Path


@contextmanager
def started_desk(
    folder: Path, *words: str, environment: Mapping[str, str] | None = None
) -> Iterator[StartedDesk]:
    """Start a desk in a folder, on any port that is free, and end it in the end."""
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, str(CHECKOUT / "cli.py"), "desk", "--port", "0", *words],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    try:
        yield StartedDesk(process, process.stdout.readline().strip(), folder / "log")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
