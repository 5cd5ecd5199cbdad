"""The tables of ``docs/scaling.md``: what large galleries take, and what their clusters answer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.cluster.costs import ClusterCosts
from benchmarks.cluster.scenarios import FAULTS, LOADS, MEMORY_BANDWIDTH, SCENARIOS, Scenario
from benchmarks.shared.page_tables import table
from gallery.ciphertexts.bit_packing import packed_size
from gallery.parameters import PARAMETER_SETS
from gallery.parameters.hinted import HintedParameterSet

BEGIN = "<!-- Written by `make bench-cluster`, from here: -->"
END = "<!-- to here. -->"
PLOT = "../benchmarks/results/sizing.svg"

REFERENCE_BYTES = 178
"""Bytes of a row of the table of references."""

ENTRY_BYTES = 44
"""Bytes of a block in a manifest: its index, its version, its MAC."""

WORKER_SLACK = 1.2
"""Memory of a worker for each byte of its share: shares differ, and workers are lost."""

PROGRAM_BYTES = 2e9
"""Memory of a worker beside its blocks."""


def render(report: dict[str, Any], rows: Sequence[dict[str, Any]]) -> str:
    """Return the tables, and where their figures are from."""
    machine, load, plan = report["machine"], report["load_average"][0], report["plan"]
    costs = {kind: ClusterCosts.of(found) for kind, found in report["costs"].items()}
    return "\n\n".join(
        [
            f"Costs were measured {report['started']} on {machine['cores']} cores of "
            f"{machine['processor']}, load average at the start {load}: "
            + "; ".join(f"`{kind}`: {_costs(found)}" for kind, found in costs.items())
            + ".",
            "### What a gallery takes",
            table(("d = 128", *(_name(one) for one in SCENARIOS)), _sizes(costs)),
            "### How long searches take",
            f"![Seconds of a search against searches a second, for three sizes]({PLOT})",
            table(("references", "set", "most searches a second", *_loads()), _latencies(rows)),
            "### The small cluster, measured and simulated",
            f"{plan['references']:,} references, `{plan['parameters']}`; workers, server and "
            f"clients share {machine['cores']} cores. p50, p99, and searches a second:",
            table(("workers", "clients", "measured", "simulated"), _small(report)),
        ]
    )


def _small(report: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each load of the small cluster: measured, and simulated."""
    for row in report["searches"]:
        found = [
            f"{_time(row[what]['p50'])}, {_time(row[what]['p99'])}, {row[what]['rate']:.1f}"
            for what in ("measured", "simulated")
        ]
        yield f"{row['workers']}", f"{row['clients']}", *found


def _costs(costs: ClusterCosts) -> str:
    return (
        f"a pass {1e3 * costs.pass_seconds:.1f} ms, a task {1e3 * costs.task_seconds:.1f} ms, a "
        f"probe {1e3 * costs.send_probe_seconds:.2f} ms to send and "
        f"{1e3 * costs.read_probe_seconds:.2f} to read; for each block "
        f"{1e6 * costs.first_scan_seconds:.0f} µs of a thread for the first probe and "
        f"{1e6 * costs.next_scan_seconds:.0f} for each further one, and for each result "
        f"{1e6 * costs.take_seconds:.0f} µs to take it, {1e6 * costs.pack_seconds:.0f} to pack it "
        f"and {1e6 * costs.owner_seconds:.0f} to check, decrypt and rank it"
    )


def _name(scenario: Scenario) -> str:
    return f"{scenario.references // 1_000_000} million, `{scenario.parameters}`"


def _sizes(costs: dict[str, ClusterCosts]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each property, a cell for each scenario."""
    rows: dict[str, list[str]] = {}
    for one in SCENARIOS:
        for name, value in _properties(one, costs[one.parameters]).items():
            rows.setdefault(name, []).append(value)
    for name, values in rows.items():
        yield (name, *values)


def _properties(one: Scenario, costs: ClusterCosts) -> dict[str, str]:
    parameters = PARAMETER_SETS[one.parameters]
    assert isinstance(parameters, HintedParameterSet)
    plan = one.plan(costs)
    sizes, blocks = plan.bytes, one.blocks
    hint = packed_size(math.prod(parameters.hint_shape), parameters.residue_bits)
    packed_block = sizes.block // 32 * parameters.residue_bits
    references, manifest = REFERENCE_BYTES * one.references, ENTRY_BYTES * blocks
    share = WORKER_SLACK * blocks * sizes.block / one.workers + PROGRAM_BYTES
    written = packed_block + hint + REFERENCE_BYTES * one.references / blocks + sizes.probe
    answer = blocks * sizes.packed_result
    return {
        "blocks": f"{blocks:,}",
        "machines: workers, of owners": f"{one.workers}, {one.owners}",
        "memory of each worker": _bytes(share),
        "disk of the database, without its log": _bytes(
            blocks * (sizes.block + hint) + references + manifest
        ),
        "scanning, workers at 200 GB/s each": _time(
            blocks * sizes.block / MEMORY_BANDWIDTH / one.workers
        ),
        "from workers to server, a probe": _bytes(blocks * sizes.result),
        "from server to owner, a probe": _bytes(answer),
        "that on 10 Gbit/s": _time(answer / plan.owner_network),
        "server's core: taking, packing": f"{_time(blocks * costs.take_seconds)}, "
        f"{_time(blocks * costs.pack_seconds)}",
        "owner's core: checking, decrypting, ranking": _time(blocks * costs.owner_seconds),
        "references and hints, once for each owner": _bytes(references + blocks * hint),
        "a write of one reference: up": _bytes(written + manifest),
        "all blocks from the database at 200 MB/s each": _time(
            blocks * sizes.block / plan.read_rate / one.workers
        ),
    }


def _loads() -> list[str]:
    return [
        f"{faults.name}: p50, p99 at {100 * load:.0f}%"
        for faults in FAULTS
        for load in LOADS
        if faults is FAULTS[0] or load == LOADS[1]
    ]


def _latencies(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for one in SCENARIOS:
        own = {
            (row["faults"], row["load"]): row
            for row in rows
            if (row["references"], row["parameters"]) == (one.references, one.parameters)
        }
        cells = [
            f"{_time(own[faults.name, load]['p50'])}, {_time(own[faults.name, load]['p99'])}"
            for faults in FAULTS
            for load in LOADS
            if faults is FAULTS[0] or load == LOADS[1]
        ]
        most = own[FAULTS[0].name, LOADS[0]]["most_per_second"]
        yield f"{one.references:,}", f"`{one.parameters}`", f"{most:.2g}", *cells


def _bytes(count: float) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            value = count / size
            return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.2g} {unit}"
    return f"{count / 1e3:.2g} KB"


def _time(seconds: float) -> str:
    if seconds >= 99.5:
        return f"{seconds:,.0f} s"
    return f"{seconds:.2g} s" if seconds >= 0.0995 else f"{1e3 * seconds:.2g} ms"
