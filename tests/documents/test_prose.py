"""Prose in the code: heads of modules and summaries that name their thing with a noun."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.documents import CHECKOUT

FOLDERS = ("gallery", "migrations", "benchmarks", "tests", "tools", "docs", "examples")
PRONOUNS = {"How", "What", "Whatever", "When", "Where", "Which", "Who", "Whoever", "Whom", "Whose"}
"""Words that stand where the name of a thing belongs."""


def modules(*folders: str) -> list[Path]:
    """Return the modules in folders of the checkout, without those that only pass names on."""
    found = [path for folder in folders for path in sorted((CHECKOUT / folder).rglob("*.py"))]
    return [path for path in found if path.name != "conftest.py" and path.read_text("utf-8")]


def summaries(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the first line of each docstring of a module, of its constants too."""
    tree = ast.parse(path.read_text("utf-8"))
    yield path.name, (ast.get_docstring(tree) or "")
    for node in ast.walk(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, (ast.get_docstring(node) or "")
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield f"line {node.lineno}", str(node.value.value)


def first_word(text: str) -> str:
    return text.split(maxsplit=1)[0] if text.strip() else ""


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_module_names_its_thing_at_its_head(folder: str) -> None:
    for path in modules(folder):
        head = ast.get_docstring(ast.parse(path.read_text("utf-8")))

        assert head, f"{path}: no docstring"
        assert first_word(head) not in PRONOUNS, f"{path}: {head.splitlines()[0]}"


def test_every_summary_in_the_package_has_a_noun_or_a_verb() -> None:
    loose = [
        f"{path.relative_to(CHECKOUT)}, {name}: {text.splitlines()[0]}"
        for path in modules("gallery")
        for name, text in summaries(path)
        if first_word(text) in PRONOUNS
    ]

    assert not loose, "\n".join(loose)
