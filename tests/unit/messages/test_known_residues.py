"""Digests on record of the messages that are too large to be on record themselves.

A vector holds the bytes of a message up to its residues. The residues follow from their number
alone (`tests.support.residues.patterned`), and so do those that stand for a seed's first
polynomials.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gallery.messages
from gallery.messages import EncryptedDistances
from gallery.parameters import PARAMETER_SETS, CkksParameterSet, ParameterSet
from tests.support.residues import patterned, slow_expand, slow_pack

FOLDER = Path(__file__).parents[2] / "vectors" / "residues"
KINDS = ["block", "distances", "probe"]
SEEDED = ["block-seeded", "probe-seeded"]
VECTORS = [
    (kind, parameters)
    for parameters in PARAMETER_SETS.values()
    for kind in KINDS + SEEDED * isinstance(parameters, CkksParameterSet)
]

each_vector = pytest.mark.parametrize(
    "kind, parameters", VECTORS, ids=[f"{kind}-{parameters.name}" for kind, parameters in VECTORS]
)


def vector_of(kind: str, parameters: ParameterSet) -> dict[str, Any]:
    vector: dict[str, Any] = json.loads((FOLDER / f"{kind}-{parameters.name}.json").read_text())
    return vector


def residues_of(kind: str, parameters: ParameterSet) -> np.ndarray:
    """Return the residues of a vector's message; of a seeded one those that it states."""
    if kind == "distances":
        axis = parameters.result_prime_axis
        return patterned(parameters.result_shape, axis, parameters.data_primes)
    columns = parameters.column_count(1, normalized=True)
    shape_of = parameters.probe_shape if kind.startswith("probe") else parameters.block_shape
    residues = patterned(shape_of(columns), 0, parameters.data_primes)
    return residues[..., 0, :] if kind.endswith("seeded") else residues


def test_no_vector_is_left_out() -> None:
    found = {path.stem for path in FOLDER.glob("*.json")}

    others = {"packing", "packing-30", "expansion-standard", "expansion-compact"}
    assert found == others | {f"{kind}-{parameters.name}" for kind, parameters in VECTORS}


@each_vector
def test_a_message_with_residues_has_the_bytes_on_record(
    kind: str, parameters: ParameterSet
) -> None:
    vector, residues = vector_of(kind, parameters), residues_of(kind, parameters)
    data = bytes.fromhex(vector["start"]) + slow_pack(residues.reshape(-1), parameters.residue_bits)
    assert len(data) == vector["size"]
    assert hashlib.sha256(data).hexdigest() == vector["sha256"]

    found = getattr(gallery.messages, vector["message"]).from_bytes(data)

    assert found.to_bytes() == data
    if kind.endswith("seeded"):
        stated = found.constants if kind.startswith("probe") else found.columns
        expanded = slow_expand(found.seed, parameters.data_primes, 3 * 4096)
        assert vector["start"].endswith(found.seed.hex())
        assert np.array_equal(stated[..., 0, :], residues)
        assert stated[..., 1, :].reshape(len(expanded), -1).tolist() == expanded
    elif isinstance(found, EncryptedDistances):
        assert np.array_equal(found.residues, residues)
    else:
        stated = found.constants if kind == "probe" else found.columns
        assert found.seed is None
        assert np.array_equal(stated, residues)
