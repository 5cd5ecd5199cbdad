"""The files of the history."""

from __future__ import annotations

from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
RESULTS = CHECKOUT / "benchmarks" / "results"
HISTORY = RESULTS / "history.jsonl"
PLOT = RESULTS / "history.svg"
