"""A desk that runs on after an upgrade in place: its pages stay those that it began with."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gallery
from tests.support.desks import Desk

PACKAGE = Path(gallery.__file__).parent

_watched: list[list[Path]] = []


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _watched and isinstance(arguments[0], str | bytes | Path):
        path = Path(str(arguments[0]))
        if PACKAGE in path.parents and path.suffix not in (".py", ".pyc"):
            _watched[-1].append(path)


sys.addaudithook(_note)  # there is no way to take it off


@contextmanager
def files_opened() -> Iterator[list[Path]]:
    """Give the package's files, but for modules, that are opened meanwhile."""
    _watched.append([])
    try:
        yield _watched[-1]
    finally:
        _watched.pop()


def test_pages_and_their_files_are_not_read_while_it_runs(desk: Desk) -> None:
    browser = desk.browser()
    pages = [f"/g/0/{name}" for name in ("identify", "live", "enroll", "people", "gallery")]
    files = sorted(path.name for path in (PACKAGE / "desk" / "static").iterdir())

    with files_opened() as opened:
        answers = [browser.get(path) for path in (*pages, "/nowhere", "/g/0/accuracy")]
        given = {name: browser.get(f"/static/{name}") for name in files}

    assert opened == []
    assert [answer.status_code for answer in answers] == [200] * 5 + [404, 200]
    assert all(
        answer.content == (PACKAGE / "desk" / "static" / name).read_bytes()
        for name, answer in given.items()
    )
    assert {Path(name).suffix: given[name].headers["content-type"] for name in files} == {
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".svg": "image/svg+xml",
    }


def test_a_static_file_is_asked_for_by_its_name_alone(desk: Desk) -> None:
    browser = desk.browser()

    assert browser.head("/static/desk.js").headers["content-length"] != "0"
    assert browser.post("/static/desk.js").status_code in (403, 405)
    for name in ("", "nothing.js", "../words/en.json", "desk.js/"):
        assert browser.get(f"/static/{name}").status_code == 404
