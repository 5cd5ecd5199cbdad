"""The run of a load: clients work, the server is watched, and killed in between if that is set."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import chain

import psutil
from rich.console import Console

from benchmarks.load.client_processes import ClientProcesses, ProcessRecords, client_groups
from benchmarks.load.gallery_access import GalleryAccess
from benchmarks.load.records import EnrollmentRecord, SearchRecord
from benchmarks.load.settings import LoadSettings
from benchmarks.load.statistics import Outage, server_work
from benchmarks.shared.server_process import ServerProcess


@dataclass(frozen=True, eq=False)
class LoadRun:
    """The records between two moments, and what was seen of the server meanwhile.

    Attributes
    ----------
    began, until
        The two moments.
    processes
        The records of each process of clients.
    samples
        Moments and the server's resident memory in bytes.
    server
        The server's own figures, since its last start.
    outage
        Its interruption, if there was one.
    machine_seconds
        Processor time of all programs of the machine, also of those that have no part in this.
    """

    began: float
    until: float
    processes: list[ProcessRecords]
    samples: list[tuple[float, int]]
    server: dict[str, float]
    outage: Outage | None
    machine_seconds: float

    @property
    def settled_samples(self) -> list[tuple[float, int]]:
        """The samples since the server's last start."""
        since = self.began if self.outage is None else self.outage.restarted
        return [sample for sample in self.samples if sample[0] >= since]

    @property
    def searches(self) -> list[SearchRecord]:
        return list(chain.from_iterable(process.searches for process in self.processes))

    @property
    def enrollments(self) -> list[EnrollmentRecord]:
        return list(chain.from_iterable(process.enrollments for process in self.processes))


def run_load(
    server: ServerProcess,
    searching: GalleryAccess,
    enrolling: GalleryAccess,
    settings: LoadSettings,
    console: Console,
) -> LoadRun:
    """Let the clients work until the time is over."""
    groups = client_groups(
        searching, enrolling, settings.clients, settings.enrollers, settings.processes
    )
    with ClientProcesses(groups) as clients:
        console.print(f"{settings.clients} clients open the gallery ...")
        clients.wait_ready()
        console.print(f"they work for {settings.seconds:g} seconds ...")
        before, used = server.prometheus_figures(), server.processor_seconds()
        busy, began = _machine_seconds(), time.monotonic()
        until, half = began + settings.seconds, began + settings.seconds / 2
        clients.start(until)
        samples, outage = _memory_samples(server, half if settings.kill else until), None
        if settings.kill:
            used -= server.processor_seconds()  # what was used is added to what the next one does
            outage = _interrupt(server, settings.down)
            before = server.prometheus_figures()
            samples += _memory_samples(server, until)
        seconds = settings.seconds if outage is None else until - outage.restarted
        work = server_work(before, server.prometheus_figures(), seconds)
        work["processor_seconds"] = server.processor_seconds() - used
        busy = _machine_seconds() - busy
        return LoadRun(began, until, clients.collect(), samples, work, outage, busy)


def _machine_seconds() -> float:
    """Return the processor time that all programs of this machine have used since it started."""
    times = psutil.cpu_times()
    idle: float = times.idle + getattr(times, "iowait", 0.0)
    return sum(times[:7]) - idle


def _memory_samples(server: ServerProcess, until: float) -> list[tuple[float, int]]:
    """Look at the server's memory each second until a moment."""
    samples = []
    while (now := time.monotonic()) < until:
        samples.append((now, server.resident()))
        time.sleep(min(1.0, max(0.0, until - now)))
    return samples


def _interrupt(server: ServerProcess, down: float) -> Outage:
    """Kill the server, and start it again after a while."""
    server.kill()
    killed = time.monotonic()
    time.sleep(down)
    server.start()
    restarted = time.monotonic()
    return Outage(killed, restarted, server.wait_ready())
