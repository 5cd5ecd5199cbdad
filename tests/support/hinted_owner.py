"""A key owner of the hinted scheme alone, without a gallery around it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gallery.arrays import Floats, Integers, Residues
from gallery.client.hinted.block_cipher import BlockCipher, HintedBlock
from gallery.client.hinted.check_sums import CheckSums
from gallery.client.hinted.derivation import BlockKey, ProbeKey
from gallery.client.hinted.matrices import PublicMatrices
from gallery.client.hinted.probe_cipher import OpenedBlock, ProbeCipher, ProbeSecret
from gallery.client.keys.secrets import GalleryKey
from gallery.client.ring.ntt import make_transform
from gallery.parameters import HintedParameterSet

MASTER, GALLERY_ID, SEED = b"\1" * 32, b"\2" * 16, b"\3" * 32


class HintedOwner:
    """Encrypts blocks and probes of so many columns, and opens results."""

    def __init__(self, parameters: HintedParameterSet, columns: int) -> None:
        key = GalleryKey(MASTER, {})
        self.parameters, self.columns = parameters, columns
        self.block_key = BlockKey(key, GALLERY_ID, parameters)
        self.probe_key = ProbeKey(key, GALLERY_ID, parameters)
        self.matrices = PublicMatrices(SEED, columns, parameters)
        self.blocks = BlockCipher(self.block_key, self.matrices, parameters)
        self.probes = ProbeCipher(self.probe_key, self.matrices, parameters)

    def draw(self, seed: int) -> Integers:
        """Return random integers that a block can hold, shape (columns, N)."""
        limit = round(self.parameters.column_scale)
        shape = self.columns, self.parameters.poly_modulus_degree
        return np.random.default_rng(seed).integers(-limit, limit, shape, endpoint=True)

    def constants(self, seed: int) -> Floats:
        """Return the constants of a random probe of norm 1, shape (columns,)."""
        vector = np.random.default_rng(seed).normal(size=self.columns)
        return vector / np.linalg.norm(vector)

    def opened(self, block: HintedBlock) -> OpenedBlock:
        return OpenedBlock(self.block_key.secrets(block.nonce).mask(), block.hint)

    def weights(self, block: HintedBlock) -> Residues:
        return self.block_key.secrets(block.nonce).weights()

    def check_sums(self, blocks: Sequence[HintedBlock]) -> CheckSums:
        """Return the check sums of a gallery that these blocks were written to."""
        sums = CheckSums(self.columns, self.parameters)
        for block in blocks:
            sums.add(block.columns, self.weights(block))
        return sums

    def open(
        self, secret: ProbeSecret, results: Sequence[Residues], blocks: Sequence[HintedBlock]
    ) -> Floats:
        return self.probes.open(secret, results, [self.opened(block) for block in blocks])


def coefficients(values: Residues, prime: int, root: int | None = None) -> Integers:
    """Return the coefficients, centred, of values in NTT order, shape (n, degree)."""
    degree, found = values.shape[-1], np.empty(values.shape, np.int64)
    transform = make_transform(degree, prime, root)
    for row, one in zip(found, values, strict=True):
        work = np.repeat(one, 16)
        transform.inverse(work, addend=prime // 2)
        row[:] = work.reshape(degree, 16)[:, 0].astype(np.int64) - prime // 2
    return found


def in_ntt_order(columns: Residues) -> Residues:
    """Return columns of blocks, (tiles, slices, columns, 16), as (columns, N) in NTT order."""
    tiles, slices, count, lanes = columns.shape
    return columns.transpose(2, 0, 3, 1).reshape(count, tiles * lanes * slices)
