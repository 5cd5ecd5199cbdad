"""The plain loops of the native backend, element by element, compiled.

A *work array* holds the same polynomial of sixteen ciphertexts, coefficient by coefficient: uint32
of shape (16 * N,), coefficient ``i`` of ciphertext ``k`` at ``16*i + k``. So every step of a
transform (`gallery.client.ring.ntt_kernels`) does the same to sixteen neighbours.

Primes of 27 bits leave room in a uint32 for sums of up to 32 of them, so that most reductions can
wait; loops that take primes of up to 30 bits say so.
Products are reduced as David Harvey describes; see `ntt_kernels`.

**Constant time:** no branch and no address here depends on a coefficient, a residue, the noise or
the key; corrections are masks, and there is no division. That is true of what is written here. No
compiler promises to keep it so, nor does a processor that its multiplications take the same time
for all numbers.

All of it is in one file: of that alone code on disk is known to be (`gallery.compilation.kept`).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from gallery.arrays import Residues
from gallery.compilation import inlined, kept, vectors

Integers32 = npt.NDArray[np.int32]


WIDTH: Final = vectors.WIDTH
"""Ciphertexts that are worked on at once, one in each lane of a vector."""

SPLIT: Final = 27
"""Bits of the low part of a coefficient when it is reduced."""

NOISE_PAIRS: Final = 21
"""Pairs of bits in one coefficient of noise, as in SEAL's ``sample_poly_cbd``."""

_NOISE_BITS = np.uint64(2 ** (2 * NOISE_PAIRS) - 1)


def _times(x: Any, factor: Any, quotient: Any, p: Any) -> Any:
    """Return ``x * factor`` modulo ``p``, below ``2p``, for any 32-bit ``x``."""
    multiple = np.uint32((np.uint64(x) * np.uint64(quotient)) >> np.uint64(32))
    return np.uint32(np.uint32(x * factor) - np.uint32(multiple * p))


def _below(x: Any, bound: Any) -> Any:
    """Return ``x``, less ``bound`` if it is not below it; both below 2**31."""
    rest = np.uint32(x - bound)
    return np.uint32(rest + np.uint32(bound & np.uint32(-(rest >> np.uint32(31)))))


times, below = inlined(_times), inlined(_below)


def _binomial(words: npt.NDArray[np.uint64], noise: npt.NDArray[np.int8]) -> None:
    """Turn random words into centred binomial noise, one coefficient a word.

    The number of ones among 21 bits less that among 21 others is distributed as the number of ones
    among 42, less 21. They are counted by adding within the word.
    """
    for i in range(words.size):
        x = words[i] & _NOISE_BITS
        x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
        x = (x & np.uint64(0x3333333333333333)) + (
            (x >> np.uint64(2)) & np.uint64(0x3333333333333333)
        )
        x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
        ones = np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))
        noise[i] = np.int8(ones - NOISE_PAIRS)


def _reduce(
    coefficients: npt.NDArray[np.int64],
    noise: npt.NDArray[np.int8],
    reduction: Residues,
    offset: int,
    work: Residues,
) -> None:
    """Write ``coefficients - noise`` into a work array, modulo p and below 4p.

    Parameters
    ----------
    coefficients
        int64 of at most the work array's size, in its order, each below 2**52; the others are 0.
    noise
        int8 of the work array's size, in its order.
    reduction
        p, 2**27 modulo p, and the quotient of that.
    offset
        A multiple of p, between 2**52 + 2**8 and 2**53.
    work
        The work array, uint32 of shape (16 * N,).
    """
    p, factor, quotient = reduction[0], reduction[1], reduction[2]
    for j in range(coefficients.size):
        value = coefficients[j] - np.int64(noise[j]) + offset
        high = times(np.uint32(value >> SPLIT), factor, quotient, p)
        work[j] = np.uint32(high + np.uint32(value & (2**SPLIT - 1)))
    rest, drawn = work[coefficients.size :], noise[coefficients.size :]
    for j in range(rest.size):
        rest[j] = np.uint32(p - np.uint32(np.int32(drawn[j])))


def _lift(integers: Integers32, noise: npt.NDArray[np.int8], p: Any, work: Residues) -> None:
    """Write ``integers - noise`` as residues below p, element by element.

    Parameters
    ----------
    integers
        int32 of the work array's size, in its order, each below ``p - 2**5``.
    noise
        int8 of the same size and order.
    p
        uint32: the prime.
    work
        The work array, uint32 of shape (16 * N,).
    """
    for j in range(work.size):
        value = np.int32(integers[j] - np.int32(noise[j]))
        work[j] = np.uint32(np.uint32(value) + np.uint32(p & np.uint32(value >> np.int32(31))))


def _lower(work: Residues, noise: npt.NDArray[np.int8], middle: Any, integers: Integers32) -> None:
    """Undo `_lift` of residues to which ``middle``, half of p, was added."""
    for j in range(work.size):
        integers[j] = np.int32(np.int32(work[j]) - np.int32(middle)) + np.int32(noise[j])


def _quotients(factors: Residues, reciprocal: Any, p: Any, out: Residues) -> None:
    """Write the quotients ``floor(factor * 2**32 / p)`` of residues.

    Parameters
    ----------
    factors
        Below p.
    reciprocal
        uint64: ``floor(2**63 / p)``, by which the product is right, or too small by one.
    p
        uint64: the prime.
    out
        Where the result is written.
    """
    for j in range(factors.size):
        factor = np.uint64(factors[j])
        quotient = (factor * reciprocal) >> np.uint64(31)
        rest = (factor << np.uint64(32)) - quotient * p
        # The top bit of a difference below zero is set: the rest is p or more.
        out[j] = np.uint32(quotient + ((p - np.uint64(1) - rest) >> np.uint64(63)))


def _scale(work: Residues, factor: Any, quotient: Any, addend: Any, p: Any) -> None:
    """Multiply residues by a factor and add a residue; leave them below p."""
    for j in range(work.size):
        product = times(work[j], factor, quotient, p)
        work[j] = below(below(np.uint32(product + addend), np.uint32(2 * p)), p)


def _add_weighted(
    residues: Residues, weights: Residues, quotients: Residues, p: Any, total: Residues
) -> None:
    """Add the weighted slices of residues to a total, modulo p.

    Parameters
    ----------
    residues
        uint32 of shape (tiles, slices, n).
    weights, quotients
        A weight for each slice, uint32 of shape (slices,), and its quotient.
    p
        uint32: below 2**30.
    total
        uint32 of shape (tiles, n), below p before and after.
    """
    tiles, slices, count = residues.shape
    for tile in range(tiles):
        for part in range(slices):
            weight, quotient = weights[part], quotients[part]
            for j in range(count):
                product = below(times(residues[tile, part, j], weight, quotient, p), p)
                total[tile, j] = below(np.uint32(total[tile, j] + product), p)


binomial, reduce = map(kept, (_binomial, _reduce))
lift, lower, quotients = map(kept, (_lift, _lower, _quotients))
scale, add_weighted = map(kept, (_scale, _add_weighted))
