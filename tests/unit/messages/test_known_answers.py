"""Bytes on record: a change of the format, in either direction, fails here.

Each file of ``tests/vectors`` is one message in one scenario: its bytes and what they say. A change
that is meant needs a new format version, and new vectors beside these. Folder ``residues`` is for
what holds residues: see ``test_known_residues.py``, ``test_packing.py``, ``test_expansion.py``.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import gallery.messages
from gallery.distances import Metric
from tests.unit.messages.strategies import every_message

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
    if isinstance(value, Mapping):
        return {str(key): readable(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [readable(item) for item in value]
    return value


def says(found: Any, stated: Any) -> bool:
    """Tell whether a message, made readable, is what a vector states.

    Fields that came later, for the hinted scheme, are not in older vectors: they must be empty.
    """
    if isinstance(found, list) and isinstance(stated, list):
        return len(found) == len(stated) and all(map(says, found, stated))
    if not isinstance(found, Mapping) or not isinstance(stated, Mapping):
        return bool(found == stated)
    later = found.keys() - stated.keys()
    return stated.keys() <= found.keys() and all(
        not found[name] or found[name] == {"sealed": ""}
        if name in later
        else says(found[name], stated[name])
        for name in found
    )


def test_every_message_is_on_record_and_those_with_residues_by_their_digests() -> None:
    messages = {json.loads(path.read_text("utf-8"))["message"] for path in VECTORS}

    # A block update is a block and a table, each after its length.
    with_residues = {"EncryptedProbe", "EncryptedDistances", "EncryptedBlock", "BlockUpdate"}
    assert messages == set(every_message) - with_residues


@each_vector
def test_the_bytes_on_record_say_what_they_said(path: Path) -> None:
    vector = json.loads(path.read_text("utf-8"))

    found = getattr(gallery.messages, vector["message"]).from_bytes(bytes.fromhex(vector["hex"]))

    assert says(readable(found), vector["fields"]), vector["what"]


@each_vector
def test_what_they_say_is_still_written_as_the_bytes_on_record(path: Path) -> None:
    vector = json.loads(path.read_text("utf-8"))

    found = getattr(gallery.messages, vector["message"]).from_bytes(bytes.fromhex(vector["hex"]))

    assert found.to_bytes().hex() == vector["hex"]
