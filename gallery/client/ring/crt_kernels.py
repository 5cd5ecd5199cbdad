"""The composition of residues under several primes to numbers, in LLVM vector types.

A work array (see `gallery.client.ring.residue_kernels`) lies coefficient by coefficient, what is
composed polynomial by polynomial. So squares of sixteen by sixteen are transposed, and composed
while they are in the first cache: what a transform left is read once, and each number is written
once, where it is wanted.

**Constant time:** no branch and no address here depends on a residue; see `residue_kernels`.

The intrinsics and the kernels stay in one file: of that, and of `gallery.compilation`, code on disk
is known to be.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from llvmlite import ir

from gallery.arrays import Floats, Residues
from gallery.compilation import intrinsic, kept, stack_space
from gallery.compilation.vectors import (
    F64,
    FLOATS,
    HALVES,
    I32,
    I64,
    LOW,
    SQUARE_BYTES,
    VECTOR_BYTES,
    WIDTH,
    WORDS,
    Factor,
    Lanes,
    load,
    loop,
    spread,
    store,
    transpose,
)

Addresses = npt.NDArray[np.intp]

NUMBERS: Final = 4
"""Numbers of a prime in a row of ``residues``: itself, 1/N, its quotient, and what is added."""


def _numbers(b: ir.IRBuilder, address: Any, kind: Any, vector: ir.VectorType, count: int) -> Any:
    """Load so many numbers from an address, each into all elements of a vector."""
    entries = b.inttoptr(address, kind.as_pointer())
    return [spread(b, b.load(b.gep(entries, [I64(i)])), vector) for i in range(count)]


class _Digits:
    """The mixed-radix digits of sixteen numbers, of their residues under ``count`` primes."""

    def __init__(self, b: ir.IRBuilder, residues: Any, count: int) -> None:
        pairs = count * (count - 1) // 2
        numbers = _numbers(b, residues, I32, HALVES, NUMBERS * count + 2 * pairs)
        self._b, self._primes = b, list[tuple[Lanes, Factor, Any]]()
        for i in range(count):
            p, factor, quotient, addend = numbers[NUMBERS * i : NUMBERS * (i + 1)]
            self._primes.append((Lanes(b, p), self._factor(factor, quotient), addend))
        tail = numbers[NUMBERS * count :]
        self._inverses = [self._factor(*tail[i : i + 2]) for i in range(0, len(tail), 2)]

    def _factor(self, factor: Any, quotient: Any) -> Factor:
        quotients = self._b.and_(self._b.bitcast(quotient, WORDS), LOW)
        return Factor(factor, quotients, quotients)

    def at(self, place: Any) -> list[Any]:
        """Return the digits of residues below 2p, those of one prime a square behind the last."""
        b, digits, inverses = self._b, list[Any](), iter(self._inverses)
        for i, (lanes, factor, addend) in enumerate(self._primes):
            x = load(b, b.add(place, I64(i * SQUARE_BYTES)))
            x = b.add(lanes.times(x, factor), addend)
            x = lanes.below(lanes.below(x, lanes.twice), lanes.p)
            for digit in list(digits):
                rest = b.sub(b.add(x, lanes.twice), digit)
                x = lanes.below(lanes.times(rest, next(inverses)), lanes.p)
            digits.append(x)
        return digits


def _half(b: ir.IRBuilder, halves: Any, number: int, element: Any) -> Any:
    """Return eight of sixteen numbers, as 32-bit or 64-bit ones."""
    order = ir.Constant(ir.VectorType(I32, 8), [8 * number + i for i in range(8)])
    eight = b.shuffle_vector(halves, halves, order)
    return b.zext(eight, WORDS) if element is I64 else eight


def _composed(b: ir.IRBuilder, digits: list[Any], number: int, limbs: list[Any]) -> Any:
    """Return ``low + p0 * (mid + p1 * high)``, less the middle of the range, as eight doubles.

    ``limbs`` are the middle's digit for p0 and what is above it, p0, and p1.
    """
    # With two primes, differences of digits fit into 32 bits, which all processors can convert.
    element = I64 if len(digits) > 2 else I32
    low_middle, above_middle, first, second = limbs
    parts = [_half(b, digit, number, element) for digit in digits]
    vector = ir.VectorType(element, 8)

    def fitting(value: Any) -> Any:
        return value if element is I64 else b.trunc(value, vector)

    above = ir.Constant(vector, [0] * 8) if len(parts) < 2 else parts[1]
    if len(parts) > 2:
        above = b.add(b.mul(parts[2], second), above)
    above = b.sitofp(b.sub(above, fitting(above_middle)), FLOATS)
    below = b.sitofp(b.sub(parts[0], fitting(low_middle)), FLOATS)
    return b.fadd(b.fmul(above, b.sitofp(first, FLOATS)), below)


def _in_form(b: ir.IRBuilder, x: Any, form: list[Any]) -> Any:
    divisor, limit, reach, factor, offset = form
    x = b.fdiv(x, divisor)
    x = b.select(b.fcmp_ordered(">", x, limit), b.fsub(x, reach), x)
    return b.fadd(b.fmul(x, factor), offset)


def _compose_rows(count: int) -> Any:
    """Make the intrinsic that composes the rows of a square of each of ``count`` primes."""

    def generate(context: Any, b: ir.IRBuilder, signature: Any, args: tuple[Any, ...]) -> Any:
        squares, rows, stride, out, residues, limbs, form = args
        digits = _Digits(b, residues, count)
        whole = _numbers(b, limbs, I64, WORDS, 4)
        shape = _numbers(b, form, F64, FLOATS, 5)

        def composed(row: Any, _: list[Any]) -> tuple[Any, list[Any]]:
            found = digits.at(b.add(squares, b.mul(row, I64(VECTOR_BYTES))))
            place = b.add(out, b.mul(row, stride))
            for number in range(2):
                eight = _in_form(b, _composed(b, found, number, whole), shape)
                store(b, eight, b.add(place, I64(64 * number)))
            return b.add(row, I64(1)), []

        loop(b, I64(0), rows, [], composed)
        return context.get_dummy_value()

    def rows(
        _: Any,
        squares: Any,
        rows: Any,
        stride: Any,
        out: Any,
        residues: Any,
        limbs: Any,
        form: Any,
    ) -> Any:
        from numba import types

        return types.void(*[types.intp] * 7), generate

    return intrinsic(rows)


@intrinsic
def _transposed(_: Any, source: Any, target: Any) -> Any:
    """Transpose a square of sixteen vectors: what was lane i of vector k is lane k of vector i."""

    def generate(context: Any, b: ir.IRBuilder, signature: Any, args: tuple[Any, ...]) -> Any:
        source, target = args
        transpose(b, source, I64(VECTOR_BYTES), target, I64(VECTOR_BYTES))
        return context.get_dummy_value()

    from numba import types

    return types.void(types.intp, types.intp), generate


_rows1, _rows2, _rows3 = map(_compose_rows, (1, 2, 3))
_squares = stack_space(3 * SQUARE_BYTES)


def _compose(
    works: Addresses,
    residues: Residues,
    limbs: npt.NDArray[np.int64],
    form: Floats,
    degree: int,
    rows: int,
    out: int,
    stride: int,
) -> None:
    """Compose what inverse transforms left, without their factor 1/N, and write it row by row.

    A number x is written as ``factor * y + offset``, where y is ``x / divisor``, less ``reach`` if
    it is above ``limit``.

    Parameters
    ----------
    works
        Addresses of a work array for each of up to three primes, of residues below 2p.
    residues
        uint32: `NUMBERS` for each prime, and then, for each prime and each before it, the inverse
        of that one and its quotient.
    limbs
        int64: the digit of the range's middle for the first prime, what is above it, and the first
        two primes.
    form
        float64: divisor, limit, reach, factor, offset.
    degree
        N.
    rows
        How many of the sixteen polynomials are written.
    out, stride
        Address of float64 of shape (rows, N), and the bytes from a row to the next.
    """
    squares = _squares()
    for i in range(degree // WIDTH):
        for k in range(works.size):
            scratch = squares + k * SQUARE_BYTES
            _transposed(works[k] + i * SQUARE_BYTES, scratch)
        args = (
            squares,
            rows,
            stride,
            out + 8 * WIDTH * i,
            residues.ctypes.data,
            limbs.ctypes.data,
            form.ctypes.data,
        )
        if works.size == 1:
            _rows1(*args)
        elif works.size == 2:
            _rows2(*args)
        else:
            _rows3(*args)


compose = kept(_compose)
"""`_compose`, compiled at the first call and kept on disk; runs without Python's global lock."""
