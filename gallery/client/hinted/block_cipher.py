"""Blocks of the hinted scheme: encrypted with their hints, and opened to what was encoded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gallery.arrays import Floats, Integers, Residues
from gallery.ciphertexts.columns import sums_of_products
from gallery.client.hinted import mask_kernels
from gallery.client.hinted.derivation import BlockKey, BlockSecrets
from gallery.client.hinted.matrices import PublicMatrices
from gallery.client.keys.secrets import Secret
from gallery.client.ring import residue_kernels
from gallery.client.ring.ntt import make_transform, with_quotients
from gallery.errors import InvalidEmbeddingError, MalformedMessageError
from gallery.parameters import HintedParameterSet

WorkIntegers = npt.NDArray[np.int32]

_WIDTH = residue_kernels.WIDTH


@dataclass(frozen=True, eq=False)
class HintedBlock:
    """The ciphertexts of one block version.

    Attributes
    ----------
    nonce
        The synthetic nonce that its secrets come from, 32 bytes.
    columns
        uint32 of shape (primes, tiles, slices, columns, 16).
    hint
        uint32 of shape (primes, tiles, slices, rank, 16).
    """

    nonce: bytes
    columns: Residues
    hint: Residues


class BlockCipher(Secret):
    """Encrypts and opens the blocks of one gallery.

    Parameters
    ----------
    key
        Derives the blocks' secrets.
    matrices
        The gallery's public matrices.
    parameters
        The gallery's parameter set.
    """

    def __init__(
        self, key: BlockKey, matrices: PublicMatrices, parameters: HintedParameterSet
    ) -> None:
        self._key, self._matrices, self._parameters = key, matrices, parameters
        self._limit = round(parameters.column_scale)
        self._transforms = [
            make_transform(parameters.poly_modulus_degree, prime)
            for prime in parameters.data_primes
        ]

    def encode(self, columns: Floats) -> Integers:
        """Return columns, shape (columns, positions), as the integers that are encrypted.

        Raises
        ------
        InvalidEmbeddingError
            If a value is NaN, or its absolute value above 1.
        """
        # Values that `decode` returned are encoded again, and 1 may have been rounded up. NaN fails
        # every comparison, and so this one.
        limit = max(1.0, self._limit * self._parameters.template_grid)
        if columns.size and not np.abs(columns).max() <= limit:
            raise InvalidEmbeddingError(
                "a value is NaN or above 1; vectors have norms of at most 1"
            )
        return np.rint(columns / self._parameters.template_grid).astype(np.int64)

    def decode(self, integers: Integers) -> Floats:
        """Undo `encode`: return multiples of the grid, the same as rounding to it gives."""
        found: Floats = integers.astype(np.float64) * self._parameters.template_grid
        return found

    def encrypt(self, integers: Integers, index: int, version: int) -> HintedBlock:
        """Encrypt the columns of a block version and compute its hint.

        Raises
        ------
        InvalidEmbeddingError
            If an integer is beyond those that `encode` returns.
        """
        parameters, count = self._parameters, len(integers)
        if integers.size and not -self._limit <= integers.min() <= integers.max() <= self._limit:
            raise InvalidEmbeddingError("a value is above 1 and cannot be encrypted")
        narrow = np.ascontiguousarray(integers, "<i4")
        nonce = self._key.new_nonce(index, version, narrow.data)
        secrets = self._key.secrets(nonce)
        masks, noise = self._masks(secrets), secrets.noise()
        columns = np.empty(parameters.block_shape(count), np.uint32)
        work = np.empty(_WIDTH * parameters.poly_modulus_degree, np.uint32)
        for first in range(0, count, _WIDTH):
            lanes = min(_WIDTH, count - first)
            plain = in_work_order(narrow[first : first + lanes])
            drawn = noise.draw(work.size)
            for number, transform in enumerate(self._transforms):
                residue_kernels.lift(plain, drawn, transform.prime, work)
                transform.forward(work)
                mask_kernels.add_masks(
                    work,
                    parameters.slices,
                    self._matrices.blocks[number, :, :, first:].ctypes.data,
                    masks[number],
                    columns[number, :, :, first:].ctypes.data,
                    count,
                    lanes,
                    int(with_quotients(1, int(transform.prime))[1]),
                    transform.prime,
                )
        return HintedBlock(nonce, columns, self.hint(columns))

    def hint(self, columns: Residues) -> Residues:
        """Return the hint of a block's columns, uint32 of shape (primes, tiles, slices, rank, 16).

        The owner computes it: with one that the server made up it would ask questions about t.
        """
        hints = sums_of_products([columns], self._matrices.hints, self._parameters)[0]
        return np.ascontiguousarray(np.moveaxis(hints, 0, 3))

    def open(self, nonce: bytes, columns: Residues) -> Integers:
        """Return exactly the integers that were encrypted, shape (columns, positions).

        The noise is drawn again and taken off, so nothing is rounded. One prime is enough: both
        integers and noise are far below half of it. A block of another owner opens to nonsense, so
        MAC and digest are checked before.

        Raises
        ------
        MalformedMessageError
            If the columns have another type or shape than those of a block.
        """
        parameters, count = self._parameters, columns.shape[3] if columns.ndim == 5 else 0
        if columns.dtype != np.dtype("<u4") or columns.shape != parameters.block_shape(count):
            raise MalformedMessageError(
                f"columns are {columns.dtype} of shape {columns.shape}, not those of a block"
            )
        transform, secrets = self._transforms[0], self._key.secrets(nonce)
        mask, noise = self._masks(secrets)[0], secrets.noise()
        degree, middle = parameters.poly_modulus_degree, int(transform.prime) // 2
        first_prime = np.ascontiguousarray(columns[0])
        integers = np.empty((count, degree), np.int64)
        work = np.empty(_WIDTH * degree, np.uint32)
        plain = np.empty(work.size, np.int32)
        for first in range(0, count, _WIDTH):
            lanes = min(_WIDTH, count - first)
            mask_kernels.take_masks(
                first_prime[:, :, first:].ctypes.data,
                self._matrices.blocks[0, :, :, first:].ctypes.data,
                mask,
                count,
                lanes,
                parameters.slices,
                work,
                transform.prime,
            )
            transform.inverse(work, addend=middle)
            residue_kernels.lower(work, noise.draw(work.size), np.int32(middle), plain)
            integers[first : first + lanes] = out_of_work_order(plain)[:lanes]
        return integers

    def _masks(self, secrets: BlockSecrets) -> list[Residues]:
        """Return s and its quotients, uint32 of shape (2, tiles, slices, 16), for each prime."""
        pairs = zip(secrets.mask(), self._parameters.data_primes, strict=True)
        return [with_quotients(mask, prime) for mask, prime in pairs]


def in_work_order(integers: WorkIntegers) -> WorkIntegers:
    """Return up to sixteen polynomials, shape (n, N), as in a work array, with zeros for more."""
    degree = integers.shape[1]
    padded = np.zeros((_WIDTH, degree), np.int32)
    padded[: len(integers)] = integers
    ordered = np.empty(_WIDTH * degree, np.int32)
    squares = degree // _WIDTH
    mask_kernels.reorder(padded.ctypes.data, 4 * degree, ordered.ctypes.data, 0, squares)
    return ordered


def out_of_work_order(ordered: WorkIntegers) -> WorkIntegers:
    """Undo `in_work_order`; return sixteen polynomials, shape (16, N)."""
    degree = ordered.size // _WIDTH
    polynomials = np.empty((_WIDTH, degree), np.int32)
    squares = degree // _WIDTH
    mask_kernels.reorder(ordered.ctypes.data, 0, polynomials.ctypes.data, 4 * degree, squares)
    return polynomials
