"""CKKS parameter sets, what they promise, and the table of security levels behind that promise.

Everything here is public: it is stored beside each gallery and sent with each message.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from gallery.errors import ParameterSetError

__all__ = ["COMPACT", "STANDARD", "ParameterSet", "find_parameters"]

LANES: Final = 16
"""Coefficients that lie side by side in memory: one cache line of 32-bit residues."""

MAX_DIMENSION: Final = 4096
"""Largest dimension of an embedding: that of VGG-Face, the largest model that DeepFace offers."""

NORM_WEIGHT: Final = 4.0
"""What the squared norm and the occupancy are divided by in a block, and multiplied by in a probe.

The noise of a probe's constant is multiplied by what the slot holds. The other values of a template
are small, but squared norm and occupancy are 1 and the sentinel of an empty partner position is 6:
unweighted, those alone would make most of the error. Dividing them moves error from the
probe's noise to that of the columns, which their larger scale keeps eight times smaller."""

INSECURE_PREFIX: Final = "INSECURE_"
"""Start of the names of sets that protect nothing and are for tests only."""

NOISE_SIGMA: Final = math.sqrt(21 / 2)
"""Standard deviation of one coefficient of encryption noise: SEAL draws it from a centred binomial
distribution with 21 pairs of bits (`sample_poly_cbd`, `he_std_params_error_std_dev` = 3.2)."""

MAX_MODULUS_BITS: Final = {
    1024: {128: 27, 192: 19, 256: 14},
    2048: {128: 54, 192: 37, 256: 29},
    4096: {128: 109, 192: 75, 256: 58},
    8192: {128: 218, 192: 152, 256: 118},
}
"""Largest modulus, in bits, per ring degree and level of classical security, for ternary secrets:
Albrecht et al., "Homomorphic Encryption Security Standard", HomomorphicEncryption.org, 2018,
table 1."""


