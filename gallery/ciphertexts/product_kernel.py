"""Sums of products over columns, sixteen points at a time, in LLVM vector types.

A column of a block meets one polynomial of a probe: one multiply-add for each point, and nothing
else. So the time of a scan is the time in which memory gives the columns; the loop asks for them
ahead, takes each once for up to four probes, and leaves sums in registers. Before they overflow
they are folded: the upper half of each goes to a second sum. A division, or what stands for one, is
left to the end.

Two residues share each 64-bit lane: the even point in its low half, the odd one in its high half.
Masking and shifting part them, and 64-bit multiply-adds follow without a shuffle. LLVM turns
``<8 x i64>`` into whatever the processor has (one AVX-512 register, two of AVX2, four of NEON).

The intrinsic and the kernels stay in one file: of that, and of `gallery.compilation`, code on disk
is known to be.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from llvmlite import ir

from gallery.compilation import intrinsic, kept
from gallery.compilation.vectors import (
    F64,
    FLOATS,
    HALVES,
    I32,
    I64,
    LOW,
    SHIFT,
    VECTOR_BYTES,
    WORDS,
    ZERO,
    load,
    loop,
    maximum,
    parted,
    prefetch,
    remainder,
    spread,
)

TILE_BYTES: Final = VECTOR_BYTES
"""Sixteen residues of four bytes, a cache line."""

AHEAD_BYTES: Final = 2**12
"""The distance of prefetches ahead of the reads. Half of it was a tenth slower, and twice as much
no faster."""

PROBES_AT_ONCE: Final = 4
"""Probes that share one reading of a column: their sums, and what is read, fit into registers."""

BAD_COLUMNS: Final = 1
"""Bit in the result of `multiply`: a residue of the columns is not below its prime."""

BAD_PROBE: Final = 2
"""Bit in the result of `multiply`: a residue of a probe is not below its prime."""


def columns_per_fold(prime: int) -> int:
    """Return how many products of residues, and a number of 32 bits, sum up to less than 2**64."""
    return (2**64 - 2**32) // (prime - 1) ** 2


def _add_products(
    b: ir.IRBuilder, column: Any, probes: list[Any], number: Any, values: list[Any]
) -> list[Any]:
    """Add the products of one column; ``values`` are pairs of sums, then the largest residues."""
    *sums, top_c, top_d = values
    offset = b.mul(number, I64(TILE_BYTES))
    place = b.add(column, offset)
    words = load(b, place, WORDS)
    prefetch(b, b.add(place, I64(AHEAD_BYTES)))
    top_c = maximum(b, top_c, words)
    c = parted(b, words)
    for i, probe in enumerate(probes):
        words = load(b, b.add(probe, offset), WORDS)
        top_d = maximum(b, top_d, words)
        d = parted(b, words)
        sums[2 * i] = b.add(sums[2 * i], b.mul(c.even, d.even))
        sums[2 * i + 1] = b.add(sums[2 * i + 1], b.mul(c.odd, d.odd))
    return [*sums, top_c, top_d]


def _sum_columns(
    b: ir.IRBuilder, column: Any, probes: list[Any], count: Any, most: Any, prime: Any
) -> list[Any]:
    """Sum up all columns modulo the prime; the sums stay in registers, folded often enough."""
    number = 2 * len(probes)

    def one(number: Any, values: list[Any]) -> tuple[Any, list[Any]]:
        return b.add(number, I64(1)), _add_products(b, column, probes, number, values)

    def several(start: Any, values: list[Any]) -> tuple[Any, list[Any]]:
        upper, values = values[:number], values[number:]
        stop = b.add(start, most)
        stop = b.select(b.icmp_unsigned("<", stop, count), stop, count)
        *sums, top_c, top_d = loop(b, start, stop, values, one)
        upper = [b.add(x, b.lshr(y, SHIFT)) for x, y in zip(upper, sums, strict=True)]
        return stop, [*upper, *(b.and_(x, LOW) for x in sums), top_c, top_d]

    nothing = [ZERO] * (2 * number) + [ir.Constant(HALVES, [0] * 16)] * 2
    *sums, top_c, top_d = loop(b, I64(0), count, nothing, several)
    pairs = zip(sums[:number], sums[number:], strict=True)
    return [*_reduced_halves(b, list(pairs), prime), top_c, top_d]


def _reduced_halves(b: ir.IRBuilder, pairs: list[tuple[Any, Any]], prime: Any) -> list[Any]:
    """Return ``upper * 2**32 + lower`` modulo the prime, of any upper and of lower below 2**32."""
    p = spread(b, prime, WORDS)
    inverse = spread(b, b.fdiv(F64(1.0), b.uitofp(prime, F64)), FLOATS)
    weight = spread(b, b.urem(I64(2**32), prime), WORDS)
    reduced = ((remainder(b, upper, p, inverse), lower) for upper, lower in pairs)
    return [remainder(b, b.add(b.mul(x, weight), y), p, inverse) for x, y in reduced]


def _verdict(b: ir.IRBuilder, largest: list[Any], prime: Any) -> Any:
    """Return the bits of what has a residue that is not below the prime."""
    bad, limit = I64(0), spread(b, b.trunc(prime, I32), HALVES)
    for bit, top in zip((BAD_COLUMNS, BAD_PROBE), largest, strict=True):
        lanes = b.bitcast(b.icmp_unsigned(">=", top, limit), ir.IntType(16))
        found = b.icmp_unsigned("!=", lanes, ir.IntType(16)(0))
        bad = b.or_(bad, b.select(found, I64(bit), I64(0)))
    return bad


def _dot(probes: int) -> Any:
    """Make the intrinsic that sums up one tile of one slice of a block for so many probes.

    ``column`` is the address of the tile's first column, the table at ``constants`` has those of
    the probes, of which ``offset`` bytes are skipped, and that at ``out`` those of the results, of
    which ``place`` bytes are skipped.
    """

    def generate(context: Any, b: ir.IRBuilder, signature: Any, args: tuple[Any, ...]) -> Any:
        column, constants, offset, out, place, count, most, prime = args

        def addresses(table: Any, skipped: Any) -> list[Any]:
            entries = b.inttoptr(table, I64.as_pointer())
            return [b.add(b.load(b.gep(entries, [I64(i)])), skipped) for i in range(probes)]

        starts = addresses(constants, offset)
        *sums, top_c, top_d = _sum_columns(b, column, starts, count, most, prime)
        for i, address in enumerate(addresses(out, place)):
            even, odd = sums[2 * i : 2 * i + 2]
            pointer = b.inttoptr(address, WORDS.as_pointer())
            b.store(b.or_(even, b.shl(odd, SHIFT)), pointer, align=1)
        return _verdict(b, [top_c, top_d], prime)

    def dot(
        _: Any,
        column: Any,
        constants: Any,
        offset: Any,
        out: Any,
        place: Any,
        count: Any,
        most: Any,
        prime: Any,
    ) -> Any:
        from numba import types

        return types.intp(*[types.intp] * 7, types.uint64), generate

    return intrinsic(dot)


_dot1, _dot2, _dot4 = _dot(1), _dot(2), _dot(PROBES_AT_ONCE)


def _multiply(
    blocks: npt.NDArray[np.intp],
    probes: npt.NDArray[np.intp],
    out: npt.NDArray[np.intp],
    primes: npt.NDArray[np.uint64],
    most: npt.NDArray[np.intp],
    tiles: int,
    slices: int,
    count: int,
    start: int,
    stop: int,
) -> int:
    """Sum up a range of the tiles of several blocks for several probes.

    Parameters
    ----------
    blocks : numpy.ndarray
        Addresses of the blocks' residues, uint32 of shape (primes, tiles, slices, count, 16).
    probes : numpy.ndarray
        Addresses of the probes' residues, uint32 of shape (primes, tiles, count, 16).
    out : numpy.ndarray
        Addresses of the sums of each block and each probe, in this order; each uint32 of shape
        (primes, tiles, slices, 16).
    primes : numpy.ndarray
        uint64, each between 2**26 and 2**31.
    most : numpy.ndarray
        `columns_per_fold` of each prime.
    tiles, slices, count : int
        Tiles of a slice, slices, and columns; all at least 1.
    start, stop : int
        Range within ``primes.size * tiles``.

    Returns
    -------
    int
        0, or the sum of `BAD_COLUMNS` and `BAD_PROBE`; if not 0, the sums are meaningless.
    """
    bad, size = 0, count * TILE_BYTES
    for block in range(blocks.size):
        for tile in range(start, stop):
            prime, every = primes[tile // tiles], most[tile // tiles]
            for part in range(slices):
                unit = tile * slices + part
                column, place = blocks[block] + unit * size, unit * TILE_BYTES
                i = 0
                while i < probes.size:
                    d = probes.ctypes.data + 8 * i
                    sums = out.ctypes.data + 8 * (block * probes.size + i)
                    args = (column, d, tile * size, sums, place, count, every, prime)
                    if i + 4 <= probes.size:
                        bad |= _dot4(*args)
                        i += 4
                    elif i + 2 <= probes.size:
                        bad |= _dot2(*args)
                        i += 2
                    else:
                        bad |= _dot1(*args)
                        i += 1
    return bad


def _multiply_pairs(
    columns: npt.NDArray[np.intp],
    constants: npt.NDArray[np.intp],
    out: npt.NDArray[np.intp],
    primes: npt.NDArray[np.uint64],
    most: npt.NDArray[np.intp],
    tiles: int,
    count: int,
) -> int:
    """Sum up each of several arrays of columns times constants of its own, the same for all tiles.

    Parameters
    ----------
    columns : numpy.ndarray
        Addresses of residues, uint32 of shape (primes, tiles, count, 16).
    constants : numpy.ndarray
        Addresses of as many arrays of residues, uint32 of shape (primes, count, 16).
    out : numpy.ndarray
        Addresses of the sums, within uint32 of shape (primes, tiles, arrays, 16): of the first
        sixteen for each array.
    primes, most, tiles, count
        As of `multiply`.

    Returns
    -------
    int
        As of `multiply`.
    """
    bad, size = 0, count * TILE_BYTES
    for i in range(columns.size):
        d, sums = constants.ctypes.data + 8 * i, out.ctypes.data + 8 * i
        for tile in range(primes.size * tiles):
            number = tile // tiles
            place = tile * columns.size * TILE_BYTES
            column, prime = columns[i] + tile * size, primes[number]
            bad |= _dot1(column, d, number * size, sums, place, count, most[number], prime)
    return bad


multiply = kept(_multiply)
"""`_multiply`, compiled at the first call and kept on disk; runs without Python's global lock."""

multiply_pairs = kept(_multiply_pairs)
