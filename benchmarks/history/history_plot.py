"""The plot of the history: times of a scan and their ratios to plain search, by commit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.history.entries import HistoryEntry
from benchmarks.shared.plot_style import STYLE, save

_SCANS = {
    "FAISS in clear": "faiss_ns_per_vector",
    "standard": "scan_ns_per_template",
    "compact": "scan_ns_per_template_compact",
    "swift": "scan_ns_per_template_swift",
    "light": "scan_ns_per_template_light",
}
_MARKERS = "osD^v"
_RATIOS = {
    "standard": "ratio_scan_to_faiss",
    "compact": "ratio_scan_to_faiss_compact",
    "swift": "ratio_scan_to_faiss_swift",
    "light": "ratio_scan_to_faiss_light",
}


def plot_history(entries: Sequence[HistoryEntry], path: Path) -> None:
    """Draw the entries in their order; lines join those of one machine alone."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9.2, 4.8), layout="constrained")
        left, right = figure.subplots(1, 2)
        _draw(left, entries, _SCANS)
        left.set_title("ns a comparison, n = 100,000, d = 128, one thread")
        _draw(right, entries, _RATIOS)
        right.axhline(1.0, color="0.5", linewidth=0.8)
        right.set_title("times as long as FAISS in the same run")
        left.legend(frameon=False)
        machines = dict.fromkeys(entry.machine for entry in entries)
        names = [f"{letter}: {name}" for name, letter in _letters(machines).items()]
        figure.supxlabel("commit, and machine. " + "; ".join(names), fontsize=8)
        save(figure, path)


def _draw(panel: Axes, entries: Sequence[HistoryEntry], wanted: dict[str, str]) -> None:
    letters = _letters(entry.machine for entry in entries)
    # A parameter set has one colour in all panels.
    colors = {name: f"C{number}" for number, name in enumerate(_SCANS)}
    for name, figure in wanted.items():
        first = True
        for number, machine in enumerate(letters):
            known = [
                (place, entry.figures[figure])
                for place, entry in enumerate(entries)
                if entry.machine == machine and figure in entry.figures
            ]
            if known:
                places, values = zip(*known, strict=True)
                [line] = panel.semilogy(places, values, label=name if first else None)
                line.set(color=colors[name], marker=_MARKERS[number % len(_MARKERS)], markersize=4)
                first = False
    texts = [f"{entry.commit}\n{letters[entry.machine]}" for entry in entries]
    panel.set_xticks(range(len(entries)), texts, fontsize=7)
    panel.yaxis.set_major_formatter("{x:g}")
    panel.yaxis.set_minor_formatter("{x:g}")
    panel.grid(which="major", alpha=0.3)


def _letters(machines: Iterable[str]) -> dict[str, str]:
    return {name: chr(ord("A") + number) for number, name in enumerate(dict.fromkeys(machines))}
