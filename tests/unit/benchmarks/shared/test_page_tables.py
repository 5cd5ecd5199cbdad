"""Tables in documents: between two markers, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.shared.page_tables import replace_between, table


def test_a_table_stands_between_its_markers(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<b>\nold\n<e>\nafter\n", encoding="utf-8")
    for _ in range(2):
        replace_between(page, "<b>", "<e>", table(("what", "how much"), [("one", 1)]))
        text = page.read_text(encoding="utf-8")
        assert text == (
            "before\n<b>\n\n| what | how much |\n| --- | --- |\n| one | 1 |\n\n<e>\nafter\n"
        )


@pytest.mark.parametrize("text", ["", "<b>", "<e><b>"])
def test_without_both_markers_nothing_is_written(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="markers"):
        replace_between(page, "<b>", "<e>", "table")
    assert page.read_text(encoding="utf-8") == text
