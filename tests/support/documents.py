"""Reading the project's documents: code blocks, prose, sections and tables."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
DOCS = CHECKOUT / "docs"
README = CHECKOUT / "README.md"
DOCUMENTS = [
    README,
    CHECKOUT / "CONTRIBUTING.md",
    CHECKOUT / "SECURITY.md",
    CHECKOUT / "requirements" / "README.md",
    *sorted(DOCS.rglob("*.md")),
]
"""What is said of the present. The changelog may name what is no more."""

NAMES = [str(path.relative_to(CHECKOUT)) for path in DOCUMENTS]

documents = pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)


def blocks_of(document: Path | str, language: str) -> list[str]:
    """Return the fenced code blocks of one language, of a document or of a part of its text.

    Those of a list's items are without their indentation.
    """
    text = document if isinstance(document, str) else document.read_text("utf-8")
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```$", text, re.DOTALL | re.M)
    return [textwrap.dedent(block) for _, block in found]


def files_of(document: Path) -> dict[str, str]:
    """Return the texts of files that a document shows, by the names that are their titles."""
    text = document.read_text("utf-8")
    return dict(re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```$', text, re.DOTALL | re.M))


def prose_of(path: Path) -> str:
    """Return a document without its fenced code blocks."""
    return re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.DOTALL | re.M)


def spans_of(path: Path) -> list[str]:
    """Return what stands in code spans of a document's prose, each on one line."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose_of(path))]


def section_of(path: Path, title: str) -> str:
    """Return the text below one heading, up to the next of its level."""
    found = re.search(
        rf"^(##+) {re.escape(title)}\n(.*?)(?=^\1 |\Z)", path.read_text("utf-8"), re.DOTALL | re.M
    )
    assert found, f"{path.name} has no section {title!r}"
    return found[2]


def rows_of(text: str) -> Iterator[list[str]]:
    """Yield the cells of all table rows but headings' rules."""
    for line in text.splitlines():
        if line.startswith("|") and not set(line) <= set("|- "):
            yield [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
