"""The plot of the predictions: how long searches take, against how many come."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.shared.plot_style import STYLE, save

Row = dict[str, Any]


def plot_scenarios(rows: Sequence[Row], path: Path) -> None:
    """Draw a panel for each size: p50 and p99 of each parameter set, with each kind of fault."""
    sizes = sorted({row["references"] for row in rows})
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(10.5, 4.6), layout="constrained")
        panels = figure.subplots(1, len(sizes), squeeze=False)[0]
        for panel, references in zip(panels, sizes, strict=True):
            _draw(panel, [row for row in rows if row["references"] == references])
            panel.set_title(f"{references:,} references")
            panel.set_xlabel("searches a second")
        panels[0].set_ylabel("seconds of a search")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
        save(figure, path)


def _draw(panel: Axes, rows: Sequence[Row]) -> None:
    kinds = list(dict.fromkeys(row["faults"] for row in rows))
    for number, parameters in enumerate(dict.fromkeys(row["parameters"] for row in rows)):
        own = [row for row in rows if row["parameters"] == parameters]
        for kind, style in zip(kinds, ("-", "--", ":"), strict=True):
            line = [row for row in own if row["faults"] == kind]
            rates = [row["load"] * row["most_per_second"] for row in line]
            label = f"{parameters}, p99, {kind}"
            taken = [row["p99"] for row in line]
            panel.semilogy(rates, taken, style, color=f"C{number}", marker=".", label=label)
            if kind == kinds[0]:
                middle = [row["p50"] for row in line]
                label = f"{parameters}, p50"
                panel.semilogy(rates, middle, color=f"C{number}", alpha=0.4, label=label)
    panel.set_xlim(left=0)
    panel.yaxis.set_major_formatter("{x:g}")
    panel.grid(which="both", alpha=0.3)
