"""CKKS parameter sets, as TenSEAL and SEAL take them, with their security and their errors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from gallery.parameters.base import (
    INSECURE_PREFIX,
    LANES,
    MAX_MODULUS_BITS,
    NOISE_SIGMA,
    ParameterSet,
    Shape,
    security_level,
)

NORM_WEIGHT: Final = 4.0
"""The divisor of the squared norm and the occupancy in a block, and their factor in a probe.

The noise of a probe's constant is multiplied by what the slot holds. The other values of a template
are small, but squared norm and occupancy are 1 and the sentinel of an empty partner position is 6:
unweighted, those alone would make most of the error. Dividing them moves error from the
probe's noise to that of the columns, which their larger scale keeps eight times smaller."""


@dataclass(frozen=True)
class CkksParameterSet(ParameterSet):
    """One choice of CKKS parameters, checked when it is made.

    Attributes
    ----------
    name
        What galleries and messages call it.
    poly_modulus_degree
        Ring degree N: coefficients of a polynomial, and templates per block (see ``slots``).
    coeff_mod_bit_sizes
        What SEAL's ``CoeffModulus.Create`` is given. SEAL keeps the last prime for switching keys,
        which this project never does.
    data_primes
        The primes that ciphertexts are stored under, in SEAL's order, each below 2**27.
    column_scale, probe_scale
        CKKS scales of the columns of a block and of a probe.
    grid
        Step to which values are rounded before encoding. A decrypted column rounds back to exactly
        what was enrolled, so a block can be encrypted again any number of times without drift: half
        a step is about seven standard deviations of the noise of a fresh encryption in a slot.
    sentinel
        Value of the norm column where a position is empty: above 4, the largest squared distance of
        two vectors of norm 1, and small enough to leave the modulus its headroom.

    Raises
    ------
    ParameterSetError
        If the set is inconsistent, or insecure without saying so in its name.
    """

    coeff_mod_bit_sizes: tuple[int, ...]
    column_scale: float
    probe_scale: float
    grid: float
    sentinel: float = 6.0

    def __post_init__(self) -> None:
        degree, primes = self.poly_modulus_degree, self.data_primes
        if degree not in MAX_MODULUS_BITS:
            self._refuse(f"the ring degree {degree} is not in the security table")
        if not primes or len(primes) != len(self.coeff_mod_bit_sizes) - 1:
            self._refuse("there must be one data prime fewer than bit sizes, and at least one")
        if any(not 2**26 < p < 2**27 or p % (2 * degree) != 1 for p in primes):
            self._refuse(f"data primes must have 27 bits and be 1 modulo {2 * degree}")
        # A coefficient of a polynomial whose slots hold values of [0, v] is at most v, and the
        # largest value of a slot is the sentinel of an empty position.
        if self.sentinel * self.column_scale * self.probe_scale >= self.data_modulus / 2:
            self._refuse("the sentinel at both scales does not fit into half the data modulus")
        if self.sentinel <= 4:
            self._refuse("the sentinel is not above the largest squared distance, 4")
        if self.grid / 2 < 6 * self.column_noise:
            self._refuse("half a grid step is below six standard deviations of the slot noise")
        if not self.is_insecure and security_level(degree, sum(self.coeff_mod_bit_sizes)) < 128:
            self._refuse(f"fewer than 128 bits of security (and no {INSECURE_PREFIX} in its name)")

    @property
    def template_grid(self) -> float:
        """The same as ``grid``."""
        return self.grid

    def column_count(self, dimension: int, *, normalized: bool) -> int:
        """Return the columns of a block: the values, the squared norm, and the occupancy."""
        return dimension + 2

    def block_shape(self, columns: int) -> Shape:
        """Return the shape of a block's residues: (prime, tile, column, polynomial, lane)."""
        return len(self.data_primes), self.tiles, columns, 2, LANES

    def probe_shape(self, columns: int) -> Shape:
        """Return the shape of a probe's residues, which is that of a block."""
        return self.block_shape(columns)

    @property
    def result_shape(self) -> Shape:
        """The shape of a block's encrypted distances: (polynomial, prime, coefficient)."""
        return 3, len(self.data_primes), self.poly_modulus_degree

    @property
    def result_prime_axis(self) -> int:
        """The axis of a result along which the primes lie."""
        return 1

    @property
    def hint_shape(self) -> None:
        """None: blocks have no hints."""

    @property
    def security_bits(self) -> int:
        """Classical security of what is published: 128, 192 or 256, or 0 for less than 128.

        Only ciphertexts under the data primes are ever published (no key-switching keys), so the
        data modulus is what counts.
        """
        return security_level(self.poly_modulus_degree, self.data_modulus_bits)

    @property
    def slots(self) -> int:
        """Complex CKKS slots of a ciphertext, N/2; each holds two positions of a block."""
        return self.poly_modulus_degree // 2

    @property
    def tiles(self) -> int:
        """Groups of ``LANES`` neighbouring coefficients in a polynomial."""
        return self.poly_modulus_degree // LANES

    @property
    def column_noise(self) -> float:
        """Standard deviation of a column's noise, in the real or the imaginary part of a slot."""
        return NOISE_SIGMA * math.sqrt(self.slots) / self.column_scale

    @property
    def probe_noise(self) -> float:
        """Standard deviation of a probe's noise, in the real or the imaginary part of a slot."""
        return NOISE_SIGMA * math.sqrt(self.slots) / self.probe_scale

    def max_distance_error(self, dimension: int) -> float:
        """Bound the absolute error of a decrypted squared distance of vectors of norm at most 1.

        Six standard deviations of a sum of independent errors (two in 1e9 positions exceed it),
        written for template g, its partner h in the other half of the same slot, and probe q:

        * the probe's noise times the slot: variance ``|g|**2 + (|g|**4 + 1) / w**2`` for g, with w
          the weight of the norm column, and the same for h, because the imaginary part of the noise
          carries h over; an empty h has its sentinel instead. At most
          ``2 + (3 + sentinel**2) / w**2``.
        * the columns' noise times the probe: ``4*|q|**2 + w**2 * (1 + |q|**4)``, at most
          ``4 + 2 * w**2``.
        * rounding to the grid: a uniform error per value, which the distance multiplies by
          ``2*(g - q)`` in all. At most ``4*4``.
        * noise times noise, in both parts of the slot: twice per column.

        Parameters
        ----------
        dimension
            Values in an embedding.

        Returns
        -------
        float
            In units of the squared distance (0 to 4). For embeddings that were multiplied by a
            constant to bound their norm, divide by the square of that constant.

        Raises
        ------
        DimensionMismatchError
            If the dimension is not within 1 and `MAX_DIMENSION`.
        """
        self.check_dimension(dimension)
        probe, column = self.probe_noise**2, self.column_noise**2
        weight = NORM_WEIGHT**2
        variance = (2 + (3 + self.sentinel**2) / weight) * probe
        variance += (4 + 2 * weight) * column + 16 * self.grid**2 / 12
        return 6 * math.sqrt(variance + 2 * (dimension + 2) * probe * column)


STANDARD: Final = CkksParameterSet(
    "standard",
    poly_modulus_degree=4096,
    coeff_mod_bit_sizes=(27, 27, 27, 28),
    data_primes=(134012929, 134111233, 134176769),
    column_scale=2.0**40,
    probe_scale=2.0**37,
    grid=2.0**-29,
)
"""The most exact: errors near 1e-8 on squared distances."""

COMPACT: Final = CkksParameterSet(
    "compact",
    poly_modulus_degree=4096,
    coeff_mod_bit_sizes=(27, 27, 28),
    data_primes=(134111233, 134176769),
    column_scale=2.0**26,
    probe_scale=2.0**24,
    grid=2.0**-15,
)
"""Two thirds of the bytes and of the time of `STANDARD`, with errors near 1e-4."""

INSECURE_TOY: Final = CkksParameterSet(
    "INSECURE_toy",
    poly_modulus_degree=1024,
    coeff_mod_bit_sizes=(27, 27, 27, 28),
    data_primes=(134176769, 134203393, 134215681),
    column_scale=2.0**39,
    probe_scale=2.0**37,
    grid=2.0**-28,
)
"""A quarter of the work, for quick tests. Its ciphertexts can be broken."""
