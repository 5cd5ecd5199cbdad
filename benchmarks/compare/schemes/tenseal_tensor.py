"""The search scheme of TenSEAL's ``CKKSTensor(batch=True)``.

The gallery is encrypted transposed: the batch are the faces, so that each of the d values of an
embedding is one ciphertext of N/2 faces. The scan takes nothing but a product and sums, so no
relinearisation, no rescaling and no rotation is needed, and every option of TenSEAL that would do
them is off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import tenseal as ts

from gallery.arrays import Floats


@dataclass(frozen=True)
class TensorParameters:
    """TenSEAL's parameters, and the form in which the distance is computed.

    ``difference`` squares the differences. ``product`` has the squared norms as further columns and
    multiplies, as this project does.
    """

    poly_modulus_degree: int
    coeff_mod_bit_sizes: tuple[int, ...]
    scale_bits: int
    form: Literal["difference", "product"]

    def __str__(self) -> str:
        sizes = ", ".join(map(str, self.coeff_mod_bit_sizes))
        return f"N = {self.poly_modulus_degree}, [{sizes}], scale 2^{self.scale_bits}, {self.form}"


class TensealTensor:
    """TenSEAL's tensors under one set of parameters, on one thread."""

    def __init__(self, parameters: TensorParameters, tolerance: float, name: str) -> None:
        self.name = name
        self.unit_size, self.tolerance = parameters.poly_modulus_degree // 2, tolerance
        self.positions = np.arange(self.unit_size)
        self._expands = parameters.form == "product"
        self._context = ts.context(
            ts.SCHEME_TYPE.CKKS,
            parameters.poly_modulus_degree,
            coeff_mod_bit_sizes=list(parameters.coeff_mod_bit_sizes),
            encryption_type=ts.ENCRYPTION_TYPE.SYMMETRIC,
            n_threads=1,
        )
        self._context.global_scale = 2.0**parameters.scale_bits
        self._context.auto_relin = self._context.auto_rescale = False
        self._context.auto_mod_switch = False

    def enroll(self, templates: Floats) -> Any:
        filled = np.zeros((self.unit_size, templates.shape[1]))
        filled[: len(templates)] = templates
        if self._expands:
            norms = (filled**2).sum(axis=1, keepdims=True)
            filled = np.hstack([filled, norms, np.ones_like(norms)])
        return ts.ckks_tensor(self._context, ts.plain_tensor(filled), batch=True)

    def copy(self, unit: Any) -> Any:
        return unit.copy()

    def encrypt(self, vector: Floats) -> Any:
        values = np.r_[-2.0 * vector, 1.0, vector @ vector] if self._expands else vector
        return ts.ckks_tensor(self._context, ts.plain_tensor(values), batch=False)

    def scan(self, units: Sequence[Any], probes: Sequence[Any]) -> list[Any]:
        return [self._distances(unit, probe) for unit in units for probe in probes]

    def check(self, units: Sequence[Any], answers: Sequence[Any]) -> None:
        return None

    def decrypt(self, answers: Sequence[Any]) -> Floats:
        return np.array([answer.decrypt().tolist() for answer in answers])

    def stored_bytes(self, unit: Any) -> int:
        return len(unit.serialize())

    def sent_bytes(self, probe: Any) -> int:
        return len(probe.serialize())

    def answer_bytes(self, answer: Any) -> int:
        return len(answer.serialize())

    def _distances(self, unit: Any, probe: Any) -> Any:
        # The axis of the batch counts as the first.
        if self._expands:
            return (unit * probe).sum(1)
        return (unit - probe).square_().sum(1)
