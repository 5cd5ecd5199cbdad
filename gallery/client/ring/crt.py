"""The Chinese remainder theorem: residues under several primes composed to one number.

The data modulus q has up to 81 bits, a double 53. Garner's mixed-radix digits (Knuth, *The Art of
Computer Programming* 2, 4.3.2) give the number as ``low + p0 * high`` with ``high`` below 2**54 in
exact integers; so does the middle of the range, which is taken off limb by limb. Only then are both
limbs turned into doubles. What is left of the subtraction is exact, and the result is rounded once:
small numbers are as exact as large ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gallery.arrays import Floats, Residues
from gallery.client.ring import residue_kernels
from gallery.client.ring.ntt import make_transform, with_quotients
from gallery.errors import ParameterSetError
from gallery.parameters import ParameterSet


@dataclass(frozen=True, eq=False)
class CrtComposer:
    """Composes for one parameter set of up to three data primes."""

    parameters: ParameterSet

    def __post_init__(self) -> None:
        if len(self.parameters.data_primes) not in (1, 2, 3):
            raise ParameterSetError(
                f"parameter set {self.parameters.name!r} has more than 3 data primes, which only "
                "the backend seal supports"
            )

    def compose(self, works: list[Residues], lanes: int) -> Floats:
        """Undo the transforms and compose.

        Parameters
        ----------
        works : list of numpy.ndarray
            A work array (see `residue_kernels`) for each prime, with residues below 2p in NTT
            order; they are overwritten.
        lanes : int
            How many of the sixteen polynomials count.

        Returns
        -------
        numpy.ndarray
            float64 of shape (lanes, N): the coefficients, from -q/2 to q/2.
        """
        primes, middle = self.parameters.data_primes, self.parameters.data_modulus // 2
        degree = self.parameters.poly_modulus_degree
        for work, prime in zip(works, primes, strict=True):
            transform = make_transform(degree, prime)
            # Numbers from -q/2 to q/2 become numbers from 0 to q.
            transform.inverse(work, addend=middle % int(transform.prime))
        for i, prime in enumerate(primes):
            for j in range(i):
                inverse = with_quotients(pow(primes[j], -1, prime), prime)
                residue_kernels.mix(works[i], works[j], *inverse, np.uint32(prime))
        # With fewer primes there is nothing above their digits.
        digits = [*works, *[np.zeros_like(works[0])] * (3 - len(works))]
        above = primes[1] if len(works) == 3 else 0
        coefficients = np.empty(works[0].size)
        limbs = middle % primes[0], middle // primes[0]
        residue_kernels.combine(tuple(digits), (primes[0], above), limbs, coefficients)
        return np.ascontiguousarray(coefficients.reshape(-1, residue_kernels.WIDTH)[:, :lanes].T)
