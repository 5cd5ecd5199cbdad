"""The scan of CKKS sets: dot products over columns, sixteen coefficients at a time, in vectors.

Two residues share each 64-bit lane: the even coefficient in its low half, the odd one in its high
half. Masking and shifting part them, and 64-bit multiply-adds follow without a shuffle. LLVM turns
``<8 x i64>`` into whatever the processor has (one AVX-512 register, two of AVX2, four of NEON).

Two blocks meet two probes at a time, so that what is loaded serves twice. Blocks come from memory,
and a processor that is left to itself asks memory for too little at once: it looks ahead within a
page of 4 KB, and by the time that the page has come, the arithmetic on it would long have been
done. So the loop over a tile also asks for a part of the tile that lies next.

The intrinsic and the kernel stay in one file: of that, and of `gallery.compilation`, code on disk
is known to be.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from llvmlite import ir

from gallery.ciphertexts.product_kernel import BAD_COLUMNS, BAD_PROBE
from gallery.compilation import compiled, intrinsic, kept
from gallery.compilation.vectors import (
    F64,
    FLOATS,
    HALVES,
    I32,
    I64,
    SHIFT,
    VECTOR_BYTES,
    WORDS,
    ZERO,
    Pair,
    load,
    loop,
    maximum,
    parted,
    prefetch,
    remainder,
    spread,
)

COLUMNS_PER_REDUCTION = 512
"""Columns summed before a reduction. With p < 2**27 a column adds at most 2*(p-1)**2 to the middle
sum, and 512 * 2 * (2**27 - 2)**2 plus a carried residue is still below 2**64."""

TILE_BYTES = VECTOR_BYTES
"""One polynomial of one tile: sixteen residues of four bytes, a cache line."""

COLUMN_BYTES = 2 * TILE_BYTES
"""One column of one tile: c0, then c1."""

BLOCKS_AT_ONCE = 8
"""Blocks that meet the same tiles of the probes while those are in the processor's caches. A probe
is as large as a block, and would otherwise come from memory for each of them."""

PROBE_BYTES = 2**18
"""Bytes of probes that the blocks of a group meet, one after the other, before the next bytes do. A
second cache of half a megabyte holds them beside the tiles that pass."""

AHEAD_BYTES = 2**12
"""Bytes ahead of those being read from which on memory is asked for: 0.2 µs of arithmetic, a little
more than it takes to answer. Half and twice as much made no difference."""


def _multiply_add(b: ir.IRBuilder, total: Pair, x: Pair, y: Pair) -> Pair:
    """Return ``total + x * y``; the operands are below 2**32, so LLVM finds 32-bit multiplies."""
    return Pair(*(b.add(t, b.mul(u, v)) for t, u, v in zip(total, x, y, strict=True)))


class _Column(NamedTuple):
    """One column of a block or of a probe: its two polynomials in one tile."""

    first: Pair
    second: Pair


class _Operands(NamedTuple):
    """The blocks, or the probes, of a loop: addresses of their tiles, and what to prefetch.

    With each column ``step`` more bytes are asked for, from ``ahead`` bytes after the tile's start.
    """

    tiles: list[Any]
    ahead: Any
    step: Any


class _Sums(NamedTuple):
    """Values that a loop carries: three sums for each block and probe, and the largest residues."""

    pairs: list[Pair]
    largest: list[Any]

    def values(self) -> list[Any]:
        """Return all LLVM values in one list."""
        return [*(half for pair in self.pairs for half in pair), *self.largest]

    @classmethod
    def of(cls, values: list[Any]) -> _Sums:
        """Undo `values`."""
        halves = values[:-2]
        return cls([Pair(*halves[i : i + 2]) for i in range(0, len(halves), 2)], values[-2:])


def _read(b: ir.IRBuilder, operands: _Operands, number: Any, top: Any) -> tuple[list[_Column], Any]:
    """Load the column of that number from each tile; keep the largest of all residues."""
    offset = b.mul(number, I64(COLUMN_BYTES))
    ahead = b.add(operands.ahead, b.mul(number, operands.step))
    columns = []
    for tile in operands.tiles:
        column = b.add(tile, offset)
        words = [load(b, column, WORDS), load(b, b.add(column, I64(TILE_BYTES)), WORDS)]
        for w in words:
            top = maximum(b, top, w)
        columns.append(_Column(*(parted(b, w) for w in words)))
        for place in (0, TILE_BYTES):
            prefetch(b, b.add(b.add(tile, ahead), I64(place)), first_cache=False)
    return columns, top


def _step(b: ir.IRBuilder, blocks: _Operands, probes: _Operands, number: Any, sums: _Sums) -> _Sums:
    """Add the products of one column of each block and each probe."""
    columns, top_c = _read(b, blocks, number, sums.largest[0])
    constants, top_d = _read(b, probes, number, sums.largest[1])
    done: list[Pair] = []
    for c in columns:
        for d in constants:
            first, middle, last = sums.pairs[len(done) : len(done) + 3]
            first = _multiply_add(b, first, c.first, d.first)
            middle = _multiply_add(b, middle, c.first, d.second)
            middle = _multiply_add(b, middle, c.second, d.first)
            done += [first, middle, _multiply_add(b, last, c.second, d.second)]
    return _Sums(done, [top_c, top_d])


def _sum_columns(
    b: ir.IRBuilder, blocks: _Operands, probes: _Operands, count: Any, prime: Any
) -> _Sums:
    """Sum up all columns modulo the prime; the sums stay in registers, reduced often enough."""
    p = spread(b, prime, WORDS)
    inverse = spread(b, b.fdiv(F64(1.0), b.uitofp(prime, F64)), FLOATS)

    def one(number: Any, values: list[Any]) -> tuple[Any, list[Any]]:
        sums = _step(b, blocks, probes, number, _Sums.of(values))
        return b.add(number, I64(1)), sums.values()

    def several(number: Any, values: list[Any]) -> tuple[Any, list[Any]]:
        stop = b.add(number, I64(COLUMNS_PER_REDUCTION))
        stop = b.select(b.icmp_unsigned("<", stop, count), stop, count)
        sums = _Sums.of(loop(b, number, stop, values, one))
        pairs = [Pair(*(remainder(b, x, p, inverse) for x in pair)) for pair in sums.pairs]
        return stop, _Sums(pairs, sums.largest).values()

    pairs = [Pair(ZERO, ZERO)] * (3 * len(blocks.tiles) * len(probes.tiles))
    nothing = _Sums(pairs, [ir.Constant(HALVES, [0] * 16)] * 2)
    return _Sums.of(loop(b, I64(0), count, nothing.values(), several))


def _addresses(b: ir.IRBuilder, table: Any, count: int) -> list[Any]:
    """Load the first addresses out of a table of 64-bit integers."""
    entries = b.inttoptr(table, I64.as_pointer())
    return [b.load(b.gep(entries, [I64(i)])) for i in range(count)]


def _emit(b: ir.IRBuilder, args: tuple[Any, ...], blocks: int, probes: int) -> Any:
    """Emit the code of an intrinsic of `_dot`; return the LLVM value of its result."""
    tables, (out, row, tile, plane, count, prime) = args[:4], args[4:]
    # A tile of a block holds ``count`` columns; tiles of all primes lie one after the other.
    offset = b.mul(tile, b.mul(count, I64(COLUMN_BYTES)))
    columns, constants = (
        _Operands(
            [b.add(base, offset) for base in _addresses(b, table, number)],
            *(b.extract_value(prefetch, i) for i in (0, 1)),
        )
        for table, prefetch, number in ((*tables[:2], blocks), (*tables[2:], probes))
    )
    sums = _sum_columns(b, columns, constants, count, prime)
    rows = [b.add(out, b.mul(row, I64(i))) for i in range(blocks)]
    targets = [base for table in rows for base in _addresses(b, table, probes)]
    # In the sums, polynomials lie ``plane`` bytes apart, each with its tiles one after the other.
    place = b.mul(tile, I64(TILE_BYTES))
    places = [b.add(b.add(base, place), b.mul(plane, I64(i))) for base in targets for i in range(3)]
    for address, (even, odd) in zip(places, sums.pairs, strict=True):
        pointer = b.inttoptr(address, WORDS.as_pointer())
        b.store(b.or_(even, b.shl(odd, SHIFT)), pointer, align=1)
    return _bad_bits(b, sums.largest, b.trunc(prime, I32))


def _bad_bits(b: ir.IRBuilder, largest: list[Any], prime: Any) -> Any:
    """Return `BAD_COLUMNS` and `BAD_PROBE`, for those with a residue not below the prime."""
    bad, limit = I64(0), spread(b, prime, HALVES)
    for bit, top in zip((BAD_COLUMNS, BAD_PROBE), largest, strict=True):
        # Sixteen comparisons of one bit, read as one number: not 0 if any lane is too large.
        lanes = b.bitcast(b.icmp_unsigned(">=", top, limit), ir.IntType(16))
        found = b.icmp_unsigned("!=", lanes, ir.IntType(16)(0))
        bad = b.or_(bad, b.select(found, I64(bit), I64(0)))
    return bad


def _dot(blocks: int, probes: int) -> Any:
    """Make the intrinsic for so many blocks and probes at once.

    It sums up tile number ``tile`` of those whose addresses are in the tables at ``columns`` and
    ``constants``, and prefetches what `_prefetch_range` says. Sums go to where the entries at
    ``out`` point, those of the next block ``row`` bytes further in the table; ``plane`` bytes part
    the three of one.
    """

    def dot(
        _: Any,
        columns: Any,
        columns_prefetch: Any,
        constants: Any,
        constants_prefetch: Any,
        out: Any,
        row: Any,
        tile: Any,
        plane: Any,
        count: Any,
        p: Any,
    ) -> Any:
        from numba import types

        word = types.intp
        signature = word(
            word, columns_prefetch, word, constants_prefetch, *[word] * 5, types.uint64
        )
        return signature, lambda context, b, sig, args: _emit(b, args, blocks, probes)

    return intrinsic(dot)


_dot11, _dot12, _dot21, _dot22 = _dot(1, 1), _dot(1, 2), _dot(2, 1), _dot(2, 2)


def _prefetch_range(part: int, parts: int, size: int) -> tuple[int, int]:
    """Return what a loop over a tile of ``size`` bytes prefetches: from where on, and the step.

    If a tile serves in one loop alone, the bytes needed next are those a little further on. If it
    serves in several, each prefetches a part of the next tile, so that no loop waits for memory.
    """
    if parts == 1:
        return AHEAD_BYTES, COLUMN_BYTES
    return size + size * part // parts, COLUMN_BYTES // parts


prefetch_range = compiled(_prefetch_range)


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
        (3, primes, tiles, 16).
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
    # Bytes of a row of the table ``out``, and of a tile of a block. Entries of tables have 8 bytes.
    bad, row, size = 0, 8 * probes.size, count * COLUMN_BYTES
    plane = primes.size * tiles * TILE_BYTES
    step = max(1, PROBE_BYTES // max(1, probes.size * size))
    # From the outside: groups of blocks; tiles of which all probes fit into the cache; pairs of
    # blocks; the tiles; pairs of probes.
    for lowest in range(0, blocks.size, BLOCKS_AT_ONCE):
        highest = min(lowest + BLOCKS_AT_ONCE, blocks.size)
        for first in range(start, stop, step):
            for block in range(lowest, highest, 2):
                c, two = blocks.ctypes.data + 8 * block, block + 1 < highest
                ahead_d = prefetch_range((block - lowest) // 2, (highest - lowest + 1) // 2, size)
                for tile in range(first, min(first + step, stop)):
                    p = primes[tile // tiles]
                    for i in range(0, probes.size, 2):
                        d, sums = probes.ctypes.data + 8 * i, out.ctypes.data + block * row + 8 * i
                        ahead_c = prefetch_range(i // 2, (probes.size + 1) // 2, size)
                        args = (c, ahead_c, d, ahead_d, sums, row, tile, plane, count, p)
                        if i + 1 < probes.size:
                            bad |= _dot22(*args) if two else _dot12(*args)
                        else:
                            bad |= _dot21(*args) if two else _dot11(*args)
    return bad


scan = kept(_scan)
"""`_scan`, compiled at the first call and kept on disk; it runs without Python's global lock."""
