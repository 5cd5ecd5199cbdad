"""The hinted scheme as a scheme of the client: one polynomial a column, and checked results."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gallery.arrays import Floats, Residues
from gallery.ciphertexts.bit_packing import pack, unpack
from gallery.client.hinted.block_cipher import BlockCipher
from gallery.client.hinted.check_sums import CheckSums
from gallery.client.hinted.derivation import BlockKey, ProbeKey
from gallery.client.hinted.matrices import PublicMatrices
from gallery.client.hinted.newest_versions import NewestVersions
from gallery.client.hinted.probe_cipher import OpenedBlock, ProbeCipher, ProbeSecret
from gallery.client.keys.secrets import GalleryKey, Secret
from gallery.client.ring.crt import NumberForm
from gallery.client.scheme import BlockEncryption, Occupied, ProbeEncryption
from gallery.errors import AuthenticationError, WrongResultError
from gallery.messages import (
    BlockHeader,
    BlockResult,
    EncryptedBlock,
    GalleryDescription,
    ReferenceTable,
)
from gallery.parameters import HintedParameterSet


class HintedScheme(Secret):
    """Implements `gallery.client.scheme.Scheme` without evaluation keys or key switching.

    Parameters
    ----------
    key
        The owner's key.
    description
        The gallery, checked.
    parameters
        Its parameter set.
    """

    def __init__(
        self, key: GalleryKey, description: GalleryDescription, parameters: HintedParameterSet
    ) -> None:
        matrices = PublicMatrices(description.seed, description.columns, parameters)
        self._parameters, self._columns = parameters, description.columns
        self._dimension, self._normalized = description.dimension, description.metric.normalizes
        self._block_key = BlockKey(key, description.gallery_id, parameters)
        self._blocks = BlockCipher(self._block_key, matrices, parameters)
        probe_key = ProbeKey(key, description.gallery_id, parameters)
        self._probes = ProbeCipher(probe_key, matrices, parameters)
        self._opened = NewestVersions[OpenedBlock]()
        self._weights = NewestVersions[Residues]()

    def close(self) -> None:
        """Do nothing: there are no temporary files."""

    def encrypt_block(
        self, templates: Floats, occupied: Occupied, index: int, version: int
    ) -> BlockEncryption:
        """Encrypt a block version, with its hint; empty positions hold zeros, and look like all."""
        integers = self._blocks.encode(self._values(templates))
        block = self._blocks.encrypt(integers, index, version)
        hint = pack(block.hint, self._parameters.residue_bits)
        return BlockEncryption(
            block.columns, column_count=self._columns, nonce=block.nonce, hint=hint
        )

    def open_block(self, block: EncryptedBlock) -> Floats:
        """Return the templates: exactly the integers that were encoded."""
        integers = self._blocks.open(block.header.nonce, block.columns)
        return self._blocks.decode(integers[: self._dimension].T)

    def check_block(
        self, block: EncryptedBlock, table: ReferenceTable, occupied: Occupied
    ) -> Floats:
        """Open a block, and check that it holds nothing but templates, and its own hint."""
        integers = self._blocks.open(block.header.nonce, block.columns)
        templates = self._blocks.decode(integers[: self._dimension].T)
        norms = self._blocks.encode(self._values(templates)[self._dimension :])
        # A sum of squares may come out one step off on another machine.
        if templates[~occupied].any() or (np.abs(integers[self._dimension :] - norms) > 1).any():
            raise AuthenticationError("its empty positions or norms are not as encrypted")
        if pack(self._blocks.hint(block.columns), self._parameters.residue_bits) != table.hint:
            raise AuthenticationError("its hint is not that of its ciphertexts")
        return templates

    def encrypt_probe(self, vector: Floats) -> ProbeEncryption:
        """Encrypt a probe: a vector, and what the norms of references are multiplied by."""
        extra = () if self._normalized else (-0.5,)
        constants, secret = self._probes.encrypt(np.concatenate([vector, extra]))
        return ProbeEncryption(constants, vector, secret=secret)

    def open_results(
        self,
        probes: Sequence[ProbeEncryption],
        blocks: Sequence[BlockResult],
        tables: Sequence[ReferenceTable],
    ) -> Floats:
        """Open squared distances, out of the inner products that results hold."""
        opened = [
            self._open(block.header, table) for block, table in zip(blocks, tables, strict=True)
        ]
        squared = np.empty((len(blocks), len(probes), self._parameters.poly_modulus_degree))
        for number, probe in enumerate(probes):
            assert isinstance(probe.secret, ProbeSecret)
            results = [block.distances[number].residues for block in blocks]
            form = self._squared(float(probe.vector @ probe.vector))
            self._probes.open(probe.secret, results, opened, squared[:, number], form)
        return squared

    def open_check(self, sums: bytes) -> HintedCheck:
        """Return the check of results."""
        shape = self._parameters.probe_shape(self._columns)
        opened = unpack(sums, math.prod(shape), self._parameters.residue_bits) if sums else None
        found = None if opened is None else opened.reshape(shape).copy()
        return HintedCheck(self, CheckSums(self._columns, self._parameters, found))

    @property
    def parameters(self) -> HintedParameterSet:
        """The gallery's parameter set."""
        return self._parameters

    def weights(self, header: BlockHeader) -> Residues:
        """Return the weights of a block version."""
        return self._weights.of(header, lambda: self._block_key.secrets(header.nonce).weights())

    def forget_from(self, count: int) -> None:
        """Forget what is kept of blocks beyond the first ``count``: the gallery has no more."""
        self._opened.drop_from(count)
        self._weights.drop_from(count)

    def _values(self, templates: Floats) -> Floats:
        """Return the columns, shape (columns, positions), of templates, (positions, d)."""
        if self._normalized:
            return templates.T
        norms = np.einsum("nd,nd->n", templates, templates)
        return np.concatenate([templates.T, np.minimum(norms, 1.0)[None]])

    def _squared(self, squared_norm: float) -> NumberForm:
        """Return the affine map from inner products to squared distances to a probe."""
        if self._normalized:
            return NumberForm(factor=-2.0, offset=1.0 + squared_norm)
        # <g, q> - |g|**2 / 2 goes from -1.5 to 0.5; what is below -1.2 came out a range higher.
        reach = self._parameters.product_range
        return NumberForm(limit=0.7, reach=reach, factor=-2.0, offset=squared_norm)

    def _open(self, header: BlockHeader, table: ReferenceTable) -> OpenedBlock:
        """Return the secret and hint of a block version; kept, for they take as long as opening."""

        def compute() -> OpenedBlock:
            shape = self._parameters.hint_shape
            hint = unpack(table.hint, math.prod(shape), self._parameters.residue_bits)
            return OpenedBlock(self._block_key.secrets(header.nonce).mask(), hint.reshape(shape))

        return self._opened.of(header, compute)


class HintedCheck(Secret):
    """Implements `gallery.client.scheme.ResultCheck` with `CheckSums`."""

    def __init__(self, scheme: HintedScheme, sums: CheckSums) -> None:
        self._scheme, self._sums = scheme, sums

    def seal(self) -> bytes:
        """Return the sums, packed."""
        return pack(self._sums.sums, self._scheme.parameters.residue_bits)

    def add(self, header: BlockHeader, columns: Residues) -> None:
        """Add a block version."""
        self._sums.add(columns, self._scheme.weights(header))

    def remove(self, header: BlockHeader, columns: Residues) -> None:
        """Take a block version out."""
        self._sums.remove(columns, self._scheme.weights(header))

    def check(self, probes: Sequence[ProbeEncryption], blocks: Sequence[BlockResult]) -> None:
        """Check the results of all blocks for each probe; all are looked at, whatever is found."""
        wrong: WrongResultError | None = None
        self._scheme.forget_from(len(blocks))
        for number, probe in enumerate(probes):
            results = [
                (block.distances[number].residues, self._scheme.weights(block.header))
                for block in blocks
            ]
            try:
                self._sums.check(probe.constants, results)
            except WrongResultError as error:
                wrong = error
        if wrong is not None:
            raise wrong
