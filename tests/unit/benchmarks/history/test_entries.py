"""The history of the comparison: entries in, entries out, one for each measurement."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.history.entries import HistoryEntry, read_history, with_entry, write_history
from benchmarks.history.history_plot import plot_history
from benchmarks.history.paths import HISTORY
from benchmarks.shared.machine import describe_machine

REPORT: dict[str, Any] = {
    "started": "2026-01-02 00:00+00:00",
    "repeats": 3,
    "machine": describe_machine(),
    "headline": {"scan_ns_per_template_swift": 30.0, "faiss_ns_per_vector": 16.0, "references": 1},
}


@pytest.fixture
def entry() -> HistoryEntry:
    return HistoryEntry.of(REPORT, "0123abc")


def test_an_entry_has_the_figures_that_are_followed_and_no_others(entry: HistoryEntry) -> None:
    assert entry.commit == "0123abc"
    assert entry.machine == describe_machine()["processor"]
    assert entry.figures == {"scan_ns_per_template_swift": 30.0, "faiss_ns_per_vector": 16.0}


def test_entries_are_kept_by_their_times(tmp_path: Path, entry: HistoryEntry) -> None:
    earlier = replace(entry, commit="earlier", measured="2025-01-01 00:00+00:00")
    path = tmp_path / "history.jsonl"
    assert read_history(path) == []
    write_history(path, [entry, earlier])
    assert read_history(path) == [earlier, entry]


def test_one_measurement_has_one_entry(entry: HistoryEntry) -> None:
    corrected, elsewhere = replace(entry, commit="4567def"), replace(entry, machine="another")
    assert with_entry(with_entry([entry], corrected), elsewhere) == [corrected, elsewhere]


def test_a_damaged_line_is_named(tmp_path: Path, entry: HistoryEntry) -> None:
    path = tmp_path / "history.jsonl"
    write_history(path, [entry])
    path.write_text(path.read_text() + '{"commit": "alone"}\n')
    with pytest.raises(ValueError, match=r"history\.jsonl, line 2, is no entry"):
        read_history(path)


def test_the_history_of_this_project_is_drawn(tmp_path: Path) -> None:
    entries = read_history(HISTORY)
    assert len(entries) >= 5
    plot_history(entries, tmp_path / "history.svg")
    drawn = (tmp_path / "history.svg").read_text(encoding="utf-8")
    for one in entries:
        assert one.commit in drawn
        assert one.machine in drawn
