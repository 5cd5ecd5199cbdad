"""The plot of latency against the size of the gallery."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.shared.plot_style import STYLE, save

Point = dict[str, Any]


def plot_latency(report: dict[str, Any], path: Path) -> None:
    """Draw the time of one search against the size of the gallery; one panel a dimension."""
    dimensions = sorted({point["dimension"] for point in report["growth"]})
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(max(7.0, 4.6 * len(dimensions)), 4.8), layout="constrained")
        panels = figure.subplots(1, len(dimensions), sharey=True, squeeze=False)[0]
        for panel, dimension in zip(panels, dimensions, strict=True):
            _draw(panel, _lines(report, dimension))
            panel.set_title(f"d = {dimension}, one probe, no decryption")
            panel.set_xlabel("references")
        panels[0].set_ylabel("seconds of the scan")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
        save(figure, path)


def _draw(panel: Axes, lines: dict[str, list[tuple[int, float]]]) -> None:
    most = max(references for line in lines.values() for references, _ in line)
    for name, line in lines.items():
        measured = sorted(line)
        [drawn] = panel.loglog(*zip(*measured, strict=True), marker="o", markersize=3, label=name)
        references, seconds = measured[-1]
        if references < most:
            further = [seconds, seconds * most / references]
            panel.loglog([references, most], further, linestyle=":", color=drawn.get_color())
    panel.grid(which="major", alpha=0.3)


def _lines(report: dict[str, Any], dimension: int) -> dict[str, list[tuple[int, float]]]:
    """Return references and median seconds by scheme; dotted lines go on from the last."""
    lines: dict[str, list[tuple[int, float]]] = defaultdict(list)
    wanted: Sequence[Point] = [
        point
        for point in report["growth"]
        if point["dimension"] == dimension and point["probes"] == 1
    ]
    for point in wanted:
        name = point["scheme"]
        if not any(known == point["references"] for known, _ in lines[name]):
            seconds = point["scan"]["median"] * point["references"]
            lines[name].append((point["references"], seconds))
    for steps in report["steps"]:
        if steps["role"] == "notebook" and steps["dimension"] == dimension:
            seconds = steps["scan"]["median"] * steps["references"]
            lines[steps["scheme"]].append((steps["references"], seconds))
    return lines
