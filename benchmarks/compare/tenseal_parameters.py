"""The search for TenSEAL's best parameters: the fastest that are accurate enough, by trying.

Time is proportional to the data primes, whatever the ring degree, and TenSEAL needs at least 4,096:
with 2,048 two primes must fit into 54 bits, and it makes no context with one prime.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.compare.schemes.tenseal_tensor import TensealTensor, TensorParameters
from benchmarks.shared.timing import TimedCall, time_in_turn
from gallery.arrays import Floats

TRIED = tuple(
    TensorParameters(degree, sizes, scale, form)
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

LARGEST_UNIT = max(parameters.poly_modulus_degree for parameters in TRIED) // 2
"""Most templates that a unit of any scheme holds."""


@dataclass(frozen=True)
class ParameterTrial:
    """The result of one set: nanoseconds a template, and the largest error of squared distances."""

    parameters: TensorParameters
    nanoseconds: float
    error: float


def try_parameters(templates: Floats, probe: Floats, repeats: int) -> list[ParameterTrial]:
    """Try all sets in turn, on a unit each.

    Parameters
    ----------
    templates
        Vectors of norm 1, at least `LARGEST_UNIT`, shape (n, d).
    probe
        Another one, shape (d,).
    repeats
        How often; the least time counts.
    """
    scans, errors = [], []
    for parameters in TRIED:
        scheme = TensealTensor(parameters, np.inf, str(parameters))
        some = templates[: scheme.unit_size]
        units, probes = [scheme.enroll(some)], [scheme.encrypt(probe)]
        found = scheme.decrypt(scheme.scan(units, probes))[0]
        errors.append(float(np.abs(found - ((some - probe) ** 2).sum(axis=1)).max()))
        scan = partial(scheme.scan, units, probes)
        scans.append(TimedCall(scheme.name, scan, scheme.unit_size))
    return [
        ParameterTrial(parameters, 1e9 * series.spread.least, error)
        for parameters, series, error in zip(
            TRIED, time_in_turn(scans, repeats), errors, strict=True
        )
    ]


def fastest_within(trials: Sequence[ParameterTrial], tolerance: float) -> TensorParameters:
    """Return the set that takes the least time among those whose error is within the tolerance."""
    return min(
        (trial for trial in trials if trial.error <= tolerance), key=lambda trial: trial.nanoseconds
    ).parameters
