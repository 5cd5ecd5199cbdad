"""Peak memory of a scheme: a gallery, one search and its decryption in a process of their own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from benchmarks.machine import peak_resident
from benchmarks.owner import unit_vectors
from benchmarks.schemes import Scheme
from benchmarks.steps import Prepared


def peak_memory(make: Callable[[], Scheme], references: int, dimension: int) -> int:
    """Return the most bytes that the process occupied, interpreter and libraries included.

    ``make`` has to be picklable.
    """
    # A fork would begin with what this process has in memory.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_peak_of, make, references, dimension).result()


def _peak_of(make: Callable[[], Scheme], references: int, dimension: int) -> int:
    scheme = make()
    random = np.random.default_rng(1)
    templates = unit_vectors(random, min(scheme.unit, references), dimension)
    vector = unit_vectors(random, 1, dimension)[0]
    prepared = Prepared.of(scheme, templates, vector, references)
    prepared.scanning().run()
    prepared.decrypting().run()
    return peak_resident()
