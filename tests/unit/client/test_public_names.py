"""Public names of the key owner's package, and the modules that each loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import gallery.client

SOURCE = ast.parse(Path(gallery.client.__file__).read_text("utf-8"))

TOLD = {
    name.name: statement.module
    for block in SOURCE.body
    if isinstance(block, ast.If) and isinstance(block.test, ast.Name)
    for statement in block.body
    if isinstance(statement, ast.ImportFrom)
    for name in statement.names
}
"""The names that type checkers are told of, and where they find them."""


def test_type_checkers_are_told_of_all_public_names() -> None:
    assert set(TOLD) == set(gallery.client.__all__)


@pytest.mark.parametrize("name", gallery.client.__all__)
def test_a_name_is_what_type_checkers_take_it_for(name: str) -> None:
    home = TOLD[name]
    assert home is not None

    assert getattr(gallery.client, name) is getattr(import_module(home), name)


def test_all_public_names_are_listed_before_they_are_loaded() -> None:
    code = "import gallery.client; print(*dir(gallery.client))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert set(gallery.client.__all__) <= set(done.stdout.split())


def test_another_name_is_an_error_of_attributes() -> None:
    with pytest.raises(AttributeError, match=r"module 'gallery.client' has no attribute 'Gallery'"):
        _ = gallery.client.Gallery  # type: ignore[attr-defined]
