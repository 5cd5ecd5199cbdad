"""The interface of a CKKS codec: encryption and decryption for one parameter set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from gallery.arrays import Floats, Residues
from gallery.errors import InvalidEmbeddingError

LARGEST_ENCODED: Final = 2.0**51
"""Bound of values times scale. A coefficient is at most the root of 2 times that, which is below
half of every data modulus and below 2**53, so that a double holds it exactly."""


@dataclass(frozen=True, eq=False)
class Encryption:
    """Fresh ciphertexts of a block or a probe.

    Attributes
    ----------
    residues
        uint32 of the shape that `gallery.ciphertexts.blocks.columns_shape` gives.
    seed
        32 public bytes that `gallery.ciphertexts.seeds.expand` makes all second polynomials of, and
        that no other ciphertexts were made with; None if the second polynomials are SEAL's.
    """

    residues: Residues
    seed: bytes | None


class CkksCodec(Protocol):
    """Encrypts and decrypts under the owner's secret key for one parameter set.

    A ciphertext of one backend opens with every other, and with SEAL under the same key. Values
    that are NaN, infinite or too large for the scale raise `InvalidEmbeddingError`.
    """

    def close(self) -> None:
        """Give up temporary files, if the backend has any."""

    def encrypt_columns(self, columns: Floats) -> Encryption:
        """Encrypt the columns of a block, shape (d + 2, positions)."""

    def encrypt_constants(self, constants: Floats) -> Encryption:
        """Encrypt the constants of a probe, shape (d + 2,)."""

    def decrypt_columns(self, residues: Residues) -> Floats:
        """Decrypt the columns of a block.

        Parameters
        ----------
        residues
            Of the shape that `gallery.ciphertexts.blocks.columns_shape` gives, each below its
            prime.

        Returns
        -------
        ndarray of float64, shape (d + 2, positions)
            The values with the noise of their encryption, a few times 1e-10 for ``standard``.
        """

    def decrypt_distances(self, residues: Residues) -> Floats:
        """Decrypt the encrypted distances of one block.

        Parameters
        ----------
        residues
            Shape (3, primes, coefficients), each below its prime.

        Returns
        -------
        ndarray of float64, shape (positions,)
            Squared distances; the sentinel at empty positions.
        """

    def decrypt_distances_many(self, results: Sequence[Residues]) -> Floats:
        """Decrypt n results at once, each (3, primes, coefficients), to (n, positions)."""


def check_encodable(values: Floats, scale: float) -> None:
    """Check that values, of any shape, can be encoded at a scale (`InvalidEmbeddingError`)."""
    # NaN fails every comparison, and so this one.
    if values.size and not np.abs(values).max() * scale < LARGEST_ENCODED:
        raise InvalidEmbeddingError(
            "a value is NaN, infinite, or too large to be encrypted; vectors have norms of at most "
            "1 here"
        )
