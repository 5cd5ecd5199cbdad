"""Negacyclic products of polynomials with exact integers, by Kronecker substitution.

A polynomial is evaluated at a power of two so large that the coefficients of the product do not
overlap; Python multiplies the two numbers.
"""

from __future__ import annotations

from collections.abc import Iterable

_BYTES = 16
"""Bytes of a coefficient of a product; its absolute value is below half of what they hold."""


def negacyclic_product(one: Iterable[int], other: Iterable[int], degree: int) -> list[int]:
    """Return the product modulo ``X**degree + 1``."""
    half = 1 << (8 * _BYTES - 1)
    product = _packed(one) * _packed(other)
    # Half of the range is added to each coefficient, so that none of them borrows from the next.
    shifted = product + int.from_bytes(half.to_bytes(_BYTES, "little") * (2 * degree), "little")
    digits = shifted.to_bytes(2 * degree * _BYTES, "little")
    plain = [
        int.from_bytes(digits[i : i + _BYTES], "little") - half
        for i in range(0, len(digits), _BYTES)
    ]
    return [low - high for low, high in zip(plain[:degree], plain[degree:], strict=True)]


def _packed(coefficients: Iterable[int]) -> int:
    given = [int(value) for value in coefficients]
    above, below = (
        int.from_bytes(b"".join(max(0, s * c).to_bytes(_BYTES, "little") for c in given), "little")
        for s in (1, -1)
    )
    return above - below
