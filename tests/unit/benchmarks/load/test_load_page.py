"""The table of a load: what was measured, and whether the machine did other work."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from benchmarks.load.load_page import BEGIN, END, render
from benchmarks.load.settings import LoadSettings

PAGE = Path(__file__).parents[4] / "docs" / "performance.md"
LATENCY = {"count": 1_000, "p50": 0.5, "p95": 0.8, "p99": 0.9, "most": 1.1}
KINDS = (
    "search",
    "search: encrypting",
    "search: waiting for the server",
    "search: decrypting",
    "enroll",
)


def report(machine_seconds: float, *, kill: bool) -> dict[str, Any]:
    settings = LoadSettings(300.0, 32, 2, 100_000, 128, "swift", 4, "4GiB", kill, 3.0)
    found = ("lost", "doubled", "foreign", "damaged", "not_found")
    outage = {"ready_seconds": 1.4, "first_search_seconds": 2.0}
    return {
        "started": "2026-01-01 00:00+00:00",
        "machine": {"processor": "of some kind", "cores": 2},
        "database": "sqlite",
        "plan": asdict(settings),
        "searches_per_second": 60.0,
        "seconds": dict.fromkeys(KINDS, LATENCY | {"count": 1_032, "most": 6.5}),
        "steady_seconds": dict.fromkeys(KINDS, LATENCY),
        "server": {
            "processor_seconds": 300.0,
            "templates_per_second": 6e6,
            "probes_per_pass": 2.5,
            "cache_hit_rate": 0.998,
        },
        "clients": {"processor_seconds": 280.0},
        "machine_processor_seconds": machine_seconds,
        "memory": {"first": 440.0, "last": 450.0, "most": 460.0},
        "outage": outage if kill else None,
        "faults": [],
        "inspection": dict.fromkeys(found, 0),
        "goals": [{"text": "a goal: met"}],
    }


def test_an_idle_machine_is_told_from_a_busy_one() -> None:
    alone, beside = render(report(590.0, kill=False)), render(report(700.0, kill=False))
    assert "which did nothing else (10 s)" in alone
    assert "which did other work at the same time (120 s)" in beside
    assert "60.0 a second, 1,000 in all; p50 0.50 s, p95 0.80 s, p99 0.90 s" in alone
    assert "- a goal: met" in alone
    assert "killed" not in alone


def test_searches_of_an_outage_are_told_apart() -> None:
    text = render(report(590.0, kill=True))
    assert "killed for 3 s at half time" in text
    assert "ready after 1.4 s, the first answer after 2.0 s; 32 searches were under way" in text
    assert "the longest took 6.5 s" in text


@pytest.mark.parametrize("marker", [BEGIN, END])
def test_the_page_has_its_place(marker: str) -> None:
    assert PAGE.read_text(encoding="utf-8").count(marker) == 1
