"""The public interface: every name exists, explains itself, and has its place in the reference."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from collections.abc import Iterator
from dataclasses import is_dataclass
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


# --- docstrings -----------------------------------------------------------------------------------

SECTIONS = (
    "Parameters",
    "Attributes",
    "Returns",
    "Yields",
    "Raises",
    "Notes",
    "Examples",
)
"""The sections of numpydoc that docstrings have here, in their order."""


def sections_of(value: object) -> dict[str, list[str]]:
    """Return the names at the beginning of each section's items, by the title of the section."""
    found: dict[str, list[str]] = {}
    lines = (inspect.getdoc(value) or "").splitlines()
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if line and below and set(below) == {"-"}:
            found[line] = []
        elif found and line and not line.startswith((" ", "-", ">")):
            found[list(found)[-1]] += [name.strip().lstrip("*") for name in line.split(",")]
    return found


def callables_of(module: str, name: str) -> Iterator[tuple[str, object]]:
    """Yield a public function, or the methods of a public class, by their names."""
    value = getattr(importlib.import_module(module), name)
    if inspect.isfunction(value):
        yield name, value
        return
    for member, found in inspect.getmembers(value, inspect.isroutine):
        origin = getattr(found, "__module__", None) or ""
        if not member.startswith("_") and origin.startswith("gallery."):
            yield f"{name}.{member}", found


CALLABLES = dict(found for module, name in NAMES for found in callables_of(module, name))


def arguments_of(value: object) -> set[str]:
    assert callable(value)
    return {name for name in inspect.signature(value).parameters if name not in ("self", "cls")}


@pytest.mark.parametrize("name", CALLABLES)
def test_sections_of_a_docstring_are_those_of_numpydoc_and_name_every_argument(name: str) -> None:
    sections = sections_of(CALLABLES[name])

    assert list(sections) == [title for title in SECTIONS if title in sections]
    if "Parameters" in sections:
        assert set(sections["Parameters"]) == arguments_of(CALLABLES[name])


@pytest.mark.parametrize(
    "name", [name for name in CALLABLES if "." not in name or name.startswith("GalleryClient.")]
)
def test_functions_and_the_client_say_what_they_take_and_give(name: str) -> None:
    sections, arguments = sections_of(CALLABLES[name]), arguments_of(CALLABLES[name])

    assert ("Parameters" in sections) == bool(arguments)
    gives = inspect.signature(CALLABLES[name]).return_annotation  # type: ignore[arg-type]
    if arguments and gives not in ("None", None):
        assert sections.keys() & {"Returns", "Yields"}


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_every_field_of_a_public_dataclass_is_described(module: str, name: str) -> None:
    value = getattr(importlib.import_module(module), name)
    sections = sections_of(value)
    fields = {item.name for item in dataclasses.fields(value)} if is_dataclass(value) else set()

    described_ = {*sections.get("Attributes", ()), *sections.get("Parameters", ())}
    assert {field for field in fields if not field.startswith("_")} <= described_
