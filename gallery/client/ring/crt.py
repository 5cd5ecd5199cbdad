"""The Chinese remainder theorem: residues under several primes composed to one number.

The data modulus q has up to 81 bits, a double 53. Garner's mixed-radix digits (Knuth, *The Art of
Computer Programming* 2, 4.3.2) give the number as ``low + p0 * high`` with ``high`` below 2**54 in
exact integers; so does the middle of the range, which is taken off limb by limb. Only then are both
limbs turned into doubles. The difference is exact, and the result is rounded once:
small numbers are as exact as large ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from gallery.arrays import Floats, Integers, Residues
from gallery.ciphertexts.columns import addresses
from gallery.client.ring import crt_kernels, ntt_kernels, residue_kernels
from gallery.client.ring.ntt import make_transform, with_quotients
from gallery.errors import ParameterSetError
from gallery.parameters import ParameterSet


@dataclass(frozen=True)
class NumberForm:
    """The affine map of a number once it is composed: ``factor * y + offset``.

    Attributes
    ----------
    divisor
        y is the number divided by it,
    limit, reach
        less ``reach`` if that is above the limit.
    factor, offset
        Of the result.
    """

    divisor: float = 1.0
    limit: float = math.inf
    reach: float = 0.0
    factor: float = 1.0
    offset: float = 0.0


AS_COMPOSED: Final = NumberForm()


@dataclass(frozen=True, eq=False)
class CrtComposer:
    """Composes for one parameter set of up to three data primes."""

    parameters: ParameterSet
    _residues: Residues = field(init=False, repr=False)
    _limbs: Integers = field(init=False, repr=False)

    def __post_init__(self) -> None:
        parameters, primes = self.parameters, self.parameters.data_primes
        if len(primes) not in (1, 2, 3):
            raise ParameterSetError(
                f"parameter set {parameters.name!r} has more than 3 data primes, which only "
                "the backend seal supports"
            )
        middle, degree = parameters.data_modulus // 2, parameters.poly_modulus_degree
        numbers: list[int] = []
        for prime in primes:
            # Numbers from -q/2 to q/2 become numbers from 0 to q.
            inverse = make_transform(degree, prime).degree_inverse
            numbers += [prime, *map(int, inverse), middle % prime]
        # Garner's constants: the inverse of each earlier prime modulo each later one, and its
        # quotient.
        for i, prime in enumerate(primes):
            for other in primes[:i]:
                numbers += map(int, with_quotients(pow(other, -1, prime), prime))
        limbs = middle % primes[0], middle // primes[0], primes[0], (*primes, 0)[1]
        object.__setattr__(self, "_residues", np.array(numbers, np.uint32))
        object.__setattr__(self, "_limbs", np.array(limbs, np.int64))

    def compose(
        self,
        works: list[Residues],
        lanes: int,
        out: Floats | None = None,
        form: NumberForm = AS_COMPOSED,
    ) -> Floats:
        """Undo the transforms and compose.

        Parameters
        ----------
        works
            A work array (see `residue_kernels`) for each prime, with residues below 2p in NTT
            order; they are overwritten.
        lanes
            How many of the sixteen polynomials count.
        out
            Where the result is written: float64 of shape (lanes, N), each row contiguous.
        form
            The affine map of the numbers.

        Returns
        -------
        numpy.ndarray
            float64 of shape (lanes, N): the coefficients, from -q/2 to q/2, in the given form.
        """
        degree = self.parameters.poly_modulus_degree
        found = np.empty((lanes, degree)) if out is None else out
        assert found.shape == (lanes, degree) and found.strides[1] == found.itemsize == 8
        for work, prime in zip(works, self.parameters.data_primes, strict=True):
            assert work.size == residue_kernels.WIDTH * degree
            ntt_kernels.inverse(
                work, *make_transform(degree, prime).inverse_roots, np.uint32(prime)
            )
        shape = form.divisor, form.limit, form.reach, form.factor, form.offset
        crt_kernels.compose(
            addresses(works),
            self._residues,
            self._limbs,
            np.array(shape),
            degree,
            lanes,
            found.ctypes.data,
            found.strides[0],
        )
        return found
