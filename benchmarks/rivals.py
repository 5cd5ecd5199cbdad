"""What the gallery is measured against, each on one thread and as its authors mean it.

TenSEAL's tensors, which take more choosing, are in `benchmarks.tensors`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import tenseal as ts
import tenseal.sealapi as seal

from benchmarks.schemes import Floats, block_columns
from gallery.ciphertexts import blocks
from gallery.evaluator.seal import seal_setup
from gallery.parameters import MAX_DIMENSION, ParameterSet


class SealColumns:
    """SEAL on this project's columns, by its API and without a detour through files."""

    def __init__(self, parameters: ParameterSet) -> None:
        self.name = f"SEAL, our columns, {parameters.name}"
        self.unit = blocks.capacity(parameters)
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


class NotebookLoop:
    """One ciphertext for each face and a dot product for each comparison, as notebooks have it."""

    name = "the notebook's loop"
    unit = 1
    tolerance = 1e-3

    def __init__(self) -> None:
        moduli = [60, 40, 40, 60]
        self._context = ts.context(ts.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=moduli)
        self._context.global_scale = 2**40
        self._context.generate_galois_keys()

    def enroll(self, templates: Floats) -> Any:
        return self.encrypt(templates[0])

    def copy(self, unit: Any) -> Any:
        return unit.copy()

    def encrypt(self, vector: Floats) -> Any:
        return ts.ckks_vector(self._context, vector.tolist())

    def scan(self, units: Sequence[Any], probes: Sequence[Any]) -> list[Any]:
        found = []
        for face in units:
            for probe in probes:
                difference = probe - face
                found.append(difference.dot(difference))
        return found

    def decrypt(self, answers: Sequence[Any]) -> Floats:
        return np.array([answer.decrypt() for answer in answers])

    def stored_bytes(self, unit: Any) -> int:
        return len(unit.serialize())

    def sent_bytes(self, probe: Any) -> int:
        return len(probe.serialize())

    def answer_bytes(self, answer: Any) -> int:
        return len(answer.serialize())


def plain_search(templates: Floats, references: int, probes: Floats) -> Callable[[], object]:
    """Prepare FAISS on templates in clear: the floor for all of this, on one thread.

    The index has so many references: the templates, shape (n, d), over and over.
    """
    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatL2(templates.shape[1])
    rows = templates.astype(np.float32)
    while index.ntotal < references:
        index.add(rows[: references - index.ntotal])
    queries = np.ascontiguousarray(probes, np.float32)
    return lambda: index.search(queries, 1)


def _saved_bytes(ciphertext: Any) -> int:
    """Return the size of SEAL's own file, which it compresses."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ciphertext"
        ciphertext.save(str(path))
        return path.stat().st_size
