"""Scenarios: clusters for 10 and 100 million references, what they take and what they answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.cluster.costs import ClusterCosts, MessageBytes, block_count
from benchmarks.cluster.plan import GIGABIT, ClusterPlan
from benchmarks.cluster.simulation import ClusterSimulation
from gallery.parameters import PARAMETER_SETS

DIMENSION = 128
SETS = ("swift", "light")

MEMORY_BANDWIDTH = 200e9
"""Bytes a second that all cores of a worker read from memory together."""

LOADS = (0.2, 0.5, 0.8)
"""Shares of the most searches a second that a cluster does."""

SEARCHES = {1_000_000: 1_000, 10_000_000: 500, 100_000_000: 200}
"""Searches of a simulation, by references."""


@dataclass(frozen=True)
class Scenario:
    """A gallery on a cluster.

    Attributes
    ----------
    references, parameters
        The gallery.
    workers, owners
        Machines that hold blocks, and machines that receive and decrypt answers.
    """

    references: int
    parameters: str
    workers: int
    owners: int

    @property
    def blocks(self) -> int:
        """Blocks of the gallery, all of them full."""
        return block_count(self.references, PARAMETER_SETS[self.parameters])

    def plan(self, costs: ClusterCosts) -> ClusterPlan:
        """Return the cluster: 10 Gbit/s everywhere, and workers as fast as their memory."""
        sizes = MessageBytes.of(PARAMETER_SETS[self.parameters], DIMENSION)
        one_thread = sizes.block / costs.first_scan_seconds
        return ClusterPlan(
            self.blocks,
            self.workers,
            sizes,
            worker_speed=MEMORY_BANDWIDTH / one_thread,
            worker_network=10 * GIGABIT,
            owner_network=10 * GIGABIT,
            owners=self.owners,
        )


SCENARIOS = tuple(
    Scenario(references, parameters, workers, owners)
    for references, workers, owners in ((1_000_000, 2, 2), (10_000_000, 4, 4), (100_000_000, 16, 8))
    for parameters in SETS
)


@dataclass(frozen=True)
class Faults:
    """What goes wrong: slow workers, and lost ones."""

    name: str
    straggler_share: float = 0.0
    straggler_times: float = 1.0
    losses_per_search: float = 0.0

    def of(self, plan: ClusterPlan) -> ClusterPlan:
        """Return the plan with these faults."""
        losses = 3600.0 * plan.arrivals * self.losses_per_search / plan.workers
        return replace(
            plan,
            straggler_share=self.straggler_share,
            straggler_times=self.straggler_times,
            losses_per_hour=losses,
        )


FAULTS = (
    Faults("all is well"),
    Faults("a twentieth of passes four times as slow", 0.05, 4.0),
    Faults("a worker killed in every hundredth search", losses_per_search=0.01),
)


def simulate(costs: dict[str, ClusterCosts], seed: int = 1) -> Iterator[dict[str, Any]]:
    """Yield what each scenario answers under each load, and with each kind of fault under one."""
    for scenario in SCENARIOS:
        own, searches = costs[scenario.parameters], SEARCHES[scenario.references]
        plan = scenario.plan(own)
        busy = replace(plan, clients=2 * plan.probes_per_pass)
        most = ClusterSimulation(busy, own, seed).run(searches // 2, searches // 4).rate
        for faults in FAULTS:
            for load in LOADS if faults is FAULTS[0] else LOADS[1:2]:
                loaded = faults.of(replace(plan, arrivals=load * most))
                found = ClusterSimulation(loaded, own, seed).run(searches, searches // 4)
                yield {
                    "references": scenario.references,
                    "parameters": scenario.parameters,
                    "workers": scenario.workers,
                    "owners": scenario.owners,
                    "faults": faults.name,
                    "most_per_second": most,
                    "load": load,
                    "p50": found.percentile(50),
                    "p99": found.percentile(99),
                    "losses": found.losses,
                }
