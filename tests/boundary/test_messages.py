"""Messages below the command line: none names a command, an option or a variable of its.

Users of the library and of a server over HTTP read the same messages. What they are to do is a
`gallery.hints.Hint`, which `gallery.commands.hints` turns into commands and options.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import gallery
from tests.support.wording import FOREIGN

PACKAGE = Path(gallery.__file__).parent
MODULES = sorted(
    path.relative_to(PACKAGE).as_posix()
    for path in PACKAGE.rglob("*.py")
    if "commands" not in path.relative_to(PACKAGE).parts
)
TEXTS = sorted(
    path.relative_to(PACKAGE).as_posix()
    for path in PACKAGE.rglob("*")
    if path.suffix in {".json", ".j2", ".js"}
)

ALLOWED = {
    "demo/samples.py": "options of pip, which fetches the sample photos",
}
"""Modules with strings that look like options of ours and are another program's, and why."""


def _texts(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of every string that is not a docstring.

    What is put into an f-string is left out, so that the words around it come together.
    """
    tree = ast.parse(source)
    silent: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):  # docstrings, of attributes too
            silent.add(node.value)
        elif isinstance(node, ast.JoinedStr):
            silent.update(node.values)
    for node in ast.walk(tree):
        if node in silent:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
            yield node.lineno, "".join(str(part) for part in parts)


@pytest.mark.parametrize("module", MODULES)
def test_no_text_below_the_command_line_speaks_its_language(module: str) -> None:
    texts = _texts((PACKAGE / module).read_text(encoding="utf-8"))
    found = [f"{module}:{line}: {text}" for line, text in texts if FOREIGN.search(text)]

    if module in ALLOWED:
        assert found, f"{module} needs no exception any more"
    else:
        assert found == []


@pytest.mark.parametrize("file", TEXTS)
def test_no_page_and_no_report_does(file: str) -> None:
    text = (PACKAGE / file).read_text(encoding="utf-8")
    lines = re.sub("<style>.*?</style>", "", text, flags=re.DOTALL).splitlines()

    assert [line for line in lines if FOREIGN.search(line)] == []


@pytest.mark.parametrize(
    "said",
    [
        'raise Error(f"{path} is there already; --force replaces it")',
        'raise Error(f"{path} is there already; --{option} replaces it")',
        'raise Error("give --%s" % option)',
        'raise Error("set GALLERY_" "DATABASE")',
        'raise Error("no gallery; make one with: " "gallery init")',
        'HINT = "put it into GALLERY_TOKEN"',
        'raise Error(f"{what}; run the command again")',
    ],
)
def test_the_words_of_the_command_line_are_noticed(said: str) -> None:
    assert any(FOREIGN.search(text) for _, text in _texts(said))


@pytest.mark.parametrize(
    "said",
    [
        '"""Is asked for with gallery init --model."""',
        'raise Error(f"gallery {name!r} has no block -- none at all")',
        'raise Error("start one with: dask worker")',
    ],
)
def test_other_words_are_not_taken_for_them(said: str) -> None:
    assert not any(FOREIGN.search(text) for _, text in _texts(said))
