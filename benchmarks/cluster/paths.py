"""The files of the measurement and of the predictions."""

from __future__ import annotations

from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
RESULTS = CHECKOUT / "benchmarks" / "results"
REPORT = RESULTS / "cluster.json"
SIZING = RESULTS / "sizing.json"
PLOT = RESULTS / "sizing.svg"
SCALING_PAGE = CHECKOUT / "docs" / "scaling.md"
