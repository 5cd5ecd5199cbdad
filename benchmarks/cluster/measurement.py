"""The measurement of a small cluster: what its parts cost, and how long searches take on it."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import psutil
from distributed import Client

from benchmarks.cluster.costs import ClusterCosts, MessageBytes, block_count
from benchmarks.cluster.plan import ClusterPlan
from benchmarks.cluster.simulation import ClusterSimulation
from benchmarks.cluster.worker_processes import cluster_of
from benchmarks.shared.timed_service import TimedService
from benchmarks.shared.unit_vectors import unit_vectors
from gallery.ciphertexts.blocks import capacity
from gallery.client import GalleryClient, GalleryKey
from gallery.evaluator import make_evaluator
from gallery.evaluator.native import usable_cores
from gallery.messages import BlockResult, EncryptedProbe, SearchRequest
from gallery.parameters import PARAMETER_SETS
from gallery.server import EmbeddedService, open_service

DIMENSION = 128
HINTED = ("swift", "light")
"""The parameter sets whose costs are measured in any case: large clusters are simulated with."""

CACHE_SIZE = 2**31
BLOCKS = 8
"""Blocks of the galleries that costs are measured with."""

REPEATS = 5
"""Times that each cost is measured."""

SEVERAL = 9
"""Probes of a pass whose scan is compared with that of one."""

MOVED = 16
"""Probes, or results of each block, that Dask moves at a time."""

T = TypeVar("T")
_THRESHOLD = 0.3
_TASKS = 100
_LEAST_SECONDS, _DASK_SECONDS = 0.2, 4.0
"""Seconds that a call is repeated for: of a processor, and of a clock where Dask is measured."""

SIMULATED = 1_000
"""Searches that are simulated."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class ClusterSettings:
    """What to measure; the options of the command."""

    references: int
    parameters: str
    workers: tuple[int, ...]
    clients: tuple[int, ...]
    seconds: float
    repeats: int


@dataclass(frozen=True)
class _Gallery:
    """A gallery in a database, and a request for it that asks for no references.

    ``search_seconds`` are the processor time of a whole search, owner and service in one process.
    """

    database: str
    request: SearchRequest
    search_seconds: float


def measure_cluster(settings: ClusterSettings, progress: Progress) -> dict[str, Any]:
    """Measure costs and searches, and set beside them what the simulation makes of the costs."""
    parameters = PARAMETER_SETS[settings.parameters]
    costs, rows = {}, list[dict[str, Any]]()
    with tempfile.TemporaryDirectory(prefix="gallery-cluster-") as name:
        folder = Path(name)
        for kind in dict.fromkeys([settings.parameters, *HINTED]):
            progress(f"{kind}: what the parts of a search cost ...")
            costs[kind] = asdict(_costs(kind, settings.repeats, folder))
        progress(f"enrolling {settings.references:,} references ...")
        gallery = _enroll(folder / "whole.db", settings.references, settings.parameters)
        for workers in settings.workers:
            with (
                cluster_of(workers, folder / "dask.log") as address,
                open_service(gallery.database, cluster=address, cache_size=CACHE_SIZE) as service,
            ):
                _search(service, gallery.request)  # reads all blocks
                for clients in settings.clients:
                    progress(f"{workers} workers, {clients} clients ...")
                    taken = _searches(service, gallery.request, clients, settings.seconds)
                    rows.append({"workers": workers, "clients": clients, **_summary(*taken)})
    report = {
        "plan": asdict(settings),
        "blocks": block_count(settings.references, parameters),
        "cores": usable_cores(),
        "bytes": asdict(MessageBytes.of(parameters, gallery.request.probes[0].columns)),
        "costs": costs,
        "searches": rows,
    }
    for row in rows:
        row["simulated"] = simulate_row(report, row)
    return report


