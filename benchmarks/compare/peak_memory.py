"""The peak memory of a scheme: a gallery and one search, decrypted, in a process of their own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from benchmarks.compare.prepared_scheme import PreparedScheme
from benchmarks.compare.schemes.scheme import Scheme
from benchmarks.shared.resident_memory import peak_resident
from benchmarks.shared.unit_vectors import unit_vectors


def peak_memory_of(make: Callable[[], Scheme], references: int, dimension: int) -> int:
    """Return the most bytes that the process occupied, interpreter and libraries included.

    ``make`` has to be picklable.
    """
    # A fork would begin with what this process has in memory.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_search_once, make, references, dimension).result()


def _search_once(make: Callable[[], Scheme], references: int, dimension: int) -> int:
    scheme = make()
    random = np.random.default_rng(1)
    templates = unit_vectors(random, min(scheme.unit_size, references), dimension)
    vector = unit_vectors(random, 1, dimension)[0]
    prepared = PreparedScheme.of(scheme, templates, vector, references)
    prepared.scan().run()
    scheme.decrypt([prepared.answer] * len(prepared.units))
    return peak_resident()
