"""The tables of the performance page: between two markers, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.compare.performance_page import BEGIN, END, write_tables

SPREAD = {"median": 2.5e-7, "least": 2.0e-7, "most": 3.0e-7, "repeats": 3}


def report() -> dict[str, Any]:
    """A report of one scheme, of a point of its scaling, and of nothing else."""
    step = {"role": "standard", "scheme": "gallery", "dimension": 128, "references": 100_000}
    hinted = step | {"role": "swift", "scheme": "gallery, swift", "check": SPREAD}
    beside = {"parameters": "swift", "dimension": 128, "references": 1_000_000, "faiss": SPREAD}
    on_one = {"one_thread": SPREAD, "times_faiss": {"median": 1.3, "least": 1.2, "most": 1.4}}
    no_more = {"two_threads": None, "gain_of_threads": None}
    read = {"one_thread": 15.3, "two_threads": None}
    times = dict.fromkeys(("enroll", "encrypt", "scan", "decrypt"), SPREAD)
    sizes = {"sent_bytes": 5_391_447, "answer_bytes": 30.4, "stored_bytes": 3_122.0}
    point = {"scheme": "gallery", "parameters": "standard", "dimension": 128, "probes": 16}
    return {
        "started": "2026-01-01 00:00+00:00",
        "seconds": 60,
        "repeats": 3,
        "machine": {"processor": "of some kind"},
        "load_average": [0.1, 0.2, 0.3],
        "gigabytes_per_second": dict.fromkeys(("read", "copy", "read_on_two_threads"), SPREAD),
        "verdicts": [{"text": "scan: as it should be"}],
        "steps": [step | {"check": None} | times | sizes, hinted | times | sizes],
        "beside": [{"dimension": 128, "faiss": SPREAD, "backend_seal": {"standard": SPREAD}}],
        "tenseal_parameters": [],
        "growth": [point | {"references": 1_000, "scan": SPREAD}],
        "beside_plain": [beside | on_one | no_more | {"gigabytes_per_second": read}],
        "skipped": ["1,000,000 references: too little memory"],
        "whole": {
            "parameters": "standard",
            "dimension": 128,
            "references": 100_000,
            "probes": 1_000,
            "enroll_seconds": 1e-4,
            "library": {"batch": SPREAD, "single": SPREAD},
            "command": {"batch": SPREAD, "single": SPREAD},
        },
        "peak_bytes": {"standard": {"1000": 123_000_000}},
    }


def test_tables_replace_what_is_between_the_markers(tmp_path: Path) -> None:
    path = tmp_path / "performance.md"
    path.write_text(f"# Before\n\n{BEGIN}\nold\n{END}\n\n## After\n", encoding="utf-8")
    write_tables(path, report())
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# Before\n\n{BEGIN}\n\nMeasured 2026-01-01")
    assert text.endswith(f"{END}\n\n## After\n")
    assert "old" not in text
    assert "| 128 | gallery | 16 | 250 (200–300) |" in text
    assert "| 250 (200–300) |  | 250 (200–300) | 5.39 |" in text, "no check"
    assert "| 250 (200–300) | 250 (200–300) | 250 (200–300) | 5.39 |" in text
    assert "| 128 | 1,000,000 | swift | 250 (200–300) | 250 (200–300) | 1.3 (1.2–1.4) |" in text
    assert "Not measured: 1,000,000 references" in text
    assert "| HEVEC | arXiv 2506.17336, MIT licence | 878–940 | 46–61 | 14.4–20.4 |" in text
    assert "| swift | this run | 250 (200–300) | 250 (200–300) | 1.3 (1.2–1.4) |" in text
    write_tables(path, report())
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("text", ["", f"{BEGIN}\n", f"{END}\n{BEGIN}\n"])
def test_a_page_without_both_markers_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "performance.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="markers"):
        write_tables(path, report())
    assert path.read_text(encoding="utf-8") == text
