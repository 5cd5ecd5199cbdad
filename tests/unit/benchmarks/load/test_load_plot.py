"""The plots of a load: drawn from the report alone, with and without an outage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.load.load_plot import plot_load

OUTAGE = {"killed": 1.0, "restarted": 1.5, "ready_seconds": 0.2}


@pytest.mark.parametrize("outage", [None, OUTAGE])
def test_four_panels_are_drawn_and_the_same_each_time(
    tmp_path: Path, outage: dict[str, float] | None
) -> None:
    part = {"searches_per_second": 40.0, "writes_per_second": 1.0, "p50": 0.5, "p99": 0.9}
    report: dict[str, Any] = {
        "plan": {
            "clients": 32,
            "references": 1_000,
            "parameters": "swift",
            "dimension": 128,
            "enrollers": 2,
        },
        "timeline": [
            part | {"seconds": 1.0},
            part | {"seconds": 2.0, "p50": None, "p99": None},
        ],
        "percentiles": {"search": [0.1 * n for n in range(101)], "enroll": []},
        "resident_mib": [(0.0, 400), (1.0, 440)],
        "outage": outage,
    }
    first, second = tmp_path / "first.svg", tmp_path / "second.svg"
    for path in (first, second):
        plot_load(report, path)
    drawn = first.read_text(encoding="utf-8")
    assert drawn == second.read_text(encoding="utf-8")
    for text in ("32 clients search 1,000 references", "MiB of the server", "a search, p99"):
        assert text in drawn
    assert ("while the server was there" in drawn) is (outage is not None)
