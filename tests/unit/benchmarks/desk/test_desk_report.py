"""The report of a desk: a table of Markdown, goals, and figures for JSON."""

from __future__ import annotations

import json
from dataclasses import replace

from benchmarks.desk.desk_report import BEGIN, END, DeskReport
from benchmarks.desk.measurement import SearchRow, SearchTimes
from tests.support.documents import DOCS

TIMES = SearchTimes(0.45, {"decode": 0.03, "embed": 0.4, "search": 0.01}, 0.02, 5.0)
REPORT = DeskReport(
    {"processor": "a processor", "cores": 2},
    10_000,
    "swift",
    600_000,
    [TIMES, replace(TIMES, photo=0.47)],
    {"photo": SearchRow((600_000_000, 601_000_000), 0.2)},
    0.01,
)


def test_the_section_says_what_was_measured_on_what() -> None:
    section = REPORT.section()

    assert "2 cores of a processor, which did nothing else: 10,000 references, `swift`" in section
    assert "| a photo by the desk, whole | 460.0 ms (450.0 to 470.0) |" in section
    assert "| all but detection and embedding | 60.0 ms (50.0 to 70.0) |" in section
    assert "| memory over 100 searches with it | 600 to 601 MB |" in section
    assert "- a search beyond detection and embedding: 60 (50 to 70); at most 60 ms" in section
    assert "busy with others to 40%" in replace(REPORT, busy=0.4).section()


def test_the_figures_are_json() -> None:
    figures = json.loads(json.dumps(REPORT.figures()))

    assert (figures["references"], figures["repeats"]) == (10_000, 2)
    assert round(figures["beyond_embedding_seconds_least"], 6) == 0.05
    assert figures["photo_row_megabytes"] == [600.0, 601.0]


def test_the_page_has_a_place_for_it() -> None:
    text = (DOCS / "performance.md").read_text("utf-8")

    assert 0 < text.index(BEGIN) < text.index(END)
