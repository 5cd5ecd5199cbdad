"""CKKS as a scheme of the client: two polynomials a column, distances under encryption."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gallery.arrays import Floats
from gallery.backends import Backend
from gallery.ciphertexts.blocks import empty_columns, place, probe_constants
from gallery.client.ckks.codec import CkksCodec
from gallery.client.ckks.codec_selection import make_codec
from gallery.client.keys.secrets import GalleryKey, Secret
from gallery.client.scheme import BlockEncryption, Occupied, ProbeEncryption
from gallery.errors import AuthenticationError
from gallery.messages import BlockResult, EncryptedBlock, GalleryDescription, ReferenceTable
from gallery.parameters import CkksParameterSet


class CkksScheme(Secret):
    """Implements `gallery.client.scheme.Scheme` on ciphertexts that SEAL itself reads.

    Parameters
    ----------
    backend
        Name of the backend that encrypts and decrypts.
    key
        The owner's key.
    description
        The gallery.
    parameters
        Its parameter set.
    """

    def __init__(
        self,
        backend: Backend,
        key: GalleryKey,
        description: GalleryDescription,
        parameters: CkksParameterSet,
    ) -> None:
        self._codec: CkksCodec = make_codec(backend, key, parameters)
        self._dimension, self._parameters = description.dimension, parameters

    def close(self) -> None:
        """Give up what the codec holds."""
        self._codec.close()

    def encrypt_block(
        self, templates: Floats, occupied: Occupied, index: int, version: int
    ) -> BlockEncryption:
        """Encrypt a block version."""
        columns = self._columns(templates, occupied)
        encryption = self._codec.encrypt_columns(columns)
        return BlockEncryption(encryption.residues, encryption.seed)

    def open_block(self, block: EncryptedBlock) -> Floats:
        """Return the templates, rounded to the grid, which is coarser than the noise."""
        return self._templates(self._codec.decrypt_columns(block.columns))

    def check_block(
        self, block: EncryptedBlock, table: ReferenceTable, occupied: Occupied
    ) -> Floats:
        """Open a block, and check that it holds templates and sentinels, within their noise."""
        columns = self._codec.decrypt_columns(block.columns)
        templates = self._templates(columns)
        expected = self._columns(templates, occupied)
        tolerance = 100.0 * self._parameters.grid
        if templates[~occupied].any() or not np.allclose(columns, expected, rtol=0, atol=tolerance):
            raise AuthenticationError(
                "its empty positions, norms or occupancy are not as encrypted"
            )
        return templates

    def encrypt_probe(self, vector: Floats) -> ProbeEncryption:
        """Encrypt a probe."""
        encryption = self._codec.encrypt_constants(probe_constants(vector))
        return ProbeEncryption(encryption.residues, vector, encryption.seed)

    def open_results(
        self,
        probes: Sequence[ProbeEncryption],
        blocks: Sequence[BlockResult],
        tables: Sequence[ReferenceTable],
    ) -> Floats:
        """Decrypt squared distances; empty positions are at the sentinel's."""
        results = [item.residues for block in blocks for item in block.distances]
        return self._codec.decrypt_distances_many(results).reshape(len(blocks), len(probes), -1)

    def open_check(self, sums: bytes) -> None:
        """Return None: check sums would be as large as a block, and change with each write."""

    def _templates(self, columns: Floats) -> Floats:
        grid = self._parameters.grid
        rounded: Floats = np.rint(columns[: self._dimension].T / grid) * grid
        return rounded

    def _columns(self, templates: Floats, occupied: Occupied) -> Floats:
        columns = empty_columns(self._dimension, self._parameters)
        positions = np.flatnonzero(occupied)
        place(columns, positions, templates[positions])
        return columns
