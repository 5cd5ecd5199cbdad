"""The table of a load in ``docs/performance.md``, out of its report."""

from __future__ import annotations

from typing import Any

from benchmarks.shared.page_tables import table

BEGIN = "<!-- Written by `make bench-load`, from here: -->"
END = "<!-- to here: load. -->"
PLOT = "../benchmarks/results/load.svg"

OTHERS = 0.05
"""Share of the processor that other programs took, from which on the page says so."""

_PARTS = "search: encrypting", "search: waiting for the server", "search: decrypting"

Report = dict[str, Any]


def render(report: Report) -> str:
    """Return a report in Markdown."""
    return "\n\n".join(
        [
            _circumstances(report),
            table(("", ""), _rows(report)),
            "\n".join(f"- {goal['text']}" for goal in report["goals"]),
            f"![Rates, latencies and memory over the time of the load]({PLOT})",
        ]
    )


def _circumstances(report: Report) -> str:
    plan, machine = report["plan"], report["machine"]
    there = plan["seconds"] * machine["cores"]
    server, clients = (report[who]["processor_seconds"] for who in ("server", "clients"))
    other = max(0.0, report["machine_processor_seconds"] - server - clients)
    shared = "did other work at the same time" if other > OTHERS * there else "did nothing else"
    killed = f", killed for {plan['down']:g} s at half time" if plan["kill"] else ""
    return (
        f"{plan['seconds']:g} seconds{killed}, on {report['database']}, `{plan['parameters']}`, "
        f"d = {plan['dimension']}, {report['started']}: {plan['clients']} clients that search, "
        f"{plan['enrollers']} that enroll, and {plan['references']:,} references. Server "
        f"({server:,.0f} s) and clients ({clients:,.0f} s) share the {there:,.0f} processor "
        f"seconds of {machine['cores']} cores of {machine['processor']}, which {shared} "
        f"({other:,.0f} s)."
    )


def _rows(report: Report) -> list[tuple[str, str]]:
    steady, server, memory = report["steady_seconds"], report["server"], report["memory"]
    search, enroll = steady["search"], steady["enroll"]
    parts = ", ".join(f"{steady[part]['p50']:.2f} s" for part in _PARTS)
    cache = 100 * server["cache_hit_rate"]
    rows = [
        (
            "searches",
            f"{report['searches_per_second']:.1f} a second, {search['count']:,} in all; "
            f"p50 {search['p50']:.2f} s, p95 {search['p95']:.2f} s, p99 {search['p99']:.2f} s",
        ),
        ("of a search, p50: encrypting, waiting, decrypting", parts),
    ]
    if enroll:
        rows.append(
            (
                "enrollments meanwhile",
                f"{enroll['count']} writes; p50 {enroll['p50']:.1f} s, p99 {enroll['p99']:.1f} s",
            )
        )
    rows.append(
        (
            "comparisons",
            f"{server['templates_per_second'] / 1e6:.1f} million a second; "
            f"{server['probes_per_pass']:.1f} probes a pass; {cache:.1f}% of blocks in memory",
        )
    )
    rows += _outage(report)
    inspection = report["inspection"]
    lost = sum(inspection[what] for what in ("lost", "doubled", "foreign", "damaged", "not_found"))
    errors = sum(fault["count"] for fault in report["faults"])
    rows.append(("errors; lost, doubled or damaged references", f"{errors}; {lost}"))
    if memory:
        rows.append(
            (
                "memory of the server, after a warm-up and at the end",
                f"{memory['first']:.0f} and {memory['last']:.0f} MiB, at most {memory['most']:.0f}",
            )
        )
    return rows


def _outage(report: Report) -> list[tuple[str, str]]:
    outage = report["outage"]
    if not outage:
        return []
    slow = report["seconds"]["search"]
    spared = report["steady_seconds"]["search"]["count"]
    first = outage["first_search_seconds"]
    return [
        (
            "the server killed and started again",
            f"ready after {outage['ready_seconds']:.1f} s"
            + ("" if first is None else f", the first answer after {first:.1f} s")
            + f"; {slow['count'] - spared} searches were under way meanwhile and are not counted "
            f"above, the longest took {slow['most']:.1f} s",
        )
    ]
