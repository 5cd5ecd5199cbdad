"""The search scheme of a notebook: TenSEAL's ``ckks_vector``, and a loop over the faces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tenseal as ts

from gallery.arrays import Floats


class NotebookLoop:
    """One ciphertext for each face and a dot product for each comparison, as notebooks have it."""

    name = "the notebook's loop"
    unit_size = 1
    positions = np.arange(1)
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

    def check(self, units: Sequence[Any], answers: Sequence[Any]) -> None:
        return None

    def decrypt(self, answers: Sequence[Any]) -> Floats:
        return np.array([answer.decrypt() for answer in answers])

    def stored_bytes(self, unit: Any) -> int:
        return len(unit.serialize())

    def sent_bytes(self, probe: Any) -> int:
        return len(probe.serialize())

    def answer_bytes(self, answer: Any) -> int:
        return len(answer.serialize())
