"""The masks of the hinted scheme, put on and taken off in LLVM vector types.

Ciphertexts lie sixteen points side by side, by column (`gallery.ciphertexts.columns`); a work array
of the transform lies sixteen polynomials side by side, by point (`residue_kernels`). Between the
two, squares of sixteen by sixteen are transposed, and on the way each residue meets its mask: a
product of a secret residue with a public one, reduced as `gallery.client.ring.ntt_kernels` says.
A result has two masks, one of its block's hint and one of its probe: they are one sum of products,
taken in 64 bits, so that a hint is read once and nothing is written in between.

Matrices, ciphertexts and results are given by their addresses, so that one compiled version serves
writable, read-only and unaligned buffers alike.

**Constant time:** no branch and no address here depends on a residue; see `residue_kernels`.

Numba frees an array after the last line that names it, whoever still has its address: so loops take
the addresses of what was made here anew each time.

The intrinsics and the kernels stay in one file: of that, and of `gallery.compilation`, code on disk
is known to be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from llvmlite import ir

from gallery.arrays import Residues
from gallery.compilation import intrinsic, kept, stack_space
from gallery.compilation.vectors import (
    HALVES,
    HIGH,
    I32,
    I64,
    LOW,
    SHIFT,
    SQUARE_BYTES,
    VECTOR_BYTES,
    WIDTH,
    WORDS,
    Factor,
    Lanes,
    load,
    loop,
    prefetch,
    spread,
    store,
    transpose,
)

Addresses = npt.NDArray[np.intp]

_AHEAD_BYTES: Final = 2**9
"""The distance of prefetches ahead of the reads of a hint: one slice, at a rank of eight."""


def _on_addresses(emit: Callable[..., None], count: int) -> Any:
    """Make an intrinsic of what emits code for so many addresses, or strides, and a prime."""

    def generate(context: Any, b: ir.IRBuilder, signature: Any, args: tuple[Any, ...]) -> Any:
        *addresses, p = args
        emit(b, Lanes.modulo(b, p), *addresses)
        return context.get_dummy_value()

    def typed() -> Any:
        from numba import types

        return types.void(*[types.intp] * count, types.uint32), generate

    if count == 4:
        return intrinsic(lambda _, c, d, e, f, p: typed())
    if count == 5:
        return intrinsic(lambda _, c, d, e, f, g, p: typed())
    return intrinsic(lambda _, c, d, e, f, g, h, p: typed())


def _transpose(
    b: ir.IRBuilder, _: Lanes, source: Any, source_stride: Any, target: Any, target_stride: Any
) -> None:
    transpose(b, source, source_stride, target, target_stride)


def _put_on(
    b: ir.IRBuilder, lanes: Lanes, plain: Any, a: Any, s: Any, quotients: Any, unit: Any, out: Any
) -> None:
    """Write ``plain + a*s``, below p, of any 32-bit ``plain``; ``unit`` is the quotient of 1."""
    product = lanes.times(load(b, a), Factor.at(b, s, quotients))
    everywhere = spread(b, unit, WORDS)
    one = Factor(ir.Constant(HALVES, [1] * WIDTH), everywhere, everywhere)
    total = b.add(lanes.times(load(b, plain), one), product)
    store(b, lanes.below(lanes.below(total, lanes.twice), lanes.p), out)


def _take_off(
    b: ir.IRBuilder, lanes: Lanes, c: Any, a: Any, s: Any, quotients: Any, out: Any
) -> None:
    """Write ``c - a*s``, below 2p, of residues below p."""
    product = lanes.times(load(b, a), Factor.at(b, s, quotients))
    rest = b.add(load(b, c), b.sub(lanes.twice, product))
    store(b, lanes.below(rest, lanes.twice), out)


class _Block(NamedTuple):
    """Addresses of sixteen points of a block's result, of their hint and of their secret."""

    result: Any
    hint: Any
    secret: Any


class _Probe(NamedTuple):
    """Addresses of what opens sixteen points for a probe: -t, for each polynomial, and -W."""

    minus_t: Any
    minus_w: Any


