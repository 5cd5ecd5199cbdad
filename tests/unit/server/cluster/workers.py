"""A Dask scheduler, and workers in processes of their own that can be killed."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from distributed import Client, LocalCluster, Security

CHECKOUT = Path(__file__).resolve().parents[4]
LONGEST_START_S = 120


class Workers:
    """Workers of one scheduler.

    Attributes
    ----------
    address
        The scheduler's.
    client
        A connection of the test's own.
    """

    def __init__(self, scheduler: LocalCluster, client: Client, log: Path) -> None:
        self.address: str = scheduler.scheduler_address
        self.client = client
        self._log = log
        self._numbers = itertools.count()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, count: int) -> None:
        """Start so many more and wait until they are there."""
        command = [sys.executable, "-m", "distributed.cli.dask_worker", self.address]
        command += ["--no-nanny", "--no-dashboard", "--nthreads", "1", "--memory-limit", "0"]
        with self._log.open("ab") as log:
            for _ in range(count):
                name = f"worker-{next(self._numbers)}"
                self._processes[name] = subprocess.Popen(
                    [*command, "--name", name], cwd=CHECKOUT, stdout=log, stderr=log
                )
        self._wait(len(self.addresses()) + count)

    def addresses(self) -> dict[str, str]:
        """Return the names of all workers that the scheduler knows, by their address."""
        return dict(self.client.run(_name))

    def kill(self, *addresses: str) -> None:
        """Kill workers as the system does when it runs out of memory."""
        names = self.addresses()
        killed = [self._processes.pop(names[address]) for address in addresses]
        for process in killed:
            process.kill()
        for process in killed:
            process.wait()

    @contextmanager
    def occupied(self, *addresses: str) -> Iterator[Callable[[], None]]:
        """Keep workers, all without addresses, from computing anything; give what frees them."""
        chosen = addresses or tuple(self.addresses())
        gate = self._log.with_name("gate")
        gate.touch()
        held = [
            self.client.submit(_wait_until_gone, str(gate), workers=[address], pure=False)
            for address in chosen
        ]
        while not all(self.client.processing()[one] for one in chosen):
            time.sleep(0.01)
        try:
            yield gate.unlink
        finally:
            gate.unlink(missing_ok=True)
            self.client.cancel(held)

    def wait_until_asked(self, address: str) -> None:
        """Wait until a worker that is occupied has something else to do, too."""
        while len(self.client.processing()[address]) < 2:
            time.sleep(0.01)

    def wait_for(self, count: int) -> None:
        """Wait until the scheduler knows of so many workers."""
        self._wait(count)

    def end(self) -> None:
        """Kill all workers."""
        for process in self._processes.values():
            process.kill()
            process.wait()
        self._processes.clear()

    def _wait(self, count: int) -> None:
        give_up = time.monotonic() + LONGEST_START_S
        while len(self.client.nthreads()) != count:
            assert time.monotonic() < give_up, self._log.read_text(errors="replace")
            time.sleep(0.02)


@contextmanager
def workers(log: Path, count: int, security: Security | None = None) -> Iterator[Workers]:
    """Run a scheduler in a thread and as many workers."""
    with (
        LocalCluster(
            n_workers=0,
            dashboard_address="127.0.0.1:0",
            protocol="tcp://" if security is None else "tls://",
            security=security,
        ) as scheduler,
        Client(scheduler, set_as_default=False) as client,
    ):
        running = Workers(scheduler, client, log)
        try:
            running.start(count)
            yield running
        finally:
            running.end()


def _wait_until_gone(path: str) -> None:
    while os.path.exists(path):
        time.sleep(0.01)


def _name(dask_worker: object) -> str:
    return str(dask_worker.name)  # type: ignore[attr-defined]
