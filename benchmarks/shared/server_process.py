"""A server process: the real ``gallery serve``, and its figures as seen from outside."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import click
import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.shared.command_line import gallery_command

_START_SECONDS = 120.0
_STOP_SECONDS = 60.0


def create_token(database: str, name: str, scope: str, gallery: str) -> str:
    """Have ``gallery token create`` make a token for one gallery."""
    options = ["--name", name, "--scope", scope, "--gallery", gallery, "--expires", "1d"]
    command = gallery_command("token", "create", *options, "--database", database)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise click.ClickException(f"no token: {done.stderr.strip()}")
    return done.stdout.strip()


class ServerProcess:
    """A server on a free port of this machine that can be killed and started again.

    Parameters
    ----------
    database
        SQLAlchemy's URL.
    log
        File for its output.
    cache_size
        Memory for blocks, as ``gallery serve`` takes it, such as ``4GiB``.
    options
        Further options of ``gallery serve``.
    """

    def __init__(self, database: str, log: Path, cache_size: str, *options: str) -> None:
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._log = log
        address = ["--host", "127.0.0.1", "--port", str(self._port), "--database", database]
        self._command = gallery_command("serve", *address, "--cache-size", cache_size, *options)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and return at once."""
        with self._log.open("ab") as log:
            # A group of its own, so that a Ctrl-C here leaves the end of the server to `stop`.
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, start_new_session=True
            )

    def wait_ready(self) -> float:
        """Wait until the server says that it is ready; return the seconds that it took."""
        started = time.monotonic()
        while time.monotonic() - started < _START_SECONDS:
            try:
                if httpx.get(f"{self.url}/readyz", timeout=5.0).is_success:
                    return time.monotonic() - started
            except httpx.TransportError:
                if self._running().poll() is not None:
                    break
            time.sleep(0.05)
        raise click.ClickException(f"the server does not start: {self._last_log_line()}")

    def kill(self) -> None:
        """End it as a power cut would."""
        os.killpg(self._running().pid, signal.SIGKILL)
        self._running().wait()

    def stop(self) -> int | None:
        """Ask it to end and return its exit status; None if it had to be killed."""
        if self._process is None:
            return None
        self._process.terminate()
        try:
            return self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def resident(self) -> int:
        """Return the bytes of memory that it occupies."""
        return int(psutil.Process(self._running().pid).memory_info().rss)

    def processor_seconds(self) -> float:
        """Return the processor time that it has used since it was started."""
        times = psutil.Process(self._running().pid).cpu_times()
        return float(times.user + times.system)

    def prometheus_figures(self) -> dict[str, float]:
        """Return the figures of ``/metrics`` that have no labels."""
        text = httpx.get(f"{self.url}/metrics", timeout=30.0).raise_for_status().text
        return {
            sample.name: sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if not sample.labels
        }

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server was not started"
        return self._process

    def _last_log_line(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return lines[-1] if lines else "it wrote no log"


def free_port() -> int:
    """Return a port of this machine that no program listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
