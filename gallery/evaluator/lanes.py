"""The inner loop: dot products over columns, sixteen coefficients at a time, in LLVM vector types.

Two residues share each 64-bit lane: the even coefficient in its low half, the odd one in its high
half. Masking and shifting part them, and 64-bit multiply-adds follow without a shuffle. LLVM turns
``<8 x i64>`` into whatever the processor has (one AVX-512 register, two of AVX2, four of NEON).

The intrinsic and the compiled function stay in one file because numba's on-disk cache watches only
the file of the compiled function: split, a changed intrinsic would go unnoticed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

COLUMNS_PER_REDUCTION = 512
"""Columns summed before a reduction. With p < 2**27 a column adds at most 2*(p-1)**2 to the middle
sum, and 512 * 2 * (2**27 - 2)**2 plus a carried residue is still below 2**64."""

TILE_BYTES = 64
"""One polynomial of one tile: sixteen residues of four bytes, a cache line."""

COLUMN_BYTES = 2 * TILE_BYTES
"""One column of one tile: c0, then c1."""

BAD_COLUMNS, BAD_PROBE = 1, 2
"""Bits in the result of `scan`: a residue of the columns, or of a probe, is not below its prime."""

I32, I64, F64 = ir.IntType(32), ir.IntType(64), ir.DoubleType()
WORDS, HALVES, FLOATS = (ir.VectorType(t, n) for t, n in ((I64, 8), (I32, 16), (F64, 8)))
ZERO, LOW, SHIFT = (ir.Constant(WORDS, [v] * 8) for v in (0, 0xFFFFFFFF, 32))


class _Pair(NamedTuple):
    """Sixteen numbers as eight even and eight odd ones; LLVM values of type ``<8 x i64>``."""

    even: Any
    odd: Any


def _load(b: ir.IRBuilder, base: Any, offset: int) -> Any:
    address = b.inttoptr(b.add(base, I64(offset)), WORDS.as_pointer())
    # A blob from a database or a network buffer may start at any byte.
    return b.load(address, align=1)


def _part(b: ir.IRBuilder, words: Any) -> _Pair:
    return _Pair(b.and_(words, LOW), b.lshr(words, SHIFT))


def _multiply_add(b: ir.IRBuilder, total: _Pair, x: _Pair, y: _Pair) -> _Pair:
    return _Pair(*(b.add(t, b.mul(u, v)) for t, u, v in zip(total, x, y, strict=True)))


def _maximum(b: ir.IRBuilder, x: Any, words: Any) -> Any:
    halves = b.bitcast(words, HALVES)
    return b.select(b.icmp_unsigned(">", halves, x), halves, x)


def _spread(b: ir.IRBuilder, value: Any, vector: ir.VectorType) -> Any:
    one = b.insert_element(ir.Constant(vector, ir.Undefined), value, I32(0))
    order = ir.Constant(ir.VectorType(I32, vector.count), [0] * vector.count)
    return b.shuffle_vector(one, one, order)


def _reduce(b: ir.IRBuilder, x: Any, p: Any, inverse: Any) -> Any:
    """Reduce ``x`` modulo ``p`` exactly.

    The quotient is below 2**64 / p < 2**38 for p > 2**26, and three roundings of relative size
    2**-53 move it by far less than one: it is right or off by one, and one correction either way
    makes the remainder exact.
    """
    quotient = b.fptoui(b.fmul(b.uitofp(x, FLOATS), inverse), WORDS)
    rest = b.sub(x, b.mul(quotient, p))
    rest = b.select(b.icmp_signed("<", rest, ZERO), b.add(rest, p), rest)
    return b.select(b.icmp_signed(">=", rest, p), b.sub(rest, p), rest)


def _step(
    b: ir.IRBuilder, column: Any, probes: list[Any], sums: list[_Pair], largest: list[Any]
) -> tuple[list[_Pair], list[Any]]:
    """Add the products of one column to the three sums of each probe."""
    words = [_load(b, column, 0), _load(b, column, TILE_BYTES)]
    c0, c1 = (_part(b, w) for w in words)
    top_c, top_d = largest
    for w in words:
        top_c = _maximum(b, top_c, w)
    done: list[_Pair] = []
    for i, probe in enumerate(probes):
        words = [_load(b, probe, 0), _load(b, probe, TILE_BYTES)]
        d0, d1 = (_part(b, w) for w in words)
        for w in words:
            top_d = _maximum(b, top_d, w)
        first, middle, last = sums[3 * i : 3 * i + 3]
        middle = _multiply_add(b, _multiply_add(b, middle, c0, d1), c1, d0)
        done += [_multiply_add(b, first, c0, d0), middle, _multiply_add(b, last, c1, d1)]
    return done, [top_c, top_d]


def _loop(
    b: ir.IRBuilder, column: Any, probes: list[Any], count: Any, sums: list[_Pair]
) -> tuple[list[_Pair], list[Any]]:
    """Run `_step` over ``count`` columns, all sums in registers."""
    before = b.block
    body, after = b.append_basic_block("columns"), b.append_basic_block("reduce")
    b.branch(body)
    b.position_at_end(body)
    start = [I64(0), *(x for pair in sums for x in pair), *[ir.Constant(HALVES, [0] * 16)] * 2]
    phis = [b.phi(value.type) for value in start]
    for phi, value in zip(phis, start, strict=True):
        phi.add_incoming(value, before)
    offset, flat = phis[0], phis[1:-2]
    pairs = [_Pair(*flat[i : i + 2]) for i in range(0, len(flat), 2)]
    at = [b.add(base, offset) for base in (column, *probes)]
    pairs, largest = _step(b, at[0], at[1:], pairs, phis[-2:])
    following = b.add(offset, I64(COLUMN_BYTES))
    for phi, value in zip(phis, [following, *(x for q in pairs for x in q), *largest], strict=True):
        phi.add_incoming(value, body)
    b.cbranch(b.icmp_unsigned("<", following, b.mul(count, I64(COLUMN_BYTES))), body, after)
    b.position_at_end(after)
    return pairs, largest


def _addresses(b: ir.IRBuilder, table: Any, count: int) -> list[Any]:
    entries = b.inttoptr(table, I64.as_pointer())
    return [b.load(b.gep(entries, [I64(i)])) for i in range(count)]


def _emit(b: ir.IRBuilder, args: tuple[Any, ...], group: int) -> Any:
    columns, probes, offset, out, place, plane, count, prime = args
    bases = [b.add(base, offset) for base in _addresses(b, probes, group)]
    places = [
        b.add(b.add(base, place), b.mul(plane, I64(i)))
        for base in _addresses(b, out, group)
        for i in range(3)
    ]
    sums = [_part(b, _load(b, place, 0)) for place in places]
    sums, largest = _loop(b, b.add(columns, offset), bases, count, sums)
    p = _spread(b, prime, WORDS)
    inverse = _spread(b, b.fdiv(F64(1.0), b.uitofp(prime, F64)), FLOATS)
    for place, (even, odd) in zip(places, sums, strict=True):
        odd = b.shl(_reduce(b, odd, p, inverse), SHIFT)
        target = b.inttoptr(place, WORDS.as_pointer())
        b.store(b.or_(_reduce(b, even, p, inverse), odd), target, align=1)
    limit = _spread(b, b.trunc(prime, I32), HALVES)
    bad = I64(0)
    for bit, top in ((BAD_COLUMNS, largest[0]), (BAD_PROBE, largest[1])):
        lanes = b.bitcast(b.icmp_unsigned(">=", top, limit), ir.IntType(16))
        found = b.icmp_unsigned("!=", lanes, ir.IntType(16)(0))
        bad = b.or_(bad, b.select(found, I64(bit), I64(0)))
    return bad


def _dot(group: int) -> Callable[..., int]:
    """Make the intrinsic for ``group`` probes at once."""

    def dot(
        _: Any,
        columns: Any,
        probes: Any,
        offset: Any,
        out: Any,
        place: Any,
        plane: Any,
        count: Any,
        p: Any,
    ) -> Any:
        signature = types.intp(*[types.intp] * 7, types.uint64)
        return signature, lambda context, b, sig, args: _emit(b, args, group)

    return intrinsic(dot)


_dot1, _dot2 = _dot(1), _dot(2)

BLOCKS_AT_ONCE = 8
"""Blocks whose matching tiles meet the probes' while those are in the processor's caches.

