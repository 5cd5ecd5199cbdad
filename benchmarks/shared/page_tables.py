"""Tables in the documents that programs write, between two markers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path


def replace_between(path: Path, begin: str, end: str, text: str) -> None:
    """Replace what is between two markers of a page.

    Raises
    ------
    ValueError
        If the page does not have both, in this order.
    """
    before, first, rest = path.read_text(encoding="utf-8").partition(begin)
    _, last, after = rest.partition(end)
    if not first or not last:
        raise ValueError(f"{path} does not have the markers that the tables go between")
    path.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
