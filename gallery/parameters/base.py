"""The common base of parameter sets, and the table of security levels that they rely on.

Everything here is public: it is stored beside each gallery and sent with each message.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final, NoReturn

from gallery.errors import DimensionMismatchError, ParameterSetError

Shape = tuple[int, ...]

LANES: Final = 16
"""Coefficients that lie side by side in memory: one cache line of 32-bit residues."""

MAX_DIMENSION: Final = 4096
"""Largest dimension of an embedding: that of VGG-Face, the largest model that DeepFace offers."""

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


def security_level(dimension: int, modulus_bits: int) -> int:
    """Return the classical security of RLWE: 128, 192 or 256, or 0 for less than 128.

    Parameters
    ----------
    dimension
        Ring degree, or rank times ring degree of a module.
    modulus_bits
        Bits of the modulus.
    """
    limits = MAX_MODULUS_BITS.get(dimension, {})
    return max((level for level, most in limits.items() if modulus_bits <= most), default=0)


@dataclass(frozen=True)
class ParameterSet(ABC):
    """One choice of parameters, of either scheme, checked when it is made.

    Attributes
    ----------
    name
        What galleries and messages call it.
    poly_modulus_degree
        Ring degree N: coefficients of a polynomial, and positions of a block.
    data_primes
        The primes that ciphertexts are stored under.
    """

    name: str
    poly_modulus_degree: int
    data_primes: tuple[int, ...]

    def _refuse(self, why: str) -> NoReturn:
        raise ParameterSetError(f"parameter set {self.name!r}: {why}")

    def check_dimension(self, dimension: int) -> None:
        """Check that embeddings of so many values are supported (`DimensionMismatchError`)."""
        if not 1 <= dimension <= MAX_DIMENSION:
            raise DimensionMismatchError(
                f"embeddings of {dimension} values are not supported; "
                f"the dimension must be between 1 and {MAX_DIMENSION}"
            )

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
    def residue_bits(self) -> int:
        """Bits of a residue, as messages pack it."""
        return max(self.data_primes).bit_length()

    @property
    @abstractmethod
    def security_bits(self) -> int:
        """Classical security of what is published: 128, 192 or 256, or 0 for less than 128."""

    @property
    @abstractmethod
    def tiles(self) -> int:
        """Groups of ``LANES`` neighbouring residues that a scan takes together."""

    @property
    @abstractmethod
    def template_grid(self) -> float:
        """Step to which a template's values are rounded before they are encoded."""

    @abstractmethod
    def column_count(self, dimension: int, *, normalized: bool) -> int:
        """Return the columns of a block for embeddings of ``dimension`` values.

        ``normalized`` says whether all vectors have norm 1.
        """

    @abstractmethod
    def block_shape(self, columns: int) -> Shape:
        """Return the shape of a block's residues; the primes lie along the first axis."""

    @abstractmethod
    def probe_shape(self, columns: int) -> Shape:
        """Return the shape of a probe's residues; the primes lie along the first axis."""

    @property
    @abstractmethod
    def result_shape(self) -> Shape:
        """The shape of the result of one block and one probe."""

    @property
    @abstractmethod
    def result_prime_axis(self) -> int:
        """The axis of a result along which the primes lie."""

    @property
    @abstractmethod
    def hint_shape(self) -> Shape | None:
        """The shape of a block's hint, primes first; None if the scheme has none."""

    @abstractmethod
    def max_distance_error(self, dimension: int) -> float:
        """Bound the absolute error of a decrypted squared distance of vectors of norm at most 1."""
