"""Bytes on record: a change of the format, in either direction, fails here.

Each file of ``tests/vectors`` is one message in one scenario: its bytes and what they say. A change
that is meant needs a new format version, and new vectors beside these.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

import gallery.messages
from gallery.metrics import Metric

VECTORS = sorted((Path(__file__).parents[2] / "vectors").glob("*.json"))

each_vector = pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)


def readable(value: Any) -> Any:
    """Return a value as the vectors write it: bytes in hexadecimal, a message as an object."""
    if dataclasses.is_dataclass(value):
        return {
            field.name: readable(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Metric):
        return str(value)
    return [readable(item) for item in value] if isinstance(value, tuple) else value


def test_there_are_vectors_of_every_statement_and_of_references() -> None:
    messages = {json.loads(path.read_text("utf-8"))["message"] for path in VECTORS}

    assert messages == {"GalleryDescription", "BlockHeader", "Manifest", "ReferenceTable"}


@each_vector
def test_the_bytes_on_record_say_what_they_said(path: Path) -> None:
    vector = json.loads(path.read_text("utf-8"))

    found = getattr(gallery.messages, vector["message"]).from_bytes(bytes.fromhex(vector["hex"]))

    assert readable(found) == vector["fields"], vector["what"]


@each_vector
def test_what_they_say_is_still_written_as_the_bytes_on_record(path: Path) -> None:
    vector = json.loads(path.read_text("utf-8"))

    found = getattr(gallery.messages, vector["message"]).from_bytes(bytes.fromhex(vector["hex"]))

    assert found.to_bytes().hex() == vector["hex"]
