"""The search scheme of SEAL's evaluator on this project's columns."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tenseal.sealapi as seal

from benchmarks.compare.schemes.block_columns import block_columns
from gallery.arrays import Floats
from gallery.ciphertexts import blocks
from gallery.evaluator.seal import seal_setup
from gallery.parameters import MAX_DIMENSION, CkksParameterSet


class SealColumns:
    """SEAL on this project's columns, by its API and without a detour through files."""

    def __init__(self, parameters: CkksParameterSet) -> None:
        self.name = f"SEAL, our columns, {parameters.name}"
        self.unit_size = blocks.capacity(parameters)
        self.positions = np.arange(self.unit_size)
        self.tolerance = parameters.max_distance_error(MAX_DIMENSION)
        self._parameters = parameters
        self._context = seal_setup(parameters).context
        key = seal.KeyGenerator(self._context).secret_key()
        self._encoder = seal.CKKSEncoder(self._context)
        self._encryptor = seal.Encryptor(self._context, key)
        self._decryptor = seal.Decryptor(self._context, key)
        self._evaluator = seal.Evaluator(self._context)
        self._products: list[Any] = []

    def enroll(self, templates: Floats) -> list[Any]:
        slots = blocks.to_slots(block_columns(templates, self._parameters))
        return [self._encrypt(row.tolist(), self._parameters.column_scale) for row in slots]

    def copy(self, unit: list[Any]) -> list[Any]:
        copies = [seal.Ciphertext() for _ in unit]
        for column, copied in zip(unit, copies, strict=True):
            # The binding has no copy of a ciphertext; the negative of its negative is one.
            self._evaluator.negate(column, copied)
            self._evaluator.negate_inplace(copied)
        return copies

    def encrypt(self, vector: Floats) -> list[Any]:
        constants = blocks.probe_constants(vector).tolist()
        return [self._encrypt(value, self._parameters.probe_scale) for value in constants]

    def scan(self, units: Sequence[list[Any]], probes: Sequence[list[Any]]) -> list[Any]:
        return [self._sum(columns, probe) for columns in units for probe in probes]

    def check(self, units: Sequence[Any], answers: Sequence[Any]) -> None:
        return None

    def decrypt(self, answers: Sequence[Any]) -> Floats:
        found = np.empty((len(answers), self._parameters.poly_modulus_degree))
        for row, answer in zip(found, answers, strict=True):
            plaintext = seal.Plaintext()
            self._decryptor.decrypt(answer, plaintext)
            row[:] = blocks.from_slots(np.array(self._encoder.decode_complex(plaintext)))
        return found[:, blocks.reference_positions(self._parameters)]

    def stored_bytes(self, unit: list[Any]) -> int:
        return sum(_saved_bytes(column) for column in unit)

    def sent_bytes(self, probe: list[Any]) -> int:
        return self.stored_bytes(probe)

    def answer_bytes(self, answer: Any) -> int:
        return _saved_bytes(answer)

    def _encrypt(self, value: list[complex] | float, scale: float) -> Any:
        plaintext, ciphertext = seal.Plaintext(), seal.Ciphertext()
        self._encoder.encode(value, scale, plaintext)
        self._encryptor.encrypt_symmetric(plaintext, ciphertext)
        return ciphertext

    def _sum(self, columns: list[Any], probe: list[Any]) -> Any:
        # Products that were made before are written over: allocating them anew takes longer.
        if len(self._products) != len(columns):
            self._products = [seal.Ciphertext(self._context) for _ in columns]
        for column, constant, product in zip(columns, probe, self._products, strict=True):
            self._evaluator.multiply(column, constant, product)
        total = seal.Ciphertext(self._context)
        self._evaluator.add_many(self._products, total)
        return total


def _saved_bytes(ciphertext: Any) -> int:
    """Return the size of SEAL's own file, which it compresses."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ciphertext"
        ciphertext.save(str(path))
        return path.stat().st_size
