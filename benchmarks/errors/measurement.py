"""The measurement of errors: random unit vectors, compared in clear and under encryption.

Half of the probes are mated, noised references; the others are random. Block after block is
encrypted, scanned, checked where the scheme has a check, and opened.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.errors.distance_errors import DecisionTally, DistanceErrors
from benchmarks.shared.block_search import BlockSearch
from benchmarks.shared.unit_vectors import unit_vectors
from gallery.arrays import Floats
from gallery.ciphertexts.blocks import capacity
from gallery.parameters import ParameterSet
from gallery.server.scanning.batching import PROBES_PER_PASS

NOISE = 0.8
"""Norm of what is added to a reference to make a mated probe: cosine distances of about 0.22."""

_SEED = 12
"""Seed of the vectors; noise and keys are new each time."""


def measure_errors(
    parameters: ParameterSet,
    dimension: int,
    comparisons: int,
    probes: int,
    thresholds: tuple[float, ...],
    progress: Callable[[int], object],
) -> DistanceErrors:
    """Compare until there are so many comparisons.

    Parameters
    ----------
    parameters
        What is encrypted with.
    dimension
        Values of an embedding.
    comparisons
        At least how many; whole blocks are compared.
    probes
        Probes for all blocks.
    thresholds
        Cosine distances that decisions are taken at.
    progress
        Told the comparisons of each block.

    Raises
    ------
    WrongResultError
        If results are not what the blocks give.
    """
    random, search = np.random.default_rng(_SEED), BlockSearch(parameters, dimension)
    tallies = tuple(DecisionTally(threshold) for threshold in thresholds)
    # A cosine distance is half a squared one.
    errors = DistanceErrors(parameters.max_distance_error(dimension) / 2, tallies)
    templates = unit_vectors(random, capacity(parameters), dimension)
    vectors = _probes(random, templates, probes)
    while errors.comparisons < comparisons:
        _compare(search, templates, vectors, errors)
        progress(len(templates) * probes)
        templates = unit_vectors(random, len(templates), dimension)
    return errors


def _compare(
    search: BlockSearch, templates: Floats, vectors: Floats, errors: DistanceErrors
) -> None:
    """Compare all probes with a block of these templates."""
    block = search.enroll(templates)
    check = search.check([block])
    for start in range(0, len(vectors), PROBES_PER_PASS):
        some = vectors[start : start + PROBES_PER_PASS]
        probes = [search.encrypt(vector) for vector in some]
        results = search.results([block], search.scan([block], probes))
        if check is not None:
            check.check(probes, results)
        [squared] = search.open(probes, results, [block])
        errors.add(1.0 - some @ templates.T, squared[:, search.positions] / 2)


def _probes(random: np.random.Generator, references: Floats, count: int) -> Floats:
    """Return unit vectors, shape (count, d); the first half of them are mated."""
    probes = unit_vectors(random, count, len(references[0]))
    mated = count // 2
    probes[:mated] = references[:mated] + NOISE * probes[:mated]
    probes /= np.linalg.norm(probes, axis=1, keepdims=True)
    return probes
