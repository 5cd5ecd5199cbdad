"""The number-theoretic transform itself, sixteen polynomials at once, in LLVM vector types.

A *work array* (see `gallery.client.ckks.kernels`) holds sixteen neighbours for each coefficient:
one vector of sixteen 32-bit residues. LLVM turns it into whatever the processor has (one AVX-512
register, two of AVX2, four of NEON). What is left to itself, LLVM makes a third of the speed of
plain loops: it widens each product of 32 bits, where even and odd lanes can be multiplied in place.

Two steps of the transform at a time (radix 4) touch memory half as often as one. Products are
reduced as David Harvey describes ("Faster arithmetic for number-theoretic transforms", 2014): for a
fixed factor w and its quotient floor(w * 2**32 / p), any 32-bit x gives w*x modulo p below 2p, with
three multiplications and no division.

**Constant time:** no branch and no address here depends on a residue; see `kernels`.

The intrinsics and the compiled functions stay in one file because numba's on-disk cache watches
only the file of the compiled function: split, a changed intrinsic would go unnoticed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from gallery.client.ckks.kernels import WIDTH

Words = npt.NDArray[np.uint32]

_VECTOR_BYTES: Final = 4 * WIDTH

_CACHED: Final = 2**14
"""Bytes of a part of a work array that stays in the first cache: when the parts that a transform
works on have become so small, each is finished before the next is begun."""

_compiled: Callable[..., Callable[..., Any]] = njit
_kept: Callable[..., Callable[..., Any]] = njit(nogil=True, cache=True)

I32, I64 = ir.IntType(32), ir.IntType(64)
HALVES, WORDS = ir.VectorType(I32, WIDTH), ir.VectorType(I64, WIDTH // 2)
LOW, SHIFT, HIGH = (ir.Constant(WORDS, [v] * 8) for v in (2**32 - 1, 32, 2**64 - 2**32))


class _Factor:
    """A factor and its quotient in all lanes."""

    def __init__(self, b: ir.IRBuilder, factor: Any, quotient: Any) -> None:
        self.factor = _spread(b, factor, HALVES)
        self.quotient = _spread(b, b.zext(quotient, I64), WORDS)


class _Lanes:
    """Arithmetic on sixteen residues modulo p; LLVM values of type ``<16 x i32>``."""

    def __init__(self, b: ir.IRBuilder, p: Any) -> None:
        self._b, self.p = b, _spread(b, p, HALVES)
        self.twice = b.add(self.p, self.p)
        self.four = b.add(self.twice, self.twice)

    def times(self, x: Any, w: _Factor) -> Any:
        """Return ``x * w``, below 2p, for any 32-bit x."""
        b, pairs = self._b, self._b.bitcast(x, WORDS)
        even = b.lshr(b.mul(b.and_(pairs, LOW), w.quotient), SHIFT)
        odd = b.and_(b.mul(b.lshr(pairs, SHIFT), w.quotient), HIGH)
        multiple = b.bitcast(b.or_(even, odd), HALVES)
        return b.sub(b.mul(x, w.factor), b.mul(multiple, self.p))

    def below(self, x: Any, bound: Any) -> Any:
        """Return x, less the bound if it is not below that; x below twice the bound."""
        b = self._b
        rest = b.sub(x, bound)
        # Unsigned, a difference below zero is larger than what it was taken from.
        return b.select(b.icmp_unsigned("<", rest, x), rest, x)

    def butterfly(self, x: Any, y: Any, w: _Factor) -> tuple[Any, Any]:
        """Return ``x + w*y`` and ``x - w*y``, both less than 2p above the larger of x and 2p."""
        b, product = self._b, self.times(y, w)
        return b.add(x, product), b.add(b.sub(x, product), self.twice)

    def inverse_butterfly(self, x: Any, y: Any, w: _Factor, bound: Any) -> tuple[Any, Any]:
        """Return ``x + y``, below twice the bound that both are below, and ``w * (x - y)``."""
        b = self._b
        return b.add(x, y), self.times(b.add(b.sub(x, y), bound), w)


def _spread(b: ir.IRBuilder, value: Any, vector: ir.VectorType) -> Any:
    one = b.insert_element(ir.Constant(vector, ir.Undefined), value, I32(0))
    order = ir.Constant(ir.VectorType(I32, vector.count), [0] * vector.count)
    return b.shuffle_vector(one, one, order)


def _places(b: ir.IRBuilder, base: Any, stride: Any, count: int) -> list[Any]:
    at = (b.add(base, b.mul(stride, I64(i))) for i in range(count))
    return [b.inttoptr(address, HALVES.as_pointer()) for address in at]


def _two(lanes: _Lanes, x: list[Any], factors: list[_Factor]) -> list[Any]:
    return [*lanes.butterfly(x[0], x[1], factors[0])]


def _inverse_two(lanes: _Lanes, x: list[Any], factors: list[_Factor]) -> list[Any]:
    total, rest = lanes.inverse_butterfly(x[0], x[1], factors[0], lanes.twice)
    return [lanes.below(total, lanes.twice), rest]


def _four(lanes: _Lanes, x: list[Any], factors: list[_Factor]) -> list[Any]:
    first, upper, lower = factors
    x0, x2 = lanes.butterfly(x[0], x[2], first)
    x1, x3 = lanes.butterfly(x[1], x[3], first)
    return [*lanes.butterfly(x0, x1, upper), *lanes.butterfly(x2, x3, lower)]


def _inverse_four(lanes: _Lanes, x: list[Any], factors: list[_Factor]) -> list[Any]:
    last, upper, lower = factors
    x0, x1 = lanes.inverse_butterfly(x[0], x[1], upper, lanes.twice)
    x2, x3 = lanes.inverse_butterfly(x[2], x[3], lower, lanes.twice)
    # The sums are below 4p, the products below 2p.
    x0, x2 = lanes.inverse_butterfly(x0, x2, last, lanes.four)
    x1, x3 = lanes.inverse_butterfly(x1, x3, last, lanes.twice)
    x0 = lanes.below(lanes.below(x0, lanes.four), lanes.twice)
    return [x0, lanes.below(x1, lanes.twice), x2, x3]


def _step(compute: Callable[[_Lanes, list[Any], list[_Factor]], list[Any]], count: int) -> Any:
    """Make the intrinsic of a step on ``count`` vectors, ``stride`` bytes apart.

    ``factors`` are a tuple of factors, each followed by its quotient.
    """

    def generate(context: Any, b: ir.IRBuilder, signature: Any, args: tuple[Any, ...]) -> Any:
        base, stride, factors, p = args
        numbers = [b.extract_value(factors, i) for i in range(2 * (count - 1))]
        pairs = [_Factor(b, *numbers[i : i + 2]) for i in range(0, len(numbers), 2)]
        places = _places(b, base, stride, count)
        results = compute(_Lanes(b, p), [b.load(at, align=4) for at in places], pairs)
        for value, at in zip(results, places, strict=True):
            b.store(value, at, align=4)
        return context.get_dummy_value()

    def step(_: Any, base: Any, stride: Any, factors: Any, p: Any) -> Any:
        return types.void(types.intp, types.intp, factors, types.uint32), generate

    return intrinsic(step)


_step2, _inverse_step2 = _step(_two, 2), _step(_inverse_two, 2)
_step4, _inverse_step4 = _step(_four, 4), _step(_inverse_four, 4)


def _node(step: Any) -> Callable[..., None]:
    """Make the function that takes one step at one node of the transform's tree."""

    def node(start: int, size: int, index: int, roots: Words, quotients: Words, p: Any) -> None:
        factors = roots[index], quotients[index]
        for at in range(start, start + size // 2, _VECTOR_BYTES):
            step(at, size // 2, factors, p)

    return _compiled(node)


def _double_node(step: Any) -> Callable[..., None]:
    """Make the function that takes the steps of a node and of its two children at once."""

    def node(start: int, size: int, index: int, roots: Words, quotients: Words, p: Any) -> None:
        upper, lower = 2 * index, 2 * index + 1
        factors = (
            *(roots[index], quotients[index]),
            *(roots[upper], quotients[upper]),
            *(roots[lower], quotients[lower]),
        )
        for at in range(start, start + size // 4, _VECTOR_BYTES):
            step(at, size // 4, factors, p)

    return _compiled(node)


_halve, _quarter = _node(_step2), _double_node(_step4)
_join_two, _join_four = _node(_inverse_step2), _double_node(_inverse_step4)


def _is_odd(size: int) -> bool:
    """Return whether a work array of ``size`` bytes takes an odd number of steps."""
    while size > 2 * _VECTOR_BYTES:
        size //= 4
    return size == 2 * _VECTOR_BYTES


_steps_are_odd = _compiled(_is_odd)


def _forward(work: Words, roots: Words, quotients: Words, p: Any) -> None:
    """Transform in place, in SEAL's order; each of log N steps adds at most 2p.

    Parameters
    ----------
    work : numpy.ndarray
        A work array of residues below 4p, uint32 of shape (16 * N,).
    roots, quotients : numpy.ndarray
        Powers of psi in bit-reversed order, and their quotients; shape (N,).
    p : numpy.uint32
        Below 2**27, so that 32p fits into 32 bits.
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
        while part > _VECTOR_BYTES:
            for k in range(i * within, (i + 1) * within):
                _quarter(start + k * part, part, count * within + k, roots, quotients, p)
            part, within = part // 4, 4 * within


def _inverse(work: Words, roots: Words, quotients: Words, p: Any) -> None:
    """Undo `_forward` in place but for the factor N; takes and leaves residues below 2p."""
    start, size = work.ctypes.data, work.nbytes
    odd = _steps_are_odd(size)
    top = size // 2 if odd else size
    part = top
    while part > _CACHED:
        part //= 4
    for i in range(size // part):
        some = 4 * _VECTOR_BYTES
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


forward, inverse = map(_kept, (_forward, _inverse))