@dataclass(frozen=True)
class ParameterSet:
    """One choice of CKKS parameters, checked when it is made.

    Attributes
    ----------
    name : str
        What galleries and messages call it.
    poly_modulus_degree : int
        Ring degree N: coefficients of a polynomial, and templates per block (see ``slots``).
    coeff_mod_bit_sizes : tuple of int
        What SEAL's ``CoeffModulus.Create`` is given. SEAL keeps the last prime for switching keys,
        which this project never does.
    data_primes : tuple of int
        The primes that ciphertexts are stored under, in SEAL's order, each below 2**27.
    column_scale, probe_scale : float
        CKKS scales of the columns of a block and of a probe.
    grid : float
        Step to which values are rounded before encoding. A decrypted column rounds back to exactly
        what was enrolled, so a block can be encrypted again any number of times without drift: half
        a step is about seven standard deviations of the noise of a fresh encryption in a slot.
    sentinel : float
        Value of the norm column where a position is empty: above 4, the largest squared distance of
        two vectors of norm 1, and small enough to leave the modulus its headroom.

    Raises
    ------
    ParameterSetError
        If the set is inconsistent, or insecure without saying so in its name.
    """

    name: str
    poly_modulus_degree: int
    coeff_mod_bit_sizes: tuple[int, ...]
    data_primes: tuple[int, ...]
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
        if not self.is_insecure and self._level_of(sum(self.coeff_mod_bit_sizes)) < 128:
            self._refuse(f"fewer than 128 bits of security (and no {INSECURE_PREFIX} in its name)")

    def _refuse(self, why: str) -> None:
        raise ParameterSetError(f"parameter set {self.name!r}: {why}")

    def _level_of(self, modulus_bits: int) -> int:
        limits = MAX_MODULUS_BITS[self.poly_modulus_degree]
        return max((level for level, most in limits.items() if modulus_bits <= most), default=0)

    @property
    def is_insecure(self) -> bool:
        """Whether the set is for tests only, and says so in its name."""
        return self.name.startswith(INSECURE_PREFIX)

    @property
    def data_modulus(self) -> int:
        """Product q of the data primes."""
        return math.prod(self.data_primes)

    @property
    def data_modulus_bits(self) -> int:
        """Length of ``data_modulus`` in bits."""
        return self.data_modulus.bit_length()

    @property
    def slots(self) -> int:
        """Complex CKKS slots of a ciphertext, N/2; each holds two positions of a block."""
        return self.poly_modulus_degree // 2

    @property
    def tiles(self) -> int:
        """Groups of ``LANES`` neighbouring coefficients in a polynomial."""
        return self.poly_modulus_degree // LANES

    @property
    def security_bits(self) -> int:
        """Classical security of what is published: 128, 192 or 256, or 0 for less than 128.

        Only ciphertexts under the data primes are ever published (no key-switching keys), so the
        data modulus is what counts.
        """
        return self._level_of(self.data_modulus_bits)

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
        dimension : int
            Values in an embedding.

        Returns
        -------
        float
            In units of the squared distance (0 to 4). For embeddings that were multiplied by a
            constant to bound their norm, divide by the square of that constant.

        Raises
        ------
        ParameterSetError
            If the dimension is not within 1 and `MAX_DIMENSION`.
        """
        if not 1 <= dimension <= MAX_DIMENSION:
            self._refuse(f"embeddings of {dimension} values; 1 to {MAX_DIMENSION} are supported")
        probe, column = self.probe_noise**2, self.column_noise**2
        weight = NORM_WEIGHT**2
        variance = (2 + (3 + self.sentinel**2) / weight) * probe
        variance += (4 + 2 * weight) * column + 16 * self.grid**2 / 12
        return 6 * math.sqrt(variance + 2 * (dimension + 2) * probe * column)


STANDARD: Final = ParameterSet(
    "standard",
    poly_modulus_degree=4096,
    coeff_mod_bit_sizes=(27, 27, 27, 28),
    data_primes=(134012929, 134111233, 134176769),
    column_scale=2.0**40,
    probe_scale=2.0**37,
    grid=2.0**-29,
)
"""The default: errors near 1e-8 on squared distances."""

COMPACT: Final = ParameterSet(
    "compact",
    poly_modulus_degree=4096,
    coeff_mod_bit_sizes=(27, 27, 28),
    data_primes=(134111233, 134176769),
    column_scale=2.0**26,
    probe_scale=2.0**24,
    grid=2.0**-15,
)
"""Two thirds of the bytes and of the time of `STANDARD`, with errors near 1e-4."""

INSECURE_TOY: Final = ParameterSet(
    "INSECURE_toy",
    poly_modulus_degree=1024,
    coeff_mod_bit_sizes=(27, 27, 27, 28),
    data_primes=(134176769, 134203393, 134215681),
    column_scale=2.0**39,
    probe_scale=2.0**37,
    grid=2.0**-28,
)
"""A quarter of the work, for quick tests. Its ciphertexts can be broken."""

PARAMETER_SETS: Final = {p.name: p for p in (STANDARD, COMPACT)}
"""All sets that galleries can have, by name; the default first."""


def find_parameters(name: str, *, allow_insecure: bool = False) -> ParameterSet:
    """Look up a parameter set by name.

    Parameters
    ----------
    name : str
        For example ``"standard"``.
    allow_insecure : bool
        Whether sets for tests count. Nothing outside tests may say so.

    Returns
    -------
    ParameterSet

    Raises
    ------
    ParameterSetError
        If there is no such set, or it is insecure. The message lists the names there are.
    """
    if name in PARAMETER_SETS:
        return PARAMETER_SETS[name]
    if name == INSECURE_TOY.name:
        if allow_insecure:
            return INSECURE_TOY
        raise ParameterSetError(f"parameter set {name!r} is insecure and for tests only")
    raise ParameterSetError(f"no parameter set {name!r}; there are: {', '.join(PARAMETER_SETS)}")
