"""The plots of a load: rates, latencies and memory over its time, and how latencies are spread."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.shared.plot_style import STYLE, save

Report = dict[str, Any]


def plot_load(report: Report, path: Path) -> None:
    """Draw a report in four panels."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9.2, 6.4), layout="constrained")
        (rates, latencies), (spread, memory) = figure.subplots(2, 2)
        _rates(rates, report)
        _latencies(latencies, report)
        _spread(spread, report)
        _memory(memory, report)
        for panel in (rates, latencies, memory):
            panel.set_xlabel("seconds since the beginning")
            _shade(panel, report["outage"])
        for panel in (rates, latencies, spread, memory):
            panel.set_ylim(bottom=0)
            panel.grid(alpha=0.3)
        plan = report["plan"]
        figure.suptitle(
            f"{plan['clients']} clients search {plan['references']:,} references "
            f"({plan['parameters']}, d = {plan['dimension']}), {plan['enrollers']} enroll"
        )
        save(figure, path)


def _rates(panel: Axes, report: Report) -> None:
    parts = report["timeline"]
    moments = [part["seconds"] for part in parts]
    panel.step(moments, [part["searches_per_second"] for part in parts], label="searches a second")
    panel.step(moments, [part["writes_per_second"] for part in parts], label="writes a second")
    panel.legend(frameon=False)


def _latencies(panel: Axes, report: Report) -> None:
    for name in ("p50", "p99"):
        parts = [part for part in report["timeline"] if part[name] is not None]
        taken = [part[name] for part in parts]
        panel.plot([part["seconds"] for part in parts], taken, label=f"a search, {name}")
    panel.set_ylabel("seconds")
    panel.legend(frameon=False)


def _spread(panel: Axes, report: Report) -> None:
    for kind, taken in report["percentiles"].items():
        if taken:
            panel.plot(taken, range(len(taken)), label=kind)
    panel.set_xlabel("seconds, while the server was there" if report["outage"] else "seconds")
    panel.set_ylabel("% that took no longer")
    panel.legend(frameon=False, loc="lower right")


def _memory(panel: Axes, report: Report) -> None:
    moments, sizes = zip(*report["resident_mib"], strict=True)
    panel.plot(moments, sizes)
    panel.set_ylabel("MiB of the server")


def _shade(panel: Axes, outage: dict[str, float] | None) -> None:
    """Mark the time in which the server was not there."""
    if outage:
        ready = outage["restarted"] + outage["ready_seconds"]
        panel.axvspan(outage["killed"], ready, color="0.8", label="killed, and not ready again")
