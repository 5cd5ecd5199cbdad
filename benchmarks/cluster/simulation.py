"""Discrete-event simulation of searches on a cluster: passes, tasks, networks, faults.

It follows `gallery.server.cluster`: one pass at a time over a gallery, for the searches that wait; a
share of the blocks for each worker, by rendezvous hashing; tasks of a few megabytes of results,
three at a time; results taken by the server one task after the other, and packed for each search.
The same seed gives the same times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import simpy

from benchmarks.cluster.costs import ClusterCosts
from benchmarks.cluster.plan import ClusterPlan
from gallery.messages import ManifestEntry
from gallery.server.cluster.dispatch import TASK_BYTES, TASKS_PER_WORKER
from gallery.server.cluster.placement import place_blocks

Steps = Generator[simpy.Event, Any, None]


@dataclass(frozen=True)
class SimulatedSearches:
    """The seconds of the searches that were finished, in the order of their ends."""

    seconds: tuple[float, ...]
    waiting: tuple[float, ...]
    probes_per_pass: float
    until: float
    losses: int

    def percentile(self, percent: float) -> float:
        """Return the seconds that so many percent of the searches did not exceed."""
        return float(np.percentile(self.seconds, percent))

    @property
    def rate(self) -> float:
        """Searches that were finished a second."""
        return len(self.seconds) / self.until


class _Search:
    def __init__(self, env: simpy.Environment) -> None:
        self.came = self.began = env.now
        self.thread = simpy.Resource(env)
        """Packs its results, one after the other."""
        self.parts: list[simpy.Process] = []
        self.scanned = env.event()
        self.done = env.event()


class _Worker:
    def __init__(self, env: simpy.Environment, blocks: int) -> None:
        self.blocks, self.cold = blocks, 0
        self.alive = True
        self.slots = simpy.Resource(env, TASKS_PER_WORKER)
        self.running = simpy.Resource(env)
        self.share: simpy.Process | None = None


class _Lost:
    """Why a share of a pass was interrupted."""


class ClusterSimulation:
    """One run of a plan.

    Parameters
    ----------
    plan, costs
        The cluster and what its work costs.
    seed
        Of the random numbers.
    """

    def __init__(self, plan: ClusterPlan, costs: ClusterCosts, seed: int = 1) -> None:
        self._plan, self._costs = plan, costs
        self._random = np.random.default_rng(seed)
        env = self._env = simpy.Environment()
        self._waiting: list[_Search] = []
        self._came = env.event()
        self._finished: list[tuple[float, float]] = []
        self._passes: Counter[str] = Counter()
        self._losses = 0
        self._workers = [_Worker(env, share) for share in _shares(plan)]
        self._server = simpy.Resource(env)
        self._packing = simpy.Resource(env, plan.server_cores)
        self._network, self._owners = simpy.Resource(env), simpy.Resource(env, plan.owners)
        self._links = simpy.Resource(env, plan.owners)
        cores = plan.shared_cores
        self._cores = None if cores is None else simpy.Resource(env, cores)

    def run(self, searches: int, warm_up: int = 0) -> SimulatedSearches:
        """Simulate until so many searches are finished; the first ones do not count."""
        env, plan = self._env, self._plan
        env.process(self._scan())
        if plan.clients:
            for _ in range(plan.clients):
                env.process(self._client())
        else:
            env.process(self._arrive())
        if plan.losses_per_hour:
            for worker in self._workers:
                env.process(self._lose(worker))
        while len(self._finished) < searches + warm_up:
            env.step()
        counted = self._finished[warm_up : warm_up + searches]
        return SimulatedSearches(
            tuple(whole for whole, _ in counted),
            tuple(waited for _, waited in counted),
            self._passes["probes"] / self._passes["passes"],
            env.now,
            self._losses,
        )

    # --- who searches -----------------------------------------------------------------------------

    def _arrive(self) -> Steps:
        while True:
            yield self._env.timeout(self._random.exponential(1.0 / self._plan.arrivals))
            self._ask()

    def _client(self) -> Steps:
        while True:
            yield self._ask().done

    def _ask(self) -> _Search:
        search = _Search(self._env)
        self._waiting.append(search)
        if not self._came.triggered:
            self._came.succeed()
        return search

    # --- the server -------------------------------------------------------------------------------

    def _scan(self) -> Steps:
        """Serve the searches that wait, one pass after the other."""
        env, plan = self._env, self._plan
        while True:
            if not self._waiting:
                self._came = env.event()
                yield self._came
            searches = self._waiting[: plan.probes_per_pass]
            del self._waiting[: plan.probes_per_pass]
            self._passes.update(passes=1, probes=len(searches))
            for search in searches:
                search.began = env.now
                env.process(self._answer(search))
            yield from self._busy(self._server, self._costs.pass_seconds)
            # To the first worker, and from there to the others at once.
            yield env.timeout(2 * len(searches) * plan.bytes.probe / plan.worker_network)
            shares = [
                env.process(self._share(worker, searches))
                for worker in self._workers
                if worker.alive
            ]
            yield env.all_of(shares)
            for search in searches:
                search.scanned.succeed()

    def _answer(self, search: _Search) -> Steps:
        """Wait for the whole answer, which its key owner then decrypts."""
        plan, env = self._plan, self._env
        yield search.scanned
        yield env.all_of(search.parts)
        yield from self._busy(self._owners, plan.blocks * self._costs.owner_seconds, foreign=True)
        self._finished.append((env.now - search.came, search.began - search.came))
        search.done.succeed()

    def _hand_out(self, search: _Search, blocks: int) -> Steps:
        """Pack results for a search and send them."""
        with search.thread.request() as turn:
            yield turn
            yield from self._busy(self._packing, blocks * self._costs.pack_seconds)
        seconds = blocks * self._plan.bytes.packed_result / self._plan.owner_network
        yield from self._busy(self._links, seconds, foreign=True)

    # --- the workers ------------------------------------------------------------------------------

    def _share(self, worker: _Worker, searches: list[_Search]) -> Steps:
        """Have a worker compare its blocks; if it is lost, the others do what is left."""
        left, tasks = worker.blocks, list[simpy.Process]()
        worker.share = self._env.active_process
        slow = self._random.random() < self._plan.straggler_share
        times = self._plan.straggler_times if slow else 1.0
        try:
            while left:
                count = min(left, self._blocks_per_task(len(searches)))
                slot = worker.slots.request()
                yield slot
                yield from self._compare(worker, count, len(searches), times)
                tasks.append(self._env.process(self._take(worker, slot, count, searches)))
                left -= count
        except simpy.Interrupt:
            worker.share = None
            yield self._env.timeout(self._plan.notice_seconds)
            yield self._env.process(self._redistribute(left, searches))
        worker.share = None
        yield self._env.all_of(tasks)

    def _redistribute(self, blocks: int, searches: list[_Search]) -> Steps:
        """Have the workers that are left read and compare the blocks of a lost one."""
        others = [worker for worker in self._workers if worker.alive]
        while not others:
            yield self._env.timeout(self._plan.notice_seconds)
            others = [worker for worker in self._workers if worker.alive]
        each = -(-blocks // len(others))
        parts = [self._env.process(self._catch_up(worker, each, searches)) for worker in others]
        yield self._env.all_of(parts)

    def _catch_up(self, worker: _Worker, blocks: int, searches: list[_Search]) -> Steps:
        yield self._env.timeout(blocks * self._plan.bytes.block / self._plan.read_rate)
        yield from self._compare(worker, blocks, len(searches), 1.0)
        slot = worker.slots.request()
        yield slot
        yield self._env.process(self._take(worker, slot, blocks, searches))

    def _compare(self, worker: _Worker, blocks: int, probes: int, times: float) -> Steps:
        """Read the blocks that are not in memory, and compare all of these."""
        cold = min(blocks, worker.cold)
        worker.cold -= cold
        if cold:
            yield self._env.timeout(cold * self._plan.bytes.block / self._plan.read_rate)
        scan = blocks * self._costs.scan_seconds(probes) / self._plan.worker_speed
        yield from self._busy(worker.running, times * scan)

    def _take(
        self, worker: _Worker, slot: Any, blocks: int, searches: list[_Search]
    ) -> Steps:
        """Have the server take the results of a task, and hand them to the searches."""
        results = blocks * len(searches)
        seconds = results * self._plan.bytes.result / self._plan.worker_network
        yield from self._busy(self._network, seconds, foreign=True)
        taking = self._costs.task_seconds + results * self._costs.take_seconds
        yield from self._busy(self._server, taking)
        worker.slots.release(slot)
        for search in searches:
            search.parts.append(self._env.process(self._hand_out(search, blocks)))

    def _lose(self, worker: _Worker) -> Steps:
        """Lose a worker at random, and have it back, with nothing in memory, after a while."""
        env, plan = self._env, self._plan
        while True:
            yield env.timeout(self._random.exponential(3600.0 / plan.losses_per_hour))
            if sum(one.alive for one in self._workers) == 1:
                continue  # the last one: then there is no cluster
            self._losses += 1
            worker.alive = False
            if worker.share is not None:
                worker.share.interrupt(_Lost())
            others = [one for one in self._workers if one.alive]
            moved, own = worker.blocks, [-(-worker.blocks // len(others))] * len(others)
            for one, part in zip(others, own, strict=True):
                one.blocks, one.cold = one.blocks + part, one.cold + part
            worker.blocks = 0
            yield env.timeout(plan.restart_seconds)
            for one, part in zip(others, own, strict=True):
                one.blocks -= min(part, one.blocks)
                one.cold = min(one.cold, one.blocks)
            worker.blocks, worker.cold, worker.alive = moved, moved, True

    def _blocks_per_task(self, probes: int) -> int:
        return max(1, TASK_BYTES // (probes * self._plan.bytes.result))

    def _busy(self, place: simpy.Resource, seconds: float, *, foreign: bool = False) -> Steps:
        """Occupy a place for some time, and with it a core where all share them."""
        with self._claimed(place) as turn:
            yield turn
            if self._cores is None or foreign:
                yield self._env.timeout(seconds)
                return
            with self._claimed(self._cores) as core:
                yield core
                yield self._env.timeout(seconds)

    @contextmanager
    def _claimed(self, place: simpy.Resource) -> Iterator[Any]:
        with place.request() as turn:
            yield turn


def _shares(plan: ClusterPlan) -> list[int]:
    """Return the number of blocks that rendezvous hashing gives to each worker."""
    entries = [ManifestEntry(index, 1, bytes(32)) for index in range(plan.blocks)]
    names = [f"tcp://worker-{number}:1" for number in range(plan.workers)]
    return [len(share) for share in place_blocks(bytes(16), entries, names).values()]