def simulate_row(report: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, float]:
    """Return what the simulation makes of a row of a report: seconds, and searches a second."""
    plan = ClusterPlan(
        report["blocks"],
        row["workers"],
        MessageBytes(**report["bytes"]),
        clients=row["clients"],
        shared_cores=report["cores"],
        owners=row["clients"],
    )
    # The clients take results as they are packed; nobody decrypts them.
    costs = report["costs"][report["plan"]["parameters"]] | {"owner_seconds": 0.0}
    found = ClusterSimulation(plan, ClusterCosts.of(costs)).run(SIMULATED, SIMULATED // 10)
    return {"p50": found.percentile(50), "p99": found.percentile(99), "rate": found.rate}


def _enroll(path: Path, references: int, parameters: str) -> _Gallery:
    database, key = f"sqlite:///{path}", GalleryKey.generate()
    vectors = unit_vectors(np.random.default_rng(1), references + 1, DIMENSION)
    with open_service(database, create=True, cache_size=CACHE_SIZE) as service:
        timed = TimedService(service)
        with GalleryClient.create(
            timed, key, dimension=DIMENSION, parameters=PARAMETER_SETS[parameters]
        ) as client:
            client.enroll(vectors[1:], [f"reference-{number}" for number in range(references)])
            client.identify(vectors[:1], 1, _THRESHOLD)
            timed.forget()  # the next request asks for no references
            taken = _processor_time(lambda: client.identify(vectors[:1], 1, _THRESHOLD), REPEATS)
    assert timed.largest is not None
    return _Gallery(database, timed.largest, taken)


def _costs(kind: str, repeats: int, folder: Path) -> ClusterCosts:
    """Measure each cost of a parameter set by itself, on a gallery of a few blocks."""
    parameters, log = PARAMETER_SETS[kind], folder / "dask.log"
    whole = _enroll(folder / f"{kind}.db", BLOCKS * capacity(parameters), kind)
    single = _enroll(folder / f"{kind}-single.db", 1, kind)
    with open_service(whole.database, cache_size=CACHE_SIZE) as service:
        blocks = list(service.search(whole.request).blocks)
        gallery_id = whole.request.gallery_id
        columns = [service.block(gallery_id, index).columns for index in range(BLOCKS)]
    probe, evaluator = whole.request.probes[0], make_evaluator(threads=1)
    message = probe.to_bytes()

    def scan(probes: int) -> Callable[[], object]:
        return lambda: evaluator.distances_of_blocks(
            columns, [probe.constants] * probes, parameters
        )

    one = _processor_time(scan(1), repeats) / BLOCKS
    several = _processor_time(scan(SEVERAL), repeats) / BLOCKS
    pack = _processor_time(lambda: [block.to_bytes() for block in blocks], repeats) / BLOCKS
    send = _processor_time(probe.to_bytes, repeats)
    read = _processor_time(lambda: EncryptedProbe.from_bytes(message), repeats)
    with (
        cluster_of(1, log) as address,
        open_service(single.database, cluster=address, cache_size=CACHE_SIZE) as service,
    ):
        search = _of_all_processes(lambda: _search(service, single.request))
        task, take, move = _dask_seconds(address, blocks, message)
    following = max(0.0, (several - one) / (SEVERAL - 1))
    begun = search - task - one - pack - take - send - move - read
    # What a further block takes of a search in one process, without the scan.
    further = (whole.search_seconds - single.search_seconds) / (BLOCKS - 1)
    return ClusterCosts(
        pass_seconds=max(0.0, begun),
        send_probe_seconds=send + move,
        read_probe_seconds=move + read,
        task_seconds=task,
        first_scan_seconds=one,
        next_scan_seconds=following,
        take_seconds=take,
        pack_seconds=pack,
        owner_seconds=max(0.0, further - one),
    )


def _dask_seconds(
    address: str, blocks: Sequence[BlockResult], message: bytes
) -> tuple[float, float, float]:
    """Return the processor time of Dask for a task, for a result, and for a probe that it moves."""
    results, probes = list(blocks) * MOVED, [message] * MOVED
    with Client(address, set_as_default=False, direct_to_workers=True) as client:

        def tasks() -> None:
            for future in [client.submit(_same, number, pure=False) for number in range(_TASKS)]:
                future.result()

        held = client.scatter(results, hash=False)
        task = _of_all_processes(tasks) / _TASKS
        taken = _of_all_processes(lambda: client.submit(_same, held, pure=False).result())
        moved = _of_all_processes(lambda: client.scatter([probes], hash=False))
    return task, max(0.0, taken - task) / len(results), moved / MOVED


def _processor_time(call: Callable[[], object], repeats: int) -> float:
    """Return the seconds of processors that a call takes in this process, the median of some.

    Unlike the time of a clock, it has nothing of what other programs do meanwhile.
    """
    call()
    found = []
    for _ in range(repeats):
        count, before = 0, time.process_time()
        while (taken := time.process_time() - before) < _LEAST_SECONDS:
            call()
            count += 1
        found.append(taken / count)
    return statistics.median(found)


def _of_all_processes(call: Callable[[], object]) -> float:
    """Return the seconds of processors that a call takes in this process and its children."""
    call()
    count, before, until = 0, _processor_seconds(), time.perf_counter() + _DASK_SECONDS
    while time.perf_counter() < until:
        call()
        count += 1
    return (_processor_seconds() - before) / count


def _processor_seconds() -> float:
    this = psutil.Process()
    found = 0.0
    for process in (this, *this.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            found += times.user + times.system
    return found


def _same(value: T) -> T:
    return value


def _search(service: EmbeddedService, request: SearchRequest) -> float:
    """Search, pack all results as a server does, and return the seconds of that."""
    started = time.perf_counter()
    for block in service.search(request).blocks:
        block.to_bytes()
    return time.perf_counter() - started


def _searches(
    service: EmbeddedService, request: SearchRequest, clients: int, seconds: float
) -> tuple[list[float], float]:
    """Let clients search without a pause; return what each search took, and how long all did."""
    until = time.perf_counter() + seconds

    def client() -> list[float]:
        taken = []
        while time.perf_counter() < until:
            taken.append(_search(service, request))
        return taken

    started = time.perf_counter()
    with ThreadPoolExecutor(clients) as threads:
        running = [threads.submit(client) for _ in range(clients)]
        taken = [one for future in running for one in future.result()]
    return taken, time.perf_counter() - started


def _summary(taken: Sequence[float], lasted: float) -> dict[str, Any]:
    p50, p99 = np.percentile(taken, [50, 99]).tolist()
    rate = len(taken) / lasted
    return {"measured": {"count": len(taken), "p50": p50, "p99": p99, "rate": rate}}