@intrinsic
def _opened(_: Any, block: Any, probe: Any, rank: Any, out: Any, largest: Any, p: Any) -> Any:
    """Write ``S - sum(t*H) - s*W``, below 2p, to the address ``out``.

    At the address ``largest``, sixteen numbers become at least those of the hint.
    """

    def generate(context: Any, b: ir.IRBuilder, signature: Any, args: tuple[Any, ...]) -> Any:
        unit = _Block(*(b.extract_value(args[0], i) for i in range(3)))
        opener = _Probe(*(b.extract_value(args[1], i) for i in range(2)))
        _open(b, unit, opener, *args[2:])
        return context.get_dummy_value()

    from numba import types

    return types.void(block, probe, *[types.intp] * 3, types.uint32), generate


def _open(
    b: ir.IRBuilder, block: _Block, probe: _Probe, rank: Any, out: Any, largest: Any, p: Any
) -> None:
    def part(halves: Any) -> tuple[Any, Any]:
        words = b.bitcast(halves, WORDS)
        return b.and_(words, LOW), b.lshr(words, SHIFT)

    def added(sums: list[Any], x: Any, y: Any) -> list[Any]:
        factors = zip(sums, part(x), part(y), strict=True)
        return [b.add(total, b.mul(u, v)) for total, u, v in factors]

    def polynomial(number: Any, carried: list[Any]) -> tuple[Any, list[Any]]:
        *sums, top = carried
        offset = b.mul(number, I64(VECTOR_BYTES))
        place = b.add(block.hint, offset)
        h = load(b, place)
        prefetch(b, b.add(place, I64(_AHEAD_BYTES)))
        top = b.select(b.icmp_unsigned(">", h, top), h, top)
        return b.add(number, I64(1)), [*added(sums, h, load(b, b.add(probe.minus_t, offset))), top]

    # Sums of products below p**2, and of a residue: `ProbeCipher` sees that they fit into 64 bits.
    sums = added([*part(load(b, block.result))], load(b, block.secret), load(b, probe.minus_w))
    even, odd, top = loop(b, I64(0), rank, [*sums, load(b, largest)], polynomial)
    store(b, top, largest)
    upper = b.bitcast(b.or_(b.lshr(even, SHIFT), b.and_(odd, HIGH)), HALVES)
    lower = b.bitcast(b.or_(b.and_(even, LOW), b.shl(odd, SHIFT)), HALVES)
    lanes, wide = Lanes.modulo(b, p), b.zext(p, I64)
    rest = [
        lanes.times(x, Factor.public(b, b.urem(factor, wide), wide))
        for x, factor in ((upper, I64(2**32)), (lower, I64(1)))
    ]
    store(b, lanes.below(b.add(*rest), lanes.twice), out)


@intrinsic
def _largest(_: Any, address: Any) -> Any:
    """Return the largest of the sixteen numbers at an address."""

    def generate(context: Any, b: ir.IRBuilder, signature: Any, args: tuple[Any, ...]) -> Any:
        numbers, top = load(b, args[0]), I32(0)
        for i in range(WIDTH):
            one = b.extract_element(numbers, I32(i))
            top = b.select(b.icmp_unsigned(">", one, top), one, top)
        return top

    from numba import types

    return types.uint32(types.intp), generate


_square, _vector = stack_space(SQUARE_BYTES), stack_space(VECTOR_BYTES)
_transposed = _on_addresses(_transpose, 4)
_masked, _unmasked = _on_addresses(_put_on, 6), _on_addresses(_take_off, 5)


