"""The style of plots: text stays text, and the same numbers give the same file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

STYLE: Any = {"svg.fonttype": "none", "svg.hashsalt": "gallery", "font.size": 9}
"""Settings of Matplotlib's."""


def save(figure: Figure, path: Path) -> None:
    """Write a figure as SVG, without the date."""
    figure.savefig(path, metadata={"Date": None})
