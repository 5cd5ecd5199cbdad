"""The number-theoretic transform, and products with the secret key, in LLVM vector types.

A *work array* (see `gallery.client.ring.residue_kernels`) holds sixteen neighbours for each
coefficient: one vector of sixteen 32-bit residues. LLVM turns it into whatever the processor has
(one AVX-512 register, two of AVX2, four of NEON). Of plain loops it makes code that takes four
times as long: it widens each product of 32 bits, where even and odd lanes can be multiplied in
place, and gathers the coefficients of one polynomial one by one, where squares of sixteen by
sixteen can be transposed.

Two steps of the transform at a time (radix 4) touch memory half as often as one. Products are
reduced as David Harvey describes ("Faster arithmetic for number-theoretic transforms", 2014): for a
fixed factor w and its quotient floor(w * 2**32 / p), any 32-bit x gives w*x modulo p below 2p, with
three multiplications and no division.

**Constant time:** no branch and no address here depends on a residue; see `residue_kernels`.

The intrinsics and the kernels stay in one file: of that, and of `gallery.compilation`, code on disk
is known to be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from llvmlite import ir

from gallery.arrays import Residues
from gallery.compilation import compiled, intrinsic, kept, stack_space
from gallery.compilation.vectors import (
    I32,
    I64,
    SQUARE_BYTES,
    VECTOR_BYTES,
    Factor,
    Lanes,
    load,
    store,
    transpose,
)

_CACHED: Final = 2**14
"""Bytes of a part of a work array that stays in the first cache: when the parts that a transform
works on have become so small, each is finished before the next is begun."""

NARROW: Final = 2**27
"""Primes below this leave room for 32 of them in 32 bits, so that a transform needs no reduction in
between. Wider ones, up to 2**30, are reduced at each step."""


class _Lanes(Lanes):
    """Arithmetic of the transform's butterflies."""

    def __init__(self, b: ir.IRBuilder, p: Any) -> None:
        super().__init__(b, p)
        self.four = b.add(self.twice, self.twice)

    def butterfly(self, x: Any, y: Any, w: Factor) -> tuple[Any, Any]:
        """Return ``x + w*y`` and ``x - w*y``, both less than 2p above the larger of x and 2p."""
        b, product = self._b, self.times(y, w)
        return b.add(x, product), b.add(b.sub(x, product), self.twice)

    def inverse_butterfly(self, x: Any, y: Any, w: Factor, bound: Any) -> tuple[Any, Any]:
        """Return ``x + y``, below twice the bound that both are below, and ``w * (x - y)``."""
        b = self._b
        return b.add(x, y), self.times(b.add(b.sub(x, y), bound), w)


def _two(lanes: _Lanes, x: list[Any], factors: list[Factor]) -> list[Any]:
    return [*lanes.butterfly(x[0], x[1], factors[0])]


def _inverse_two(lanes: _Lanes, x: list[Any], factors: list[Factor]) -> list[Any]:
    total, rest = lanes.inverse_butterfly(x[0], x[1], factors[0], lanes.twice)
    return [lanes.below(total, lanes.twice), rest]


def _four(lanes: _Lanes, x: list[Any], factors: list[Factor]) -> list[Any]:
    first, upper, lower = factors
    x0, x2 = lanes.butterfly(x[0], x[2], first)
    x1, x3 = lanes.butterfly(x[1], x[3], first)
    return [*lanes.butterfly(x0, x1, upper), *lanes.butterfly(x2, x3, lower)]


def _inverse_four(lanes: _Lanes, x: list[Any], factors: list[Factor]) -> list[Any]:
    last, upper, lower = factors
    x0, x1 = lanes.inverse_butterfly(x[0], x[1], upper, lanes.twice)
    x2, x3 = lanes.inverse_butterfly(x[2], x[3], lower, lanes.twice)
    # The sums are below 4p, the products below 2p.
    x0, x2 = lanes.inverse_butterfly(x0, x2, last, lanes.four)
    x1, x3 = lanes.inverse_butterfly(x1, x3, last, lanes.twice)
    x0 = lanes.below(lanes.below(x0, lanes.four), lanes.twice)
    return [x0, lanes.below(x1, lanes.twice), x2, x3]


