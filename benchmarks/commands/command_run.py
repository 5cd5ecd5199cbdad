"""A run of a command: the time of the whole process, and the bytes that it sent and received."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks.commands.counting_relay import CountingRelay
from benchmarks.shared.former_state import ROOT


@dataclass(frozen=True)
class CommandRun:
    """What one run took.

    Attributes
    ----------
    seconds, processor_seconds
        From the start of the process to its end, and its processors' time meanwhile.
    up, down
        Bytes sent and received, headers of HTTP included; 0 where no server is asked.
    """

    seconds: float
    processor_seconds: float
    up: int = 0
    down: int = 0


def run_command(
    words: tuple[str, ...],
    folder: Path,
    environment: Mapping[str, str],
    relay: CountingRelay | None = None,
    checkout: Path = ROOT,
) -> CommandRun:
    """Run a command in a folder; it must succeed.

    Parameters
    ----------
    words
        The command and its options.
    folder
        Where it runs.
    environment
        Variables beside those of this process.
    relay
        What it reaches the server through, if it asks one.
    checkout
        The state of the program that runs.
    """
    before = (relay.up, relay.down) if relay else (0, 0)
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, str(checkout / "cli.py"), *words],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        text = said.decode("utf-8", "replace").strip()
        raise click.ClickException(f"gallery {words[0]} ended with {process.returncode}: {text}")
    if relay is None:
        up = down = 0
    else:
        relay.settle()
        up, down = relay.up - before[0], relay.down - before[1]
    return CommandRun(seconds, usage.ru_utime + usage.ru_stime, up, down)
