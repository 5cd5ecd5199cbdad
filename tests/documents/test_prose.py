"""Prose in the code: heads of modules that name their thing with a noun."""

from __future__ import annotations

import ast
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


def first_word(text: str) -> str:
    return text.split(maxsplit=1)[0] if text.strip() else ""


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_module_names_its_thing_at_its_head(folder: str) -> None:
    for path in modules(folder):
        head = ast.get_docstring(ast.parse(path.read_text("utf-8")))

        assert head, f"{path}: no docstring"
        assert first_word(head) not in PRONOUNS, f"{path}: {head.splitlines()[0]}"