def _wide_two(lanes: _Lanes, x: list[Any], factors: list[Factor]) -> list[Any]:
    return _two(lanes, [lanes.below(x[0], lanes.twice), x[1]], factors)


def _wide_four(lanes: _Lanes, x: list[Any], factors: list[Factor]) -> list[Any]:
    first, upper, lower = factors
    x0, x2 = _wide_two(lanes, [x[0], x[2]], [first])
    x1, x3 = _wide_two(lanes, [x[1], x[3]], [first])
    return [*_wide_two(lanes, [x0, x1], [upper]), *_wide_two(lanes, [x2, x3], [lower])]


def _wide_inverse_four(lanes: _Lanes, x: list[Any], factors: list[Factor]) -> list[Any]:
    last, upper, lower = factors
    x0, x1 = _inverse_two(lanes, x[:2], [upper])
    x2, x3 = _inverse_two(lanes, x[2:], [lower])
    x0, x2 = _inverse_two(lanes, [x0, x2], [last])
    x1, x3 = _inverse_two(lanes, [x1, x3], [last])
    return [x0, x1, x2, x3]


def _step(compute: Callable[[_Lanes, list[Any], list[Factor]], list[Any]], count: int) -> Any:
    """Make the intrinsic of a step on ``count`` vectors, ``stride`` bytes apart.

    ``factors`` are a tuple of factors, each followed by its quotient.
    """

    def generate(context: Any, b: ir.IRBuilder, signature: Any, args: tuple[Any, ...]) -> Any:
        base, stride, factors, p = args
        numbers = [b.extract_value(factors, i) for i in range(2 * (count - 1))]
        pairs = [Factor.of(b, *numbers[i : i + 2]) for i in range(0, len(numbers), 2)]
        places = [b.add(base, b.mul(stride, I64(i))) for i in range(count)]
        results = compute(_Lanes.modulo(b, p), [load(b, at) for at in places], pairs)
        for value, at in zip(results, places, strict=True):
            store(b, value, at)
        return context.get_dummy_value()

    def step(_: Any, base: Any, stride: Any, factors: Any, p: Any) -> Any:
        from numba import types

        return types.void(types.intp, types.intp, factors, types.uint32), generate

    return intrinsic(step)


_step2, _inverse_step2 = _step(_two, 2), _step(_inverse_two, 2)
_step4, _inverse_step4 = _step(_four, 4), _step(_inverse_four, 4)
_wide_step2, _wide_step4 = _step(_wide_two, 2), _step(_wide_four, 4)
_wide_inverse_step4 = _step(_wide_inverse_four, 4)


