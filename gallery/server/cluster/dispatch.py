"""One scan of a gallery, divided among the workers of a cluster."""

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

from gallery.ciphertexts.blocks import distances_size
from gallery.errors import GalleryError, ServerBusyError, ServerError
from gallery.messages import BlockResult, EncryptedProbe, Manifest, ManifestEntry
from gallery.parameters import find_parameters
from gallery.server.cluster.dask_client import Cluster
from gallery.server.cluster.placement import shares
from gallery.server.cluster.worker import PassContent, ShardKey, compare_shard

TASK_BYTES = 8 * 2**20
"""Results that one task returns, more or less: a task takes Dask about a millisecond, whatever is
in it, and what it returns is in the memory of its worker until it is fetched."""

TASKS_AT_ONCE = 3
"""Tasks that a worker is given at a time: one that runs, one that waits, one being fetched."""

LOSSES = 3
"""How often workers may be lost in one scan. What is computed might be what kills them."""

PULSE_S = 0.5
"""How long to wait for a result before looking whether all workers are still there."""

_LOST = (CancelledError, futures.CancelledError, KilledWorker, CommClosedError)
"""What Dask raises where a result is gone with its worker."""

Outcome = list[BlockResult | None] | BaseException


@dataclass(eq=False)
class _Task:
    worker: str
    entries: Sequence[ManifestEntry]
    future: Future[Any] | None = None


class ScanDispatch:
    """Compares all blocks of a gallery with probes on the workers that are there.

    It belongs to the thread that scans. A worker gets tasks for its own blocks only. If one is
    lost, what is not finished is divided anew among those that are there then.

    Parameters
    ----------
    cluster
        The workers.
    shard_key
        What they need to know of the database.
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
        cluster: Cluster,
        shard_key: ShardKey,
        manifest: Manifest,
        probes: Sequence[EncryptedProbe],
        wants_references: Callable[[ManifestEntry], bool],
    ) -> None:
        self._cluster = cluster
        self._gallery_id = manifest.gallery_id
        self._wants_references = wants_references
        messages = tuple(probe.to_bytes() for probe in probes)
        self._content = PassContent(shard_key, manifest.to_bytes(), messages, ())
        self._blocks_per_task = _blocks_per_task(probes)
        self._unanswered = deque(manifest.entries)
        self._answers: dict[int, BlockResult | None] = {}
        self._waiting: dict[str, deque[_Task]] = {}
        self._running: set[_Task] = set()
        self._finished: SimpleQueue[tuple[_Task, Outcome]] = SimpleQueue()
        self._losses = 0
        self._place(manifest.entries)

    def submit(self) -> None:
        """Give workers what they have room for, without waiting."""
        busy = [task.worker for task in self._running]
        for worker, waiting in self._waiting.items():
            room = TASKS_AT_ONCE - busy.count(worker)
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
            What a worker says, such as that a block is damaged.
        """
        self.submit()
        while self._unanswered[0].index not in self._answers:
            self._receive()
        taken = []
        while self._unanswered and self._unanswered[0].index in self._answers:
            entry = self._unanswered.popleft()
            taken.append((entry, self._answers.pop(entry.index)))
        return taken

    def close(self) -> None:
        """Give up on what is not finished."""
        left = [task.future for task in self._running if task.future is not None]
        self._running.clear()
        if left:
            self._cluster.cancel(left)

    def _place(self, entries: Iterable[ManifestEntry]) -> None:
        """Divide blocks among the workers that are there now."""
        workers = self._cluster.workers()
        content = replace(self._content, workers=tuple(workers))
        self._placed = self._cluster.place(content, workers)
        for worker, share in shares(self._gallery_id, entries, workers).items():
            if not share:
                # It may hold blocks from a time when there were fewer workers, or more blocks.
                self._cluster.send(worker, compare_shard, self._placed, (), (), worker)
            starts = range(0, len(share), self._blocks_per_task)
            tasks = (_Task(worker, share[at : at + self._blocks_per_task]) for at in starts)
            self._waiting[worker] = deque(tasks)

    def _start(self, task: _Task) -> None:
        wanted = {entry.index for entry in task.entries if self._wants_references(entry)}
        task.future = self._cluster.submit(
            task.worker, compare_shard, self._placed, task.entries, wanted, task.worker
        )
        self._running.add(task)
        task.future.add_done_callback(partial(_finish, self._finished, task))

    def _receive(self) -> None:
        """Wait for a task to finish, or find out what has become of it."""
        try:
            task, outcome = self._finished.get(timeout=PULSE_S)
        except Empty:
            if not self._waiting.keys() <= set(self._cluster.workers()):
                self._move()
            return
        if task not in self._running:  # it was given up on, and its blocks are in another task
            return
        if isinstance(outcome, _LOST):
            self._move()
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
                self._answers[entry.index] = answer
            self.submit()

    def _move(self) -> None:
        """Divide all that is not finished anew."""
        self._losses += 1
        if self._losses > LOSSES:
            raise ServerBusyError(
                "workers of the cluster were lost again and again during a search; their logs, or "
                "their machines' logs, say why. Too little memory is the usual reason"
            )
        self.close()
        self._waiting.clear()
        self._place([one for one in self._unanswered if one.index not in self._answers])
        self.submit()


def _finish(finished: SimpleQueue[tuple[_Task, Outcome]], task: _Task, future: Future[Any]) -> None:
    """Fetch a result; called by a thread of Dask's."""
    try:
        outcome: Outcome = future.result()
    except BaseException as error:
        outcome = error
    finished.put((task, outcome))


def _blocks_per_task(probes: Sequence[EncryptedProbe]) -> int:
    size = sum(distances_size(find_parameters(probe.parameters)) for probe in probes)
    return max(1, TASK_BYTES // max(1, size))
