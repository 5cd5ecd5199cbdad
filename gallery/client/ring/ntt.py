"""The negacyclic number-theoretic transform in SEAL's order: its constants, and its use.

SEAL's transform takes a polynomial to its values at the odd powers of a primitive 2N-th root of
unity psi, the value at ``psi**(2k + 1)`` standing at the bit-reversal of ``k``. For psi it takes
the smallest such root (``try_minimal_primitive_root``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from gallery.arrays import Residues
from gallery.client.ring import ntt_kernels, residue_kernels
from gallery.parameters import CkksParameterSet


@dataclass(frozen=True, eq=False)
class Transform:
    """The transform modulo one prime, of sixteen polynomials at once.

    Attributes
    ----------
    prime
        p, between 2**26 and 2**30.
    roots, inverse_roots
        Powers of psi and of its inverse in bit-reversed order, and their quotients; shape (2, N).
    degree_inverse
        1/N modulo p, and its quotient.
    reduction, offset
        What `residue_kernels.reduce` needs: p, 2**27 modulo p and its quotient; a multiple of p.
    """

    prime: np.uint32
    roots: Residues
    inverse_roots: Residues
    degree_inverse: Residues
    reduction: Residues
    offset: int

    def forward(self, work: Residues) -> None:
        """Transform a work array (see `residue_kernels`) in place, from below 4p to below 32p.

        Under a prime that is not below `ntt_kernels.NARROW`, what it leaves is below 4p.
        """
        ntt_kernels.forward(work, *self.roots, self.prime)

    def inverse(self, work: Residues, addend: int = 0) -> None:
        """Undo `forward` in place, from below 2p to below p, and add a constant to all."""
        ntt_kernels.inverse(work, *self.inverse_roots, self.prime)
        residue_kernels.scale(work, *self.degree_inverse, np.uint32(addend), self.prime)


@cache
def transforms(parameters: CkksParameterSet) -> tuple[Transform, ...]:
    """Return the transforms of a parameter set, in the order of its data primes."""
    degree = parameters.poly_modulus_degree
    return tuple(make_transform(degree, prime) for prime in parameters.data_primes)


def with_quotients(factors: npt.ArrayLike, prime: int) -> Residues:
    """Return factors, and their quotients ``floor(factor * 2**32 / prime)`` in a second row.

    Parameters
    ----------
    factors
        Residues below the prime, of any shape.
    prime
        Between 2**26 and 2**30.

    Returns
    -------
    numpy.ndarray
        uint32 of shape (2, ...).
    """
    given = np.asarray(factors, np.uint32)
    both = np.empty((2, *given.shape), np.uint32)
    both[0] = given
    flat, reciprocal = both.reshape(2, -1), np.uint64(2**63 // prime)
    residue_kernels.quotients(flat[0], reciprocal, np.uint64(prime), flat[1])
    return both


def minimal_root(degree: int, prime: int) -> int:
    """Return the smallest primitive ``2 * degree``-th root of unity modulo a prime."""
    order = 2 * degree
    candidates = (pow(base, (prime - 1) // order, prime) for base in range(2, prime))
    root = next(found for found in candidates if pow(found, degree, prime) == prime - 1)
    square, smallest = root * root % prime, root
    for _ in range(degree):
        root = root * square % prime
        smallest = min(smallest, root)
    return smallest


def bit_reversed(count: int) -> npt.NDArray[np.intp]:
    """Return 0 to ``count - 1``, a power of two, each with its bits in reversed order."""
    order = np.zeros(1, np.intp)
    for _ in range(int(math.log2(count))):
        order = np.concatenate([2 * order, 2 * order + 1])
    return order


@cache
def make_transform(degree: int, prime: int, root: int | None = None) -> Transform:
    """Return the transform of a ring degree modulo a prime.

    Parameters
    ----------
    degree
        N, a power of two.
    prime
        1 modulo 2N, between 2**26 and 2**30.
    root
        The primitive 2N-th root of unity psi; SEAL's, the smallest, without it.
    """
    root = minimal_root(degree, prime) if root is None else root
    return Transform(
        prime=np.uint32(prime),
        roots=_powers(root, degree, prime),
        inverse_roots=_powers(pow(root, -1, prime), degree, prime),
        degree_inverse=with_quotients(pow(degree, -1, prime), prime),
        reduction=np.array([prime, *with_quotients(2**27 % prime, prime)], np.uint32),
        offset=(2**52 // prime + 2**9) * prime,
    )


def _powers(root: int, degree: int, prime: int) -> Residues:
    powers = [1]
    for _ in range(degree - 1):
        powers.append(powers[-1] * root % prime)
    return with_quotients(np.array(powers)[bit_reversed(degree)], prime)
