"""Canaries: known templates at reserved positions, by which a wrong result is noticed.

RLWE does not fail locally: a wrong key, probe, block or version, or a single changed residue,
spoils every slot of a result. Checking two positions whose distances the owner can predict is
therefore enough to notice it.
"""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np

from gallery.arrays import Floats
from gallery.ciphertexts.blocks import CANARIES, canary_positions
from gallery.client.embeddings.templates import round_to_grid
from gallery.client.keys.secrets import GalleryKey
from gallery.errors import WrongResultError
from gallery.hints import Hint
from gallery.parameters import ParameterSet

CANARY_DIMENSION: Final = 16
"""Values of an embedding below which canaries are weak: there are few vectors on the grid, so that
those of another block, version or gallery may well be at the same distance from a probe."""


class Canaries:
    """Derives the canaries of one gallery and checks results against them."""

    def __init__(self, key: GalleryKey, gallery_id: bytes, parameters: ParameterSet) -> None:
        self._key = key.subkey("canaries", gallery_id)
        self._parameters = parameters
        self._positions = canary_positions(parameters)
        self._newest: dict[int, tuple[tuple[int, int], Floats]] = {}
        """Version, dimension and canaries of the newest version of each block."""

    def templates(self, block_index: int, version: int, dimension: int) -> Floats:
        """Return a block version's canaries: unit vectors on the grid, shape (2, dimension)."""
        stated, found = self._newest.get(block_index, (None, None))
        if found is None or stated != (version, dimension):
            found = self._derived(block_index, version, dimension)
            self._newest[block_index] = (version, dimension), found
        return found

    def _derived(self, block_index: int, version: int, dimension: int) -> Floats:
        seed = self._key.mac(block_index.to_bytes(4, "little") + version.to_bytes(8, "little"))
        words = np.frombuffer(
            hashlib.shake_256(seed).digest(8 * CANARIES * dimension), dtype="<i8"
        ).astype(np.float64)
        vectors = words.reshape(CANARIES, dimension)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        found = round_to_grid(vectors / norms, self._parameters)
        found.flags.writeable = False
        return found

    def check(self, squared: Floats, vector: Floats, block_index: int, version: int) -> None:
        """Check the decrypted squared distances of one block to probe vectors.

        Parameters
        ----------
        squared
            Squared distances, shape (positions,) for one probe, (n, positions) for n.
        vector
            The vector that was encrypted, shape (dimension,), or the n of them, (n, dimension).
        block_index, version
            The block that was asked for.

        Raises
        ------
        WrongResultError
            If the canaries are not at the distances where they belong.
        """
        dimension = vector.shape[-1]
        templates = self.templates(block_index, version, dimension)
        expected = np.square(templates - vector[..., None, :]).sum(axis=-1)
        found = squared[..., self._positions]
        tolerance = 2.0 * self._parameters.max_distance_error(dimension)
        if not np.all(np.abs(found - expected) <= tolerance):
            raise WrongResultError(
                f"the result for block {block_index} does not belong to this probe, block version "
                "and key, or was damaged on the way; nothing of it was used",
                hint=Hint.SEARCH_AGAIN,
            )
