"""The interface of an encryption scheme on the owner's side, which hides its ciphertexts' layout.

There are two: CKKS (`gallery.client.ckks`), and RLWE with shared matrices and hints
(`gallery.client.hinted`). All other rooms of the client work through this interface.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from gallery.arrays import Floats, Residues
from gallery.client.keys.secrets import Secret
from gallery.messages import BlockHeader, BlockResult, EncryptedBlock, ReferenceTable

Occupied = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class BlockEncryption:
    """A block version that was just encrypted.

    Attributes
    ----------
    columns
        Residues of the shape that the parameter set gives to a block.
    seed
        The seed of the uniform halves of CKKS ciphertexts, else None.
    column_count, nonce, hint
        Values for the header and the references of a hinted block; 0 and empty for CKKS.
    """

    columns: Residues
    seed: bytes | None = None
    column_count: int = 0
    nonce: bytes = b""
    hint: bytes = b""


@dataclass(frozen=True, eq=False)
class ProbeEncryption(Secret):
    """A probe that was just encrypted.

    Attributes
    ----------
    constants
        Residues of the shape that the parameter set gives to a probe.
    vector
        The vector that was encrypted, shape (d,).
    seed
        As for `BlockEncryption`.
    secret
        The secret that opens the probe's results, if the owner's key alone does not.
    """

    constants: Residues
    vector: Floats
    seed: bytes | None = None
    secret: object = None

    __repr__ = Secret.__repr__


class ResultCheck(Protocol):
    """Check sums of a gallery, opened: what the results of its blocks are checked against."""

    def seal(self) -> bytes:
        """Return the sums as bytes, to seal them."""

    def add(self, header: BlockHeader, columns: Residues) -> None:
        """Add a block version."""

    def remove(self, header: BlockHeader, columns: Residues) -> None:
        """Take a block version out that was added before."""

    def check(self, probes: Sequence[ProbeEncryption], blocks: Sequence[BlockResult]) -> None:
        """Check the results of all blocks of the gallery for each probe (`WrongResultError`)."""


class Scheme(Protocol):
    """Encrypts and opens blocks and probes of one gallery under its owner's key."""

    def close(self) -> None:
        """Give up temporary files, if there are any."""

    def encrypt_block(
        self, templates: Floats, occupied: Occupied, index: int, version: int
    ) -> BlockEncryption:
        """Encrypt a block version.

        Parameters
        ----------
        templates
            Vectors on the grid, shape (positions, d), canaries included; zero where nothing is.
        occupied
            Where templates and canaries are, shape (positions,).
        index, version
            Which block version it is.
        """

    def open_block(self, block: EncryptedBlock) -> Floats:
        """Return the templates, shape (positions, d), on the grid: exactly what was encrypted."""

    def check_block(
        self, block: EncryptedBlock, table: ReferenceTable, occupied: Occupied
    ) -> Floats:
        """Open a block, and check that it holds nothing but templates and that its hint is right.

        Parameters
        ----------
        block, table
            The block, checked, and its references.
        occupied
            As for `encrypt_block`.

        Returns
        -------
        ndarray of float64, shape (positions, d)
            What `open_block` returns.

        Raises
        ------
        AuthenticationError
            If it does not.
        """

    def encrypt_probe(self, vector: Floats) -> ProbeEncryption:
        """Encrypt a probe, a vector of norm at most 1, shape (d,)."""

    def open_results(
        self,
        probes: Sequence[ProbeEncryption],
        blocks: Sequence[BlockResult],
        tables: Sequence[ReferenceTable],
    ) -> Floats:
        """Open the results of some blocks.

        Parameters
        ----------
        probes
            The probes of the request.
        blocks
            Results of blocks for these probes, checked.
        tables
            The references of these blocks, with their hints.

        Returns
        -------
        ndarray of float64, shape (blocks, probes, positions)
            Squared distances; of positions that are not occupied, whatever stands there.
        """

    def open_check(self, sums: bytes) -> ResultCheck | None:
        """Return the check of results, from bytes that `ResultCheck.seal` gave; empty for none.

        None if the scheme's results cannot be checked before they are decrypted.
        """
