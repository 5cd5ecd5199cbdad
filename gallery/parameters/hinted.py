"""Parameter sets of the hinted scheme: RLWE with shared public matrices, one polynomial a column.

Blocks live in R = Z_q[X]/(X^N + 1), probes in its subring R' = Z_q[Y]/(Y^n + 1) with Y = X^(N/n).
``docs/decisions.md`` says how the scheme works; everything here is public.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from gallery.parameters.base import LANES, NOISE_SIGMA, ParameterSet, Shape, security_level

RANGE: Final = 2.4
"""The room in the modulus for the product of both scales: inner products of -1.1 to 1.1, and slack
for noise. A vector of norm 1 gives at most 1."""


@dataclass(frozen=True)
class HintedParameterSet(ParameterSet):
    """One choice of parameters of the hinted scheme, checked when it is made.

    Attributes
    ----------
    name
        What galleries and messages call it.
    poly_modulus_degree
        Ring degree N of blocks: coefficients of a polynomial, and positions of a block.
    probe_degree
        Ring degree n of probes, a divisor of N.
    rank
        Polynomials k of a probe's secret; k * n is the dimension of its module LWE problem.
    data_primes
        The primes of the modulus q, each 1 modulo 2N.

    Raises
    ------
    ParameterSetError
        If the set is inconsistent, or gives less than 128 bits of security.
    """

    probe_degree: int
    rank: int

    def __post_init__(self) -> None:
        degree, probe = self.poly_modulus_degree, self.probe_degree
        if probe % LANES or degree % probe or degree & (degree - 1):
            self._refuse("the degree of probes does not divide the ring degree, a power of two")
        if any(not 2**26 < p < 2**30 or p % (2 * degree) != 1 for p in self.data_primes):
            self._refuse(f"primes must have 27 to 30 bits and be 1 modulo {2 * degree}")
        if self.security_bits < 128:
            self._refuse("fewer than 128 bits of security")

    @property
    def slices(self) -> int:
        """Elements m = N/n of R' that make up one of R."""
        return self.poly_modulus_degree // self.probe_degree

    @property
    def tiles(self) -> int:
        """Groups of ``LANES`` neighbouring points of an element of R'."""
        return self.probe_degree // LANES

    @property
    def product_range(self) -> float:
        """The difference of two products that a result cannot tell from each other."""
        return self.data_modulus / (self.column_scale * self.probe_scale)

    @property
    def column_scale(self) -> float:
        """Integers a unit of a template's values is encoded as.

        The product of both scales fills the modulus, and their ratio, the root of n, lets the noise
        of columns and that of probes add the same to an inner product.
        """
        return math.sqrt(self.data_modulus / (RANGE * math.sqrt(self.probe_degree)))

    @property
    def probe_scale(self) -> float:
        """Integers a unit of a probe's values is encoded as."""
        return self.column_scale * math.sqrt(self.probe_degree)

    @property
    def template_grid(self) -> float:
        """Step to which templates are rounded: blocks open to exactly the integers encoded."""
        return 1.0 / self.column_scale

    @property
    def security_bits(self) -> int:
        """Classical security of what is published, for the weaker of blocks and probes."""
        hardness = min(self.poly_modulus_degree, self.rank * self.probe_degree)
        return security_level(hardness, self.data_modulus_bits)

    def column_count(self, dimension: int, *, normalized: bool) -> int:
        """Return the columns of a block: the values, and the squared norm where it is not 1."""
        return dimension if normalized else dimension + 1

    def block_shape(self, columns: int) -> Shape:
        """Return the shape of a block's residues: (prime, tile, slice, column, lane)."""
        return len(self.data_primes), self.tiles, self.slices, columns, LANES

    def probe_shape(self, columns: int) -> Shape:
        """Return the shape of a probe's residues: (prime, tile, column, lane)."""
        return len(self.data_primes), self.tiles, columns, LANES

    @property
    def result_shape(self) -> Shape:
        """The shape of a block's masked products: (prime, tile, slice, lane)."""
        return len(self.data_primes), self.tiles, self.slices, LANES

    @property
    def result_prime_axis(self) -> int:
        """The axis of a result along which the primes lie."""
        return 0

    @property
    def hint_shape(self) -> Shape:
        """The shape of a block's hint: (prime, tile, slice, rank, lane)."""
        return len(self.data_primes), self.tiles, self.slices, self.rank, LANES

    @property
    def product_noise(self) -> float:
        """Standard deviation of an inner product of two unit vectors.

        The noise of d columns meets the probe's integers, a vector of norm ``probe_scale``; the
        noise of the probe meets the integers of the n references of a slice, ``sqrt(n)`` times
        ``column_scale``. Both give the same; noise times noise is smaller by many orders.
        """
        return NOISE_SIGMA * math.sqrt(2.0) / self.column_scale

    def max_distance_error(self, dimension: int) -> float:
        """Bound the absolute error of a squared distance of vectors of norm at most 1.

        Six standard deviations. Where norms differ, the norm's column adds a quarter to the noise
        of columns and as much again to that of probes: 13/8 of the variance of `product_noise`.
        Rounding to both grids is included, as a uniform error of each value.

        Raises
        ------
        DimensionMismatchError
            If the dimension is not supported.
        """
        self.check_dimension(dimension)
        rounding = (self.column_scale**-2 + self.probe_scale**-2) / 12
        return 2 * 6 * math.sqrt(13 / 8 * self.product_noise**2 + 2 * rounding)


SWIFT: Final = HintedParameterSet(
    "swift",
    poly_modulus_degree=4096,
    probe_degree=512,
    rank=8,
    data_primes=(134111233, 134176769),
)
"""Errors near 1e-6 on squared distances, at 8 bytes a value."""

LIGHT: Final = HintedParameterSet(
    "light",
    poly_modulus_degree=4096,
    probe_degree=256,
    rank=8,
    data_primes=(1073692673,),
)
"""Errors near 5e-3, at 4 bytes a value."""
