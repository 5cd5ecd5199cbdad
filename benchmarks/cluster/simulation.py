"""Discrete-event simulation of searches on a cluster: passes, tasks, networks, faults.

It follows `gallery.server.cluster`: one pass at a time over a gallery, for the searches that wait;
a share of the blocks for each worker, by rendezvous hashing; tasks of a few megabytes of results,
three at a time; results taken by the server one task after the other, and packed for each search.
The same seed gives the same times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import simpy

from benchmarks.cluster.costs import ClusterCosts
from benchmarks.cluster.plan import ClusterPlan
from gallery.messages import ManifestEntry
from gallery.server.cluster.dispatch import TASK_BYTES, TASKS_PER_WORKER
from gallery.server.cluster.placement import place_blocks

PIECES = 8
"""Most pieces that the results of a search are packed and sent in: more would tell nothing more."""

Steps = Generator[simpy.Event, Any, None]


@dataclass(frozen=True)
class SimulatedSearches:
    """The searches that were finished and counted, in the order of their ends.

    Attributes
    ----------
    seconds, waiting
        From the call of each to its end, and to the beginning of its pass.
    lasted
        Seconds in which they were finished.
    probes_per_pass, losses
        Of the whole run.
    """

    seconds: tuple[float, ...]
    waiting: tuple[float, ...]
    lasted: float
    probes_per_pass: float
    losses: int

    def percentile(self, percent: float) -> float:
        """Return the seconds that so many percent of the searches did not exceed."""
        return float(np.percentile(self.seconds, percent))

    @property
    def rate(self) -> float:
        """Searches that were finished a second."""
        return len(self.seconds) / self.lasted


class _Search:
    def __init__(self, env: simpy.Environment, blocks: int) -> None:
        self.came = self.began = env.now
        self.thread = simpy.Resource(env)
        """Packs its results, one after the other."""
        self.parts: list[simpy.Process] = []
        self.taken, self.left = 0, blocks
        self.scanned = env.event()
        self.done = env.event()


class _Worker:
    """A worker: the blocks that are its own, and how many of them it has yet to read."""

    def __init__(self, env: simpy.Environment, name: str) -> None:
        self.name, self.alive = name, True
        self.blocks: frozenset[int] = frozenset()
        self.cold = 0
        self.share: simpy.Process | None = None
        self.renew(env)

    def renew(self, env: simpy.Environment) -> None:
        """Let it have nothing to do."""
        self.slots, self.running = simpy.Resource(env, TASKS_PER_WORKER), simpy.Resource(env)

    def own(self, blocks: frozenset[int]) -> None:
        """Give it other blocks; those that it did not have are cold."""
        self.cold = min(len(blocks), self.cold + len(blocks - self.blocks))
        self.blocks = blocks


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
        self._finished: list[tuple[float, float, float]] = []
        self._passes: Counter[str] = Counter()
        self._losses = 0
        names = (f"tcp://worker-{number}:1" for number in range(plan.workers))
        self._workers = [_Worker(env, name) for name in names]
        self._place()
        for worker in self._workers:
            worker.cold = 0  # a cluster that has searched before
        self._server = simpy.Resource(env)
        self._packing = simpy.Resource(env, plan.server_cores)
        self._network, self._owners = simpy.Resource(env), simpy.Resource(env, plan.owners)
        self._links = simpy.Resource(env, plan.owners)
        cores = plan.shared_cores
        self._cores = None if cores is None else simpy.Resource(env, cores)

    @property
    def shares(self) -> list[int]:
        """The number of blocks that each worker has at present."""
        return [len(worker.blocks) for worker in self._workers]

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
        ends, seconds, waiting = zip(*self._finished, strict=True)
        began = ends[warm_up - 1] if warm_up else 0.0
        per_pass = self._passes["probes"] / self._passes["passes"]
        return SimulatedSearches(
            seconds[warm_up:], waiting[warm_up:], ends[-1] - began, per_pass, self._losses
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
        search = _Search(self._env, self._plan.blocks)
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
            beginning = self._costs.pass_seconds + len(searches) * self._costs.send_probe_seconds
            yield from self._busy(self._server, beginning)
            # To the first worker, and from there to the others at once.
            yield env.timeout(2 * len(searches) * plan.bytes.probe / plan.worker_network)
            shares = [env.process(self._share(worker, searches)) for worker in self._alive()]
            yield env.all_of(shares)
            for search in searches:
                search.scanned.succeed()

    def _answer(self, search: _Search) -> Steps:
        """Wait for the whole answer, which its key owner then decrypts."""
        plan, env = self._plan, self._env
        yield search.scanned
        yield env.all_of(search.parts)
        opening = plan.blocks * self._costs.owner_seconds
        yield from self._busy(self._owners, opening, core=False)
        self._finished.append((env.now, env.now - search.came, search.began - search.came))
        search.done.succeed()

    def _hand_out(self, search: _Search, blocks: int) -> Steps:
        """Pack results for a search and send them."""
        with search.thread.request() as turn:
            yield turn
            yield from self._busy(self._packing, blocks * self._costs.pack_seconds)
        seconds = blocks * self._plan.bytes.packed_result / self._plan.owner_network
        yield from self._busy(self._links, seconds, core=False)

    # --- the workers ------------------------------------------------------------------------------

    def _share(self, worker: _Worker, searches: list[_Search]) -> Steps:
        """Have a worker compare its blocks; if it is lost, the others do what is left."""
        left, tasks = len(worker.blocks), list[simpy.Process]()
        worker.share = self._env.active_process
        slow = self._random.random() < self._plan.straggler_share
        times = self._plan.straggler_times if slow else 1.0
        try:
            reading = len(searches) * self._costs.read_probe_seconds
            yield from self._busy(worker.running, reading)
            while left:
                count = min(left, self._blocks_per_task(len(searches)))
                slot = worker.slots.request()
                yield slot
                yield from self._compare(worker, count, len(searches), times)
                tasks.append(self._env.process(self._take(worker, slot, count, searches)))
                left -= count
        except simpy.Interrupt:
            yield self._env.timeout(self._plan.notice_seconds)
            yield self._env.process(self._redistribute(left, searches))
        worker.share = None
        yield self._env.all_of(tasks)

    def _redistribute(self, blocks: int, searches: list[_Search]) -> Steps:
        """Have the workers that are left read and compare the blocks of a lost one."""
        others = self._alive()
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

    def _take(self, worker: _Worker, slot: Any, blocks: int, searches: list[_Search]) -> Steps:
        """Have the server take the results of a task, and hand them to the searches."""
        results = blocks * len(searches)
        seconds = results * self._plan.bytes.result / self._plan.worker_network
        yield from self._busy(self._network, seconds, core=False)
        taking = self._costs.task_seconds + results * self._costs.take_seconds
        yield from self._busy(self._server, taking)
        worker.slots.release(slot)
        for search in searches:
            search.taken += blocks
            search.left -= blocks
            if search.left <= 0 or search.taken * PIECES >= self._plan.blocks:
                search.parts.append(self._env.process(self._hand_out(search, search.taken)))
                search.taken = 0

    def _lose(self, worker: _Worker) -> Steps:
        """Lose a worker at random, and have it back, with nothing in memory, after a while."""
        env, plan = self._env, self._plan
        while True:
            yield env.timeout(self._random.exponential(3600.0 / plan.losses_per_hour))
            if len(self._alive()) == 1:
                continue  # without the last one there is no cluster
            self._losses += 1
            worker.alive = False
            if worker.share is not None:
                worker.share.interrupt("lost")
                worker.share = None
            worker.own(frozenset())
            self._place()
            yield env.timeout(plan.restart_seconds)
            worker.renew(env)
            worker.alive = True
            self._place()

    def _alive(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.alive]

    def _place(self) -> None:
        """Divide the blocks among the workers that are there, as the program does."""
        entries = [ManifestEntry(index, 1, bytes(32)) for index in range(self._plan.blocks)]
        alive = {worker.name: worker for worker in self._alive()}
        for name, share in place_blocks(bytes(16), entries, [*alive]).items():
            alive[name].own(frozenset(entry.index for entry in share))

    def _blocks_per_task(self, probes: int) -> int:
        return max(1, TASK_BYTES // (probes * self._plan.bytes.result))

    def _busy(self, place: simpy.Resource, seconds: float, *, core: bool = True) -> Steps:
        """Occupy a place for some time, and with it a core where all share them."""
        if seconds <= 0.0:
            return
        with place.request() as turn:
            yield turn
            if self._cores is None or not core:
                yield self._env.timeout(seconds)
                return
            with self._cores.request() as free:
                yield free
                yield self._env.timeout(seconds)
