"""Check sums of a gallery, by which a result that is not what the blocks give is caught.

The scan is linear, so it can be checked as Freivalds checks a matrix product ("Probabilistic
machines can use less running time", 1977): with a secret weight for each block version and slice,
the weighted sum of all results of a probe must be the product of the probe with the weighted sum of
all columns, which the owner keeps. It is checked on residues, before anything is decrypted. A
result that differs anywhere passes with a probability of at most 1/p for each prime under which it
differs, whatever was searched for.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from gallery.arrays import Residues
from gallery.ciphertexts.columns import sums_of_products, weighted_sum
from gallery.client.hinted.residue_arithmetic import negative
from gallery.client.keys.secrets import Secret
from gallery.client.ring import residue_kernels
from gallery.client.ring.ntt import with_quotients
from gallery.errors import MalformedMessageError, WrongResultError
from gallery.hints import Hint
from gallery.parameters import HintedParameterSet


class CheckSums(Secret):
    """The weighted sums of a gallery's columns.

    Parameters
    ----------
    columns
        Columns of a block.
    parameters
        The gallery's parameter set.
    sums
        The sums, uint32 of shape (primes, tiles, columns, 16); those of an empty gallery by
        default.
    """

    def __init__(
        self, columns: int, parameters: HintedParameterSet, sums: Residues | None = None
    ) -> None:
        self._parameters = parameters
        self.sums = np.zeros(parameters.probe_shape(columns), np.uint32) if sums is None else sums

    def add(self, columns: Residues, weights: Residues) -> None:
        """Add a block version; weights are uint32 of shape (primes, slices)."""
        for number, prime in enumerate(self._parameters.data_primes):
            _add(self.sums[number], columns[number], weights[number], prime)

    def remove(self, columns: Residues, weights: Residues) -> None:
        """Take a block version out that was added with the same weights."""
        self.add(columns, negative(weights, self._parameters))

    def check(self, probe: Residues, results: Iterable[tuple[Residues, Residues]]) -> None:
        """Check all results of a probe against the sums.

        Parameters
        ----------
        probe
            The probe, as it was sent.
        results
            For each block of the gallery the result, uint32 of shape (primes, tiles, slices, 16),
            and the weights of its version.

        Raises
        ------
        WrongResultError
            If they are not the results of these blocks and this probe.
        """
        parameters = self._parameters
        answered = list(results)
        try:
            total = weighted_sum(
                [np.ascontiguousarray(result) for result, _ in answered],
                [weights for _, weights in answered],
                parameters,
            )
        except MalformedMessageError:  # no kernel gives such a result
            total = None
        expected = sums_of_products([self.sums[:, :, None]], [probe], parameters)
        if total is None or not np.array_equal(total, expected.reshape(total.shape)):
            raise WrongResultError(
                "the server's answer is not what the gallery's blocks and this probe give; nothing "
                "of it was decrypted. Do not simply search again",
                hint=Hint.ACCEPT_WRONG_RESULTS,
            )


def _add(total: Residues, residues: Residues, weights: Residues, prime: int) -> None:
    """Add weighted slices of columns, (tiles, slices, columns, 16), to (tiles, columns, 16)."""
    tiles, slices = residues.shape[:2]
    factors, quotients = with_quotients(weights, prime)
    residue_kernels.add_weighted(
        # Arrays read from a message are read-only; one compiled version serves both.
        np.require(residues, requirements=["C", "A", "W"]).reshape(tiles, slices, -1),
        factors,
        quotients,
        np.uint32(prime),
        total.reshape(tiles, -1),
    )
