"""What is said to be public exists, explains itself, and has its place in the reference."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from types import ModuleType

import pytest

from tests.support.documents import DOCS, rows_of, section_of

PUBLIC = {
    cells[0].strip("`"): re.findall(r"\((api/\w+\.md)\)", cells[2])
    for cells in rows_of(section_of(DOCS / "public-api.md", "Python"))
    if cells[0].startswith("`")
}
"""The public modules, and the pages of the reference that describe them."""


def names_of(module: ModuleType) -> Iterator[str]:
    """Yield what a module exports; without `__all__`, all that it defines."""
    if hasattr(module, "__all__"):
        yield from module.__all__
        return
    for name, value in vars(module).items():
        if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__:
            yield name


def described(module: str) -> set[str]:
    """Return the names of a module on its pages of the reference."""
    found: set[str] = set()
    for page in PUBLIC[module]:
        text = (DOCS / page).read_text("utf-8")
        found |= set(re.findall(rf"^::: {re.escape(module)}\.(\w+)$", text, re.M))
        if re.search(rf"^::: {re.escape(module)}$", text, re.M):
            found |= set(names_of(importlib.import_module(module)))
    return found


NAMES = [
    (module, name)
    for module in PUBLIC
    for name in names_of(importlib.import_module(module))
    for value in (getattr(importlib.import_module(module), name),)
    if (inspect.isclass(value) or inspect.isfunction(value))
]
"""The public classes and functions; the text of a constant is below it, unseen by Python."""


def test_the_public_modules_are_found() -> None:
    assert {"gallery.client", "gallery.server", "gallery.errors"} <= set(PUBLIC)


@pytest.mark.parametrize("module", PUBLIC)
def test_the_reference_has_all_that_is_exported(module: str) -> None:
    assert set(names_of(importlib.import_module(module))) <= described(module)


@pytest.mark.parametrize("module", PUBLIC)
def test_nothing_else_of_a_public_module_is_in_the_reference(module: str) -> None:
    assert described(module) <= set(names_of(importlib.import_module(module)))


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_every_public_name_explains_itself(module: str, name: str) -> None:
    value = getattr(importlib.import_module(module), name)

    assert value.__doc__
    assert not value.__doc__.startswith(f"{name}("), "that is what a dataclass says of itself"
    for member, function in inspect.getmembers(value, inspect.isfunction):
        if not member.startswith("_") and function.__module__.startswith("gallery."):
            assert inspect.getdoc(function), f"{name}.{member}"
