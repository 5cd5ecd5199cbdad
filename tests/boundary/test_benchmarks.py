"""The boundary of the benchmarks: no test imports them but their own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
OWN_TESTS = TESTS / "unit" / "benchmarks"


def imported_packages(path: Path) -> Iterator[str]:
    """Yield the top-level packages that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def test_only_the_tests_of_the_benchmarks_import_them() -> None:
    importing = {
        path for path in TESTS.rglob("*.py") if "benchmarks" in set(imported_packages(path))
    }

    others = {path for path in importing if not path.is_relative_to(OWN_TESTS)}
    assert not others
    assert importing, "the tests of the benchmarks import them"
