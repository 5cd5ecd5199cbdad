"""A Dask scheduler and workers in processes of their own on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from distributed import Client

from benchmarks.shared.server_process import free_port
from gallery.evaluator.native import usable_cores

_START_SECONDS = 120.0
_STOP_SECONDS = 10.0


@contextmanager
def cluster_of(workers: int, log: Path) -> Iterator[str]:
    """Give the address of a scheduler with so many workers, each on a core of its own in turn."""
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    where = ["--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    processes = [_start("scheduler", log, *where)]
    options = ["--nthreads", "1", "--memory-limit", "0", "--no-nanny", "--no-dashboard"]
    try:
        for number in range(workers):
            process = _start("worker", log, address, *options)
            processes.append(process)
            _pin(process.pid, number)
        _wait_for(workers, address, log)
        yield address
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _start(what: str, log: Path, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments]
    with log.open("ab") as output:
        return subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)


def _pin(process: int, number: int) -> None:
    """Leave a process one core, so that its kernel has one thread, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(process, {cores[number % usable_cores()]})


def _wait_for(workers: int, address: str, log: Path) -> None:
    started = time.monotonic()
    with Client(address, timeout=_START_SECONDS, set_as_default=False) as client:
        while len(client.nthreads()) < workers:
            if time.monotonic() - started > _START_SECONDS:
                text = log.read_text(encoding="utf-8", errors="replace")
                raise click.ClickException(f"the workers do not come: {text[-1000:]}")
            time.sleep(0.05)
