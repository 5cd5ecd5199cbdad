"""Tests go through public names: what they need of a module or an object has one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
MODULES = sorted(path.relative_to(TESTS).as_posix() for path in TESTS.rglob("*.py"))

PRIVATE = re.compile(r"_[a-z]\w*")
"""Names that their owner may change; constants in capitals may be made smaller for a test."""

OF_PYTHON = {"_asdict", "_exit", "_replace"}
"""Public in spite of their names: of named tuples, and of `os`."""

ALLOWED = {
    "unit/server/scanning/test_block_cache.py": "a look at what is kept, which counts as no use",
}
"""Modules that need a private name, and for what."""


def _private_names(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of what belongs to others and begins with an underscore."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Attribute):
            own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            names = [] if own else [node.attr]
        elif isinstance(node, ast.ImportFrom):
            names = [item.name for item in node.names]
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "setattr":
            given = [item.value for item in node.args if isinstance(item, ast.Constant)]
            names = [item.rpartition(".")[2] for item in given if isinstance(item, str)]
        for name in names:
            assert isinstance(node, ast.expr | ast.stmt)
            if PRIVATE.fullmatch(name) and name not in OF_PYTHON:
                yield node.lineno, name


@pytest.mark.parametrize("module", MODULES)
def test_no_private_name_is_reached_for(module: str) -> None:
    found = list(_private_names((TESTS / module).read_text(encoding="utf-8")))

    if module in ALLOWED:
        assert found, f"{module} needs no exception any more"
    else:
        assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "client._session.state()",
        "from gallery.client.photos.weights import _ensure_all",
        "monkeypatch.setattr(web_photos, '_followed', lambda: None)",
        "monkeypatch.setattr('gallery.client.photos.weights._ensure_all', None)",
    ],
)
def test_private_names_are_noticed(line: str) -> None:
    assert len(list(_private_names(line))) == 1
