"""Dispatch of one scan: its blocks become tasks, and its tasks go to the workers of a cluster."""

from __future__ import annotations

from asyncio import CancelledError
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent import futures
from dataclasses import dataclass, replace
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from distributed import Future, KilledWorker
from distributed.comm.core import CommClosedError

from gallery.arrays import residue_bytes
from gallery.errors import GalleryError, ServerBusyError, ServerError
from gallery.messages import BlockResult, EncryptedProbe, Manifest, ManifestEntry
from gallery.parameters import find_parameters
from gallery.server.cluster.dask_client import DaskClient
from gallery.server.cluster.placement import place_blocks
from gallery.server.cluster.worker import PassContext, WorkerConfig, compare_shard

TASK_BYTES = 8 * 2**20
"""Results that one task returns, more or less: a task takes Dask about a millisecond, whatever is
in it, and what it returns is in the memory of its worker until it is fetched."""

TASKS_PER_WORKER = 3
"""Tasks that a worker is given at a time: one that runs, one that waits, one being fetched."""

MAX_LOSSES = 3
"""Losses of workers after which a scan is given up: the scan itself might be what kills them."""

LIVENESS_INTERVAL_S = 0.5
"""Seconds without a result after which the scan checks that all of its workers are connected."""

_LOST_RESULT_ERRORS = (CancelledError, futures.CancelledError, KilledWorker, CommClosedError)
"""Errors that Dask raises for a result that was lost with its worker."""

Outcome = list[BlockResult | None] | BaseException


@dataclass(eq=False)
class _Task:
    worker: str
    entries: Sequence[ManifestEntry]
    future: Future[Any] | None = None


class ScanDispatch:
    """Compares all blocks of a gallery with probes on the workers that are connected.

    A dispatch belongs to the thread that scans. A worker gets tasks for its own blocks only. If one
    is lost, the unfinished blocks are divided anew among the workers that are left.

    Parameters
    ----------
    cluster
        The workers.
    config
        What the workers need to open the database and to compare.
    manifest
        The state of the gallery to compare with.
    probes
        The probes.
    wants_references
        Tells whether the references of a block are asked for.

    Raises
    ------
    ServerBusyError
        If there is no worker.
    """

    def __init__(
        self,
        cluster: DaskClient,
        config: WorkerConfig,
        manifest: Manifest,
        probes: Sequence[EncryptedProbe],
        wants_references: Callable[[ManifestEntry], bool],
    ) -> None:
        self._cluster = cluster
        self._gallery_id = manifest.gallery_id
        self._wants_references = wants_references
        messages = tuple(probe.to_bytes() for probe in probes)
        self._context = PassContext(config, manifest.to_bytes(), messages, ())
        self._blocks_per_task = _blocks_per_task(probes)
        self._unfinished = deque(manifest.entries)
        self._results: dict[int, BlockResult | None] = {}
        self._waiting: dict[str, deque[_Task]] = {}
        self._running: set[_Task] = set()
        self._finished: SimpleQueue[tuple[_Task, Outcome]] = SimpleQueue()
        self._losses = 0
        self._distribute(manifest.entries)

    def submit(self) -> None:
        """Submit as many tasks as the workers have room for, without waiting."""
        busy = [task.worker for task in self._running]
        for worker, waiting in self._waiting.items():
            room = TASKS_PER_WORKER - busy.count(worker)
            for _ in range(min(room, len(waiting))):
                self._start(waiting.popleft())

    def take(self) -> list[tuple[ManifestEntry, BlockResult | None]]:
        """Wait for the next block, in the manifest's order, and return it with those after it.

        Returns
        -------
        list of (ManifestEntry, BlockResult or None)
            None for a block that the database has in another version by now.

        Raises
        ------
        ServerBusyError
            If no worker is left, or too many were lost.
        ServerError
            If a worker fails with an error that is not this program's own.
        GalleryError
            The error of a worker, such as that a block is damaged.
        """
        self.submit()
        while self._unfinished[0].index not in self._results:
            self._receive()
        taken = []
        while self._unfinished and self._unfinished[0].index in self._results:
            entry = self._unfinished.popleft()
            taken.append((entry, self._results.pop(entry.index)))
        return taken

    def close(self) -> None:
        """Cancel the tasks that are not finished."""
        left = [task.future for task in self._running if task.future is not None]
        self._running.clear()
        if left:
            self._cluster.cancel(left)

    def _distribute(self, entries: Iterable[ManifestEntry]) -> None:
        """Divide blocks among the workers that are connected now."""
        workers = self._cluster.workers()
        context = replace(self._context, workers=tuple(workers))
        self._placed = self._cluster.scatter(context, workers)
        for worker, share in place_blocks(self._gallery_id, entries, workers).items():
            if not share:
                # It may hold blocks from a time when there were fewer workers, or more blocks.
                self._cluster.submit_and_forget(worker, compare_shard, self._placed, (), (), worker)
            starts = range(0, len(share), self._blocks_per_task)
            tasks = (_Task(worker, share[at : at + self._blocks_per_task]) for at in starts)
            self._waiting[worker] = deque(tasks)

    def _start(self, task: _Task) -> None:
        wanted = {entry.index for entry in task.entries if self._wants_references(entry)}
        task.future = self._cluster.submit(
            task.worker, compare_shard, self._placed, task.entries, wanted, task.worker
        )
        self._running.add(task)
        task.future.add_done_callback(partial(_collect_outcome, self._finished, task))

    def _receive(self) -> None:
        """Wait for a task to finish, or redistribute the blocks of a worker that was lost."""
        try:
            task, outcome = self._finished.get(timeout=LIVENESS_INTERVAL_S)
        except Empty:
            if not self._waiting.keys() <= set(self._cluster.workers()):
                self._redistribute()
            return
        if task not in self._running:  # it was cancelled, and its blocks are in another task
            return
        if isinstance(outcome, _LOST_RESULT_ERRORS):
            self._redistribute()
        elif isinstance(outcome, GalleryError):
            raise outcome
        elif isinstance(outcome, BaseException):
            raise ServerError(
                f"the cluster's worker {task.worker} failed with {type(outcome).__name__}; its log "
                "says more. It must have the same version of this program installed as the server"
            ) from outcome
        else:
            self._running.discard(task)
            for entry, answer in zip(task.entries, outcome, strict=True):
                self._results[entry.index] = answer
            self.submit()

    def _redistribute(self) -> None:
        """Divide the unfinished blocks anew."""
        self._losses += 1
        if self._losses > MAX_LOSSES:
            raise ServerBusyError(
                "workers of the cluster were lost again and again during a search; their logs, or "
                "their machines' logs, say why. Too little memory is the usual reason"
            )
        self.close()
        self._waiting.clear()
        self._distribute([one for one in self._unfinished if one.index not in self._results])
        self.submit()


def _collect_outcome(
    finished: SimpleQueue[tuple[_Task, Outcome]], task: _Task, future: Future[Any]
) -> None:
    """Fetch the result of a task; called by a thread of Dask's."""
    try:
        outcome: Outcome = future.result()
    except BaseException as error:
        outcome = error
    finished.put((task, outcome))


def _blocks_per_task(probes: Sequence[EncryptedProbe]) -> int:
    size = sum(residue_bytes(find_parameters(probe.parameters).result_shape) for probe in probes)
    return max(1, TASK_BYTES // max(1, size))
