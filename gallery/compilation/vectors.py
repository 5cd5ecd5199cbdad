"""LLVM instructions on vectors of sixteen residues, from which intrinsics of kernels are made.

Sixteen 32-bit residues are a vector of *halves*; the same sixteen, two to a 64-bit lane, are eight
*words*: an even residue in the low half of each, the next odd one in its high half. Masking and
shifting part them, and 64-bit products follow without a shuffle. LLVM turns such a vector into
whatever the processor has: one AVX-512 register, two of AVX2, four of NEON.

No branch here, and no address, depends on a residue.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, Self

from llvmlite import ir

WIDTH: Final = 16
"""Residues of a vector."""

VECTOR_BYTES: Final = 4 * WIDTH
"""Bytes of a vector, a cache line."""

SQUARE_BYTES: Final = WIDTH * VECTOR_BYTES
"""Bytes of a square of sixteen vectors."""

I8, I32, I64, F64 = ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.DoubleType()
HALVES, WORDS = ir.VectorType(I32, WIDTH), ir.VectorType(I64, WIDTH // 2)
FLOATS = ir.VectorType(F64, WIDTH // 2)
ZERO, LOW, SHIFT, HIGH = (
    ir.Constant(WORDS, [value] * 8) for value in (0, 2**32 - 1, 32, 2**64 - 2**32)
)


class Pair(NamedTuple):
    """Sixteen numbers as eight even and eight odd ones; LLVM values of type ``<8 x i64>``."""

    even: Any
    odd: Any


def spread(b: ir.IRBuilder, value: Any, vector: ir.VectorType) -> Any:
    """Return a vector that holds the value in every element."""
    one = b.insert_element(ir.Constant(vector, ir.Undefined), value, I32(0))
    order = ir.Constant(ir.VectorType(I32, vector.count), [0] * vector.count)
    return b.shuffle_vector(one, one, order)


def load(b: ir.IRBuilder, address: Any, vector: ir.VectorType = HALVES) -> Any:
    """Load a vector from an address."""
    # A blob from a database or a network buffer may start at any byte.
    return b.load(b.inttoptr(address, vector.as_pointer()), align=1)


def store(b: ir.IRBuilder, value: Any, address: Any) -> None:
    """Store a vector at an address."""
    b.store(value, b.inttoptr(address, value.type.as_pointer()), align=1)


def prefetch(b: ir.IRBuilder, address: Any, *, first_cache: bool = True) -> None:
    """Ask for the memory at an address, into all caches, or all but the first.

    It is a hint: no address is a wrong one.
    """
    pointer = I8.as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [pointer, I32, I32, I32])
    function = b.module.declare_intrinsic("llvm.prefetch.p0", (), kind)
    # For reading (0), how near (3 or 2), data (1).
    b.call(function, [b.inttoptr(address, pointer), I32(0), I32(3 if first_cache else 2), I32(1)])


def parted(b: ir.IRBuilder, words: Any) -> Pair:
    """Part words into their even and odd residues, each in 64 bits, where products have room."""
    return Pair(b.and_(words, LOW), b.lshr(words, SHIFT))


def maximum(b: ir.IRBuilder, x: Any, words: Any) -> Any:
    """Return the maximum of each of sixteen residues and those in the words, without parting."""
    halves = b.bitcast(words, HALVES)
    return b.select(b.icmp_unsigned(">", halves, x), halves, x)


def remainder(b: ir.IRBuilder, x: Any, p: Any, inverse: Any) -> Any:
    """Reduce eight words modulo ``p``, above 2**26, exactly; ``inverse`` is 1/p as doubles.

    The quotient is below 2**64 / p < 2**38, and three roundings of relative size 2**-53 move it by
    far less than one: it is right or off by one, and one correction either way makes the remainder
    exact.
    """
    quotient = b.fptoui(b.fmul(b.uitofp(x, FLOATS), inverse), WORDS)
    rest = b.sub(x, b.mul(quotient, p))
    rest = b.select(b.icmp_signed("<", rest, ZERO), b.add(rest, p), rest)
    return b.select(b.icmp_signed(">=", rest, p), b.sub(rest, p), rest)


def loop(
    b: ir.IRBuilder,
    start: Any,
    stop: Any,
    carried: list[Any],
    body: Callable[[Any, list[Any]], tuple[Any, list[Any]]],
) -> list[Any]:
    """Run ``body`` at least once, until the number that it returns is not below ``stop``.

    ``body`` takes a number, ``start`` at first, and what is carried along; it returns both anew.
    """
    before = b.block
    inside, after = b.append_basic_block("again"), b.append_basic_block("after")
    b.branch(inside)
    b.position_at_end(inside)
    phis = [b.phi(value.type) for value in (start, *carried)]
    for phi, value in zip(phis, (start, *carried), strict=True):
        phi.add_incoming(value, before)
    number, values = body(phis[0], phis[1:])
    for phi, value in zip(phis, (number, *values), strict=True):
        phi.add_incoming(value, b.block)
    b.cbranch(b.icmp_unsigned("<", number, stop), inside, after)
    b.position_at_end(after)
    return values


def transpose(
    b: ir.IRBuilder, source: Any, source_stride: Any, target: Any, target_stride: Any
) -> None:
    """Transpose a square of sixteen vectors: what was lane i of vector k is lane k of vector i.

    Strides are the bytes from one vector to the next.
    """
    rows = [load(b, b.add(source, b.mul(source_stride, I64(i)))) for i in range(WIDTH)]
    distance = 1
    while distance < WIDTH:
        # Swap what is off the diagonal in each square of two by two blocks of that many lanes.
        kept = [j if not j & distance else WIDTH + (j ^ distance) for j in range(WIDTH)]
        moved = [j ^ distance if not j & distance else WIDTH + j for j in range(WIDTH)]
        kept, moved = (ir.Constant(HALVES, order) for order in (kept, moved))
        for i in range(WIDTH):
            if not i & distance:
                x, y = rows[i], rows[i + distance]
                rows[i] = b.shuffle_vector(x, y, kept)
                rows[i + distance] = b.shuffle_vector(x, y, moved)
        distance *= 2
    for i, row in enumerate(rows):
        store(b, row, b.add(target, b.mul(target_stride, I64(i))))


class Factor(NamedTuple):
    """Factors, and the quotients floor(w * 2**32 / p) of those in even and in odd lanes.

    With them a product is reduced as David Harvey describes ("Faster arithmetic for
    number-theoretic transforms", 2014): without a division.
    """

    factor: Any
    even: Any
    odd: Any

    @classmethod
    def of(cls, b: ir.IRBuilder, factor: Any, quotient: Any) -> Factor:
        """Return one factor in all lanes, given as 32-bit numbers with its quotient."""
        everywhere = spread(b, b.zext(quotient, I64), WORDS)
        return cls(spread(b, factor, HALVES), everywhere, everywhere)

    @classmethod
    def public(cls, b: ir.IRBuilder, factor: Any, p: Any) -> Factor:
        """Return one factor below p in all lanes; both are 64-bit numbers, and no secret."""
        return cls.of(b, b.trunc(factor, I32), b.trunc(b.udiv(b.shl(factor, I64(32)), p), I32))

    @classmethod
    def at(cls, b: ir.IRBuilder, factors: Any, quotients: Any) -> Factor:
        """Return the sixteen factors at an address, with their quotients at another."""
        pairs = b.bitcast(load(b, quotients), WORDS)
        return cls(load(b, factors), b.and_(pairs, LOW), b.lshr(pairs, SHIFT))


class Lanes:
    """Arithmetic on sixteen residues modulo p, below 2**30; LLVM values of type ``<16 x i32>``.

    Parameters
    ----------
    b
        Emits the instructions.
    p
        The prime, in all lanes.
    """

    def __init__(self, b: ir.IRBuilder, p: Any) -> None:
        self._b, self.p = b, p
        self.twice = b.add(p, p)

    @classmethod
    def modulo(cls, b: ir.IRBuilder, p: Any) -> Self:
        """Return the arithmetic modulo a 32-bit number."""
        return cls(b, spread(b, p, HALVES))

    def times(self, x: Any, w: Factor) -> Any:
        """Return ``x * w``, below 2p, for any 32-bit x."""
        b, pairs = self._b, self._b.bitcast(x, WORDS)
        even = b.lshr(b.mul(b.and_(pairs, LOW), w.even), SHIFT)
        odd = b.and_(b.mul(b.lshr(pairs, SHIFT), w.odd), HIGH)
        multiple = b.bitcast(b.or_(even, odd), HALVES)
        return b.sub(b.mul(x, w.factor), b.mul(multiple, self.p))

    def below(self, x: Any, bound: Any) -> Any:
        """Return x, less the bound if it is not below that; x below twice the bound."""
        b = self._b
        rest = b.sub(x, bound)
        # Unsigned, a difference below zero is larger than what it was taken from.
        return b.select(b.icmp_unsigned("<", rest, x), rest, x)
