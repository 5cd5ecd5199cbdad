"""The definition of what evaluators compute, in plain NumPy: the oracle for all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gallery.arrays import Residues
from gallery.parameters import CkksParameterSet, HintedParameterSet, ParameterSet


class NumpyEvaluator:
    """Sums the products up column by column, each reduced at once; see `Evaluator`.

    Arrays are not checked: what is not in the layout fails somehow, or gives nonsense.
    """

    def distances(self, columns: Residues, probe: Residues, parameters: ParameterSet) -> Residues:
        if isinstance(parameters, HintedParameterSet):
            return _hinted(columns, probe, parameters)
        assert isinstance(parameters, CkksParameterSet)
        return _ckks(columns, probe, parameters)

    def distances_many(
        self, columns: Residues, probes: Sequence[Residues], parameters: ParameterSet
    ) -> Residues:
        sums = np.empty((len(probes), *parameters.result_shape), np.uint32)
        for row, probe in zip(sums, probes, strict=True):
            row[:] = self.distances(columns, probe, parameters)
        return sums

    def distances_of_blocks(
        self, blocks: Sequence[Residues], probes: Sequence[Residues], parameters: ParameterSet
    ) -> list[list[Residues]]:
        return [[self.distances(block, probe, parameters) for probe in probes] for block in blocks]


def _ckks(columns: Residues, probe: Residues, parameters: CkksParameterSet) -> Residues:
    primes = np.array(parameters.data_primes, np.uint64)[:, None, None]
    sums = np.zeros((3, len(primes), *columns.shape[1::3]), np.uint64)
    for j in range(columns.shape[2]):
        c0, c1 = (columns[:, :, j, i].astype(np.uint64) for i in (0, 1))
        d0, d1 = (probe[:, :, j, i].astype(np.uint64) for i in (0, 1))
        for total, products in zip(sums, (c0 * d0, c0 * d1 + c1 * d0, c1 * d1), strict=True):
            total[:] = (total + products) % primes
    return sums.reshape(parameters.result_shape).astype(np.uint32)


def _hinted(columns: Residues, probe: Residues, parameters: HintedParameterSet) -> Residues:
    primes = np.array(parameters.data_primes, np.uint64)[:, None, None, None]
    sums = np.zeros(parameters.result_shape, np.uint64)
    for j in range(columns.shape[3]):
        products = columns[:, :, :, j].astype(np.uint64) * probe[:, :, None, j]
        sums = (sums + products % primes) % primes
    return sums.astype(np.uint32)
