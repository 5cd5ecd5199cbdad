"""The words of the pages: every text that is named is there, and none is idle."""

from __future__ import annotations

import json
import re
from pathlib import Path

import gallery.desk
import gallery.desk.errors
import gallery.errors
from gallery.desk import thumbnails
from gallery.desk.access import tokens
from gallery.desk.decisions import log_file
from gallery.desk.texts import english
from gallery.errors import GalleryError

FOLDER = Path(gallery.desk.__file__).parent
WORDS = json.loads((FOLDER / "words" / "en.json").read_text("utf-8"))
SOURCES = [*FOLDER.rglob("*.j2"), *FOLDER.rglob("*.py")]
COMPUTED = ("nav.", "gallery.", "result.", "people.exp", "told.", "decisions.", "poor.")
"""Beginnings of texts whose ends are computed from a page, a fact, a verdict or an error."""


def named() -> set[str]:
    """Return all texts that sources name, those for one and for many as two."""
    text = "\n".join(path.read_text("utf-8") for path in SOURCES)
    single = set(re.findall(r"""\bt\(\s*["']([a-z_.]+)["'][,)]""", text))
    single |= set(re.findall(r"""english\(\)\(\s*["']([a-z_.]+)["']""", text))
    single |= set(re.findall(r""""(enroll\.undone\.(?:one|many))\"""", text))
    counted = set(re.findall(r"""\bcount\(\s*["']([a-z_.]+)["'],""", text))
    return single | {f"{key}.{form}" for key in counted for form in ("one", "many")}


def test_every_text_that_is_named_is_there() -> None:
    assert named() - set(WORDS) == set()


def test_no_text_is_idle() -> None:
    idle = {key for key in set(WORDS) - named() if not key.startswith(COMPUTED)}
    assert idle == set()


def test_every_text_of_an_error_is_of_one_that_there_is() -> None:
    kinds = {
        name
        for module in (gallery.errors, gallery.desk.errors, tokens, log_file, thumbnails)
        for name, kind in vars(module).items()
        if isinstance(kind, type) and issubclass(kind, GalleryError)
    }

    told = {key.partition(".")[2] for key in WORDS if key.startswith("told.")}
    assert told - kinds == {"other"}


def test_a_count_has_its_own_words() -> None:
    t = english()

    assert t.count("references", 1) == "1 reference"
    assert t.count("references", 1200) == "1,200 references"