def _node(narrow: Any, wide: Any) -> Any:
    """Make the function that takes one step at one node of the transform's tree."""

    def node(
        start: int, size: int, index: int, roots: Residues, quotients: Residues, p: Any
    ) -> None:
        factors = roots[index], quotients[index]
        if p < NARROW:
            for at in range(start, start + size // 2, VECTOR_BYTES):
                narrow(at, size // 2, factors, p)
        else:
            for at in range(start, start + size // 2, VECTOR_BYTES):
                wide(at, size // 2, factors, p)

    return compiled(node)


def _double_node(narrow: Any, wide: Any) -> Any:
    """Make the function that takes the steps of a node and of its two children at once."""

    def node(
        start: int, size: int, index: int, roots: Residues, quotients: Residues, p: Any
    ) -> None:
        upper, lower = 2 * index, 2 * index + 1
        factors = (
            *(roots[index], quotients[index]),
            *(roots[upper], quotients[upper]),
            *(roots[lower], quotients[lower]),
        )
        if p < NARROW:
            for at in range(start, start + size // 4, VECTOR_BYTES):
                narrow(at, size // 4, factors, p)
        else:
            for at in range(start, start + size // 4, VECTOR_BYTES):
                wide(at, size // 4, factors, p)

    return compiled(node)


_halve, _quarter = _node(_step2, _wide_step2), _double_node(_step4, _wide_step4)
_join_two = _node(_inverse_step2, _inverse_step2)
_join_four = _double_node(_inverse_step4, _wide_inverse_step4)


def _is_odd(size: int) -> bool:
    """Return whether a work array of ``size`` bytes takes an odd number of steps."""
    while size > 2 * VECTOR_BYTES:
        size //= 4
    return size == 2 * VECTOR_BYTES


_steps_are_odd = compiled(_is_odd)


def _forward(work: Residues, roots: Residues, quotients: Residues, p: Any) -> None:
    """Transform in place, in SEAL's order; each of log N steps adds at most 2p to narrow residues.

    Parameters
    ----------
    work
        A work array of residues below 4p, uint32 of shape (16 * N,).
    roots, quotients
        Powers of psi in bit-reversed order, and their quotients; shape (N,).
    p
        uint32: below 2**30. Wide ones leave residues below 4p.
    """
    start, size, count = work.ctypes.data, work.nbytes, 1
    if _steps_are_odd(size):
        _halve(start, size, 1, roots, quotients, p)
        size, count = size // 2, 2
    while size > _CACHED:
        for i in range(count):
            _quarter(start + i * size, size, count + i, roots, quotients, p)
        size, count = size // 4, 4 * count
    for i in range(count):
        part, within = size, 1
        while part > VECTOR_BYTES:
            for k in range(i * within, (i + 1) * within):
                _quarter(start + k * part, part, count * within + k, roots, quotients, p)
            part, within = part // 4, 4 * within


def _inverse(work: Residues, roots: Residues, quotients: Residues, p: Any) -> None:
    """Undo `_forward` in place but for the factor N; takes and leaves residues below 2p."""
    start, size = work.ctypes.data, work.nbytes
    odd = _steps_are_odd(size)
    top = size // 2 if odd else size
    part = top
    while part > _CACHED:
        part //= 4
    for i in range(size // part):
        some = 4 * VECTOR_BYTES
        while some <= part:
            within = part // some
            for k in range(i * within, (i + 1) * within):
                _join_four(start + k * some, some, size // some + k, roots, quotients, p)
            some *= 4
    while part < top:
        part *= 4
        for i in range(size // part):
            _join_four(start + i * part, part, size // part + i, roots, quotients, p)
    if odd:
        _join_two(start, size, 1, roots, quotients, p)


_square = stack_space(SQUARE_BYTES)


@intrinsic
def _transposed(_: Any, source: Any, target: Any) -> Any:
    def generate(context: Any, b: ir.IRBuilder, signature: Any, args: tuple[Any, ...]) -> Any:
        source, target = args
        transpose(b, source, I64(VECTOR_BYTES), target, I64(VECTOR_BYTES))
        return context.get_dummy_value()

    from numba import types

    return types.void(types.intp, types.intp), generate


@intrinsic
def _masked(_: Any, plain: Any, c0: Any, c1: Any, key: Any, quotients: Any, p: Any) -> Any:
    """Write ``plain - c1*s`` to ``c0``, below p; all but p are addresses of sixteen residues."""

    def generate(context: Any, b: ir.IRBuilder, signature: Any, args: tuple[Any, ...]) -> Any:
        plain, c0, c1, key, quotients, p = args
        lanes, one = _Lanes.modulo(b, p), b.udiv(I64(2**32), b.zext(p, I64))
        reduced = lanes.times(load(b, plain), Factor.of(b, I32(1), b.trunc(one, I32)))
        product = lanes.times(load(b, c1), Factor.at(b, key, quotients))
        rest = b.add(b.sub(reduced, product), lanes.twice)
        store(b, lanes.below(lanes.below(rest, lanes.twice), lanes.p), c0)
        return context.get_dummy_value()

    from numba import types

    return types.void(*[types.intp] * 5, types.uint32), generate


@intrinsic
def _phase(_: Any, ciphertext: Any, stride: Any, powers: Any, degree: Any, out: Any, p: Any) -> Any:
    """Write ``c0 + c1*s`` or ``c0 + c1*s + c2*s**2``, below 2p, of sixteen coefficients.

    ``ciphertext`` is the address of those of c0, ``stride`` parts its polynomials, and ``powers``
    is a tuple of addresses: of s, and of its square if there are three polynomials. Quotients are
    ``degree`` residues behind the powers.
    """

    def generate(context: Any, b: ir.IRBuilder, signature: Any, args: tuple[Any, ...]) -> Any:
        ciphertext, stride, powers, degree, out, p = args
        lanes, total = _Lanes.modulo(b, p), load(b, ciphertext)
        count = len(signature.args[2])
        for i in range(count):
            power = b.extract_value(powers, i)
            factor = Factor.at(b, power, b.add(power, b.mul(degree, I64(4))))
            c = load(b, b.add(ciphertext, b.mul(stride, I64(i + 1))))
            total = b.add(total, lanes.times(c, factor))
        if count == 2:
            total = lanes.below(total, lanes.four)
        store(b, lanes.below(total, lanes.twice), out)
        return context.get_dummy_value()

    from numba import types

    signature = types.void(types.intp, types.intp, powers, types.intp, types.intp, types.uint32)
    return signature, generate


def _mask(work: Residues, residues: int, columns: int, lanes: int, key: Residues, p: Any) -> None:
    """Write polynomial 0 of ciphertexts: the work array's plaintexts less ``c1 * s``, below p.

    Parameters
    ----------
    work
        Transformed plaintexts less noise, below 32p.
    residues
        Address of the first of the ciphertexts that the work array is for, within uint32 of shape
        (tiles, columns, 2, 16) with polynomial 1 filled in.
    columns, lanes
        How many ciphertexts there are, and how many of them the work array is for.
    key
        Two rows of N: the key's residues s, and their quotients.
    p
        uint32: the prime.
    """
    scratch, column = _square(), 2 * VECTOR_BYTES
    for tile in range(work.nbytes // SQUARE_BYTES):
        _transposed(work.ctypes.data + tile * SQUARE_BYTES, scratch)
        s = key.ctypes.data + tile * VECTOR_BYTES
        for k in range(lanes):
            c0 = residues + (tile * columns + k) * column
            plain = scratch + k * VECTOR_BYTES
            _masked(plain, c0, c0 + VECTOR_BYTES, s, s + key.nbytes // 2, p)


def _phase_of_columns(
    ciphertexts: int, columns: int, lanes: int, powers: Residues, work: Residues, p: Any
) -> None:
    """Write ``c0 + c1*s`` of a block's columns into a work array, below 2p.

    Parameters
    ----------
    ciphertexts
        Address of the first of them, within uint32 of shape (tiles, columns, 2, 16).
    columns, lanes
        How many there are, and how many go into the work array.
    powers
        uint32 of shape (2, 2, N): s and its quotients, s**2 and its quotients.
    work
        The work array, uint32 of shape (16 * N,).
    p
        uint32: the prime.
    """
    scratch, column, degree = _square(), 2 * VECTOR_BYTES, powers.shape[2]
    for tile in range(work.nbytes // SQUARE_BYTES):
        s = powers.ctypes.data + tile * VECTOR_BYTES
        for k in range(lanes):
            c0 = ciphertexts + (tile * columns + k) * column
            _phase(c0, VECTOR_BYTES, (s,), degree, scratch + k * VECTOR_BYTES, p)
        _transposed(scratch, work.ctypes.data + tile * SQUARE_BYTES)


def _phase_of_results(
    ciphertexts: npt.NDArray[np.intp], stride: int, powers: Residues, work: Residues, p: Any
) -> None:
    """Write ``c0 + c1*s + c2*s**2`` of results into a work array, below 2p.

    Parameters
    ----------
    ciphertexts
        Addresses of the first polynomials of up to sixteen ciphertexts: N residues of uint32 each.
    stride
        Bytes from one polynomial of a ciphertext to the next.
    powers, work, p
        As for `_phase_of_columns`.
    """
    scratch, degree = _square(), powers.shape[2]
    for tile in range(work.nbytes // SQUARE_BYTES):
        at = tile * VECTOR_BYTES
        s = powers.ctypes.data + at
        for k in range(ciphertexts.size):
            out = scratch + k * VECTOR_BYTES
            _phase(ciphertexts[k] + at, stride, (s, s + powers.nbytes // 2), degree, out, p)
        _transposed(scratch, work.ctypes.data + tile * SQUARE_BYTES)


forward, inverse, mask = map(kept, (_forward, _inverse, _mask))
phase_of_columns, phase_of_results = map(kept, (_phase_of_columns, _phase_of_results))