def _add_masks(
    work: Residues,
    slices: int,
    matrix: int,
    secret: Residues,
    out: int,
    columns: int,
    count: int,
    one: int,
    p: Any,
) -> None:
    """Write ``plain + a*s`` of some columns into a block, below p.

    Parameters
    ----------
    work
        Transformed plaintexts, a work array of any 32-bit numbers.
    slices
        Slices of each tile.
    matrix, out
        Addresses of the first of these columns, of a and of the ciphertexts, within uint32 of shape
        (tiles, slices, columns, 16).
    secret
        s and its quotients, uint32 of shape (2, tiles, slices, 16).
    columns, count
        How many columns there are, and how many of them the work array is for.
    one
        The quotient of 1.
    p
        uint32: the prime.
    """
    scratch, row = _square(), slices * VECTOR_BYTES
    for unit in range(work.nbytes // SQUARE_BYTES):
        tile, part = unit // slices, unit % slices
        point = work.ctypes.data + tile * WIDTH * row + part * VECTOR_BYTES
        _transposed(point, row, scratch, VECTOR_BYTES, p)
        s = secret.ctypes.data + unit * VECTOR_BYTES
        for k in range(count):
            place = (unit * columns + k) * VECTOR_BYTES
            plain = scratch + k * VECTOR_BYTES
            _masked(plain, matrix + place, s, s + secret.nbytes // 2, one, out + place, p)


def _take_masks(
    ciphertexts: int,
    matrix: int,
    secret: Residues,
    columns: int,
    count: int,
    slices: int,
    work: Residues,
    p: Any,
) -> None:
    """Write ``c - a*s`` of some columns into a work array, below 2p; see `_add_masks`."""
    scratch, row = _square(), slices * VECTOR_BYTES
    for unit in range(work.nbytes // SQUARE_BYTES):
        tile, part = unit // slices, unit % slices
        s = secret.ctypes.data + unit * VECTOR_BYTES
        for k in range(count):
            place = (unit * columns + k) * VECTOR_BYTES
            c, out = ciphertexts + place, scratch + k * VECTOR_BYTES
            _unmasked(c, matrix + place, s, s + secret.nbytes // 2, out, p)
        point = work.ctypes.data + tile * WIDTH * row + part * VECTOR_BYTES
        _transposed(scratch, VECTOR_BYTES, point, row, p)


def _open_results(
    results: Addresses,
    hints: Addresses,
    secrets: Addresses,
    minus_t: Residues,
    minus_w: Residues,
    work: Residues,
    p: Any,
) -> bool:
    """Write ``S - sum(t*H) - s*W`` of results into a work array, below 2p.

    Parameters
    ----------
    results, hints, secrets
        Addresses of S, H and s of up to sixteen blocks: uint32 of shape (tiles, slices, 16), H of
        shape (tiles, slices, rank, 16).
    minus_t
        -t, uint32 of shape (tiles, rank, 16), below p.
    minus_w
        -W, uint32 of shape (tiles, slices, 16), below p.
    work
        The work array, uint32 of shape (16 * N,).
    p
        uint32: the prime.

    Returns
    -------
    bool
        Whether all residues of hints are below p; if not, the work array is meaningless.
    """
    scratch, largest = _square(), _vector()
    tiles, slices, rank = minus_w.shape[0], minus_w.shape[1], minus_t.shape[1]
    row, size = slices * VECTOR_BYTES, rank * VECTOR_BYTES
    for unit in range(tiles * slices):
        tile, part, at = unit // slices, unit % slices, unit * VECTOR_BYTES
        probe = minus_t.ctypes.data + tile * size, minus_w.ctypes.data + at
        for k in range(results.size):
            block = results[k] + at, hints[k] + unit * size, secrets[k] + at
            _opened(block, probe, rank, scratch + k * VECTOR_BYTES, largest, p)
        point = work.ctypes.data + tile * WIDTH * row + part * VECTOR_BYTES
        _transposed(scratch, VECTOR_BYTES, point, row, p)
    return bool(_largest(largest) < p)


def _reorder(source: int, source_rows: int, target: int, target_rows: int, squares: int) -> None:
    """Transpose neighbouring squares: polynomial by polynomial, or as in a work array.

    Parameters
    ----------
    source, target
        Addresses of 32-bit numbers: N of each of sixteen polynomials, or a work array.
    source_rows, target_rows
        Bytes from a polynomial to the next, or 0 for a work array.
    squares
        N / 16.
    """
    for i in range(squares):
        strides = max(source_rows, VECTOR_BYTES), max(target_rows, VECTOR_BYTES)
        start = source + i * (VECTOR_BYTES if source_rows else WIDTH * VECTOR_BYTES)
        end = target + i * (VECTOR_BYTES if target_rows else WIDTH * VECTOR_BYTES)
        _transposed(start, strides[0], end, strides[1], np.uint32(0))


add_masks, take_masks = map(kept, (_add_masks, _take_masks))
open_results, reorder = map(kept, (_open_results, _reorder))