A search with many probes reads a probe again for each group of blocks, from memory, which takes
about as long as to compute with it. With sixteen probes of 128 values on two threads, groups of 1,
2, 4 and 8 blocks took 150, 108, 74 and 66 ns for a comparison; with two probes groups gain nothing.
Sixteen probes' tiles and eight blocks' take 0.4 MB together."""


@njit(nogil=True)
def _sum_tile(
    columns: int,
    probes: int,
    several: bool,
    out: int,
    plane: int,
    tile: int,
    count: int,
    prime: np.uint64,
) -> int:
    """Sum up one tile of one block for one probe, or for the two that lie next in the table."""
    bad = 0
    place = tile * TILE_BYTES
    for first in range(0, count, COLUMNS_PER_REDUCTION):
        some = min(COLUMNS_PER_REDUCTION, count - first)
        offset = (tile * count + first) * COLUMN_BYTES
        if several:
            bad |= _dot2(columns, probes, offset, out, place, plane, some, prime)
        else:
            bad |= _dot1(columns, probes, offset, out, place, plane, some, prime)
    return bad


def _scan(
    blocks: npt.NDArray[np.intp],
    probes: npt.NDArray[np.intp],
    out: npt.NDArray[np.intp],
    primes: npt.NDArray[np.uint64],
    tiles: int,
    count: int,
    start: int,
    stop: int,
) -> int:
    """Sum up the tiles ``start`` to ``stop`` of all primes' tiles, of several blocks and probes.

    Parameters
    ----------
    blocks : numpy.ndarray
        Addresses of the blocks' residues, uint32 of shape (primes, tiles, count, 2, 16).
    probes : numpy.ndarray
        Addresses of the probes' residues, of the same shape.
    out : numpy.ndarray
        Addresses of the sums of each block and each probe, in this order; each uint32 of shape
        (3, primes, tiles, 16), and must hold zeros.
    primes : numpy.ndarray
        uint64, each between 2**26 and 2**27.
    tiles, count : int
        Tiles of a polynomial, and columns; both at least 1.
    start, stop : int
        Range within ``primes.size * tiles``.

    Returns
    -------
    int
        0, or the sum of `BAD_COLUMNS` and `BAD_PROBE`; if not 0, the sums are meaningless.
    """
    bad = 0
    plane = primes.size * tiles * TILE_BYTES
    # With few probes, or one block, a tile would not be needed often enough while it is in the
    # caches. A block and a pair of probes at a time is best there: three sequential streams are as
    # many as the memory prefetcher keeps up with.
    group = BLOCKS_AT_ONCE if probes.size >= 4 else 1
    for lowest in range(0, blocks.size, group):
        highest = min(lowest + group, blocks.size)
        together = probes.size if highest - lowest > 1 else 2
        for leading in range(0, probes.size, together):
            for unit in range(start, stop):
                p = primes[unit // tiles]
                # Two probes share each load of the columns.
                for i in range(leading, min(leading + together, probes.size), 2):
                    pair = probes.ctypes.data + 8 * i
                    several = i + 1 < probes.size
                    for block in range(lowest, highest):
                        sums = out.ctypes.data + 8 * (block * probes.size + i)
                        bad |= _sum_tile(blocks[block], pair, several, sums, plane, unit, count, p)
    return bad


scan: Callable[..., int] = njit(nogil=True, cache=True)(_scan)
"""`_scan`, compiled at the first call and kept on disk; it runs without Python's global lock."""
