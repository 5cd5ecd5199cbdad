"""TenSEAL's ``CKKSTensor(batch=True)``, and the parameters that are best for it.

The gallery is encrypted transposed: the batch are the faces, so that each of the d values of an
embedding is one ciphertext of N/2 faces. The scan takes nothing but a product and sums, so no
relinearisation, no rescaling and no rotation is needed, and every choice of TenSEAL that would do
them is off. Then time is proportional to the data primes, whatever the ring degree, and TenSEAL
needs at least 4,096: with 2,048 two primes must fit into 54 bits, and it makes no context with one
prime.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import tenseal as ts

from benchmarks.schemes import Floats
from benchmarks.timing import Candidate, in_turn


@dataclass(frozen=True)
class Choice:
    """Parameters of TenSEAL, and how the distance is computed.

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


CHOICES = tuple(
    Choice(degree, sizes, scale, form)
    for degree, sizes, scale in (
        (2048, (27, 27), 11),
        (4096, (48, 49), 22),
        (4096, (54, 55), 25),
        (4096, (36, 36, 37), 34),
        (4096, (40, 40, 29), 37),
        (4096, (27, 27, 27, 28), 38),
        (8192, (60, 60), 28),
        (8192, (40, 40, 60), 37),
        (16384, (60, 60), 28),
        (16384, (40, 40, 60), 37),
    )
    for form in ("difference", "product")
)
"""What is tried, with the largest scale that leaves a distance of 4 its room in each modulus."""

LARGEST_UNIT = max(choice.poly_modulus_degree for choice in CHOICES) // 2


class Tensors:
    """TenSEAL's tensors under one choice of parameters, on one thread."""

    def __init__(self, choice: Choice, tolerance: float, name: str) -> None:
        self.name = name
        self.unit, self.tolerance = choice.poly_modulus_degree // 2, tolerance
        self._expands = choice.form == "product"
        self._context = ts.context(
            ts.SCHEME_TYPE.CKKS,
            choice.poly_modulus_degree,
            coeff_mod_bit_sizes=list(choice.coeff_mod_bit_sizes),
            encryption_type=ts.ENCRYPTION_TYPE.SYMMETRIC,
            n_threads=1,
        )
        self._context.global_scale = 2.0**choice.scale_bits
        self._context.auto_relin = self._context.auto_rescale = False
        self._context.auto_mod_switch = False

    def enroll(self, templates: Floats) -> Any:
        filled = np.zeros((self.unit, templates.shape[1]))
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


@dataclass(frozen=True)
class Trial:
    """What a choice gives: nanoseconds a template, and the largest error of a squared distance."""

    choice: Choice
    nanoseconds: float
    error: float


def trials(templates: Floats, probe: Floats, repeats: int) -> list[Trial]:
    """Try all choices in turn, on a unit each.

    Parameters
    ----------
    templates
        Vectors of norm 1, at least `LARGEST_UNIT`, shape (n, d).
    probe
        Another one, shape (d,).
    repeats
        How often; the least time counts.
    """
    searches, errors = [], []
    for choice in CHOICES:
        scheme = Tensors(choice, np.inf, str(choice))
        some = templates[: scheme.unit]
        units, probes = [scheme.enroll(some)], [scheme.encrypt(probe)]
        found = scheme.decrypt(scheme.scan(units, probes))[0]
        errors.append(float(np.abs(found - ((some - probe) ** 2).sum(axis=1)).max()))
        searches.append(Candidate(scheme.name, partial(scheme.scan, units, probes), scheme.unit))
    return [
        Trial(choice, 1e9 * series.spread.least, error)
        for choice, series, error in zip(CHOICES, in_turn(searches, repeats), errors, strict=True)
    ]


def fastest(tried: Sequence[Trial], tolerance: float) -> Choice:
    """Return the choice that takes the least time among those that are accurate enough."""
    return min(
        (trial for trial in tried if trial.error <= tolerance), key=lambda trial: trial.nanoseconds
    ).choice
