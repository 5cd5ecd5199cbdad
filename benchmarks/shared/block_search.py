"""A search of blocks in memory by the project's own parts: encryption, scan, check and opening.

There is no database and no message on a wire, and nothing is signed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from gallery.arrays import Floats, Residues
from gallery.backends import Backend
from gallery.ciphertexts.blocks import position_count, reference_positions
from gallery.ciphertexts.seeds import SEED_SIZE
from gallery.client import GalleryKey
from gallery.client.embeddings.templates import round_to_grid
from gallery.client.scheme import ProbeEncryption, ResultCheck
from gallery.client.scheme_selection import make_scheme
from gallery.distances import Metric
from gallery.evaluator import make_evaluator
from gallery.messages import (
    DIGEST_SIZE,
    ID_SIZE,
    BlockHeader,
    BlockResult,
    EncryptedDistances,
    EncryptedProbe,
    GalleryDescription,
    Preprocessing,
    ReferenceTable,
    pack_occupancy,
)
from gallery.parameters import ParameterSet

_UNSIGNED = bytes(DIGEST_SIZE)


@dataclass(frozen=True, eq=False)
class EnrolledBlock:
    """A block of encrypted templates, with what the owner needs to open its results."""

    header: BlockHeader
    table: ReferenceTable
    columns: Residues
    templates: Floats = field(repr=False)

    @property
    def stored_bytes(self) -> int:
        """Bytes at rest of the ciphertexts and their hint."""
        return self.columns.nbytes + len(self.table.hint)


class BlockSearch:
    """Enrolls unit vectors into blocks of a gallery of its own, and searches them.

    Parameters
    ----------
    parameters
        The gallery's parameter set.
    dimension
        Values of an embedding.
    threads
        Threads of the scan.
    """

    def __init__(self, parameters: ParameterSet, dimension: int, threads: int = 1) -> None:
        self.parameters, self._key = parameters, GalleryKey.generate()
        self._description = GalleryDescription(
            gallery_id=os.urandom(ID_SIZE),
            key_id=self._key.key_id,
            name="benchmark",
            preprocessing=Preprocessing(),
            metric=Metric.COSINE,
            dimension=dimension,
            parameters=parameters.name,
            norm_bound=1.0,
            threshold=None,
            created=0,
            seed=os.urandom(SEED_SIZE) if parameters.hint_shape is not None else b"",
        )
        self._scheme = make_scheme(Backend.NATIVE, self._key, self._description)
        self._evaluator = make_evaluator(threads=threads)
        self.positions = reference_positions(parameters)
        self._blocks = 0

    def enroll(self, templates: Floats) -> EnrolledBlock:
        """Encrypt a block of vectors of norm 1, shape (n, d), at most as many as fit into it."""
        parameters, description = self.parameters, self._description
        index, version, taken = self._blocks, 1, self.positions[: len(templates)]
        self._blocks += 1
        placed = np.zeros((position_count(parameters), description.dimension))
        placed[taken] = round_to_grid(templates, parameters)
        occupied = np.zeros(len(placed), bool)
        occupied[taken] = True
        encryption = self._scheme.encrypt_block(placed, occupied, index, version)
        header = BlockHeader(
            description.gallery_id,
            index,
            version,
            parameters.name,
            description.dimension,
            pack_occupancy(occupied),
            _UNSIGNED,
            _UNSIGNED,
            encryption.column_count,
            encryption.nonce,
        )
        table = ReferenceTable(description.gallery_id, index, version, (), encryption.hint)
        return EnrolledBlock(header, table, encryption.columns, templates)

    def encrypt(self, vector: Floats) -> ProbeEncryption:
        """Encrypt a probe of norm 1, shape (d,)."""
        return self._scheme.encrypt_probe(vector)

    def scan(
        self, blocks: Sequence[EnrolledBlock], probes: Sequence[ProbeEncryption]
    ) -> list[list[Residues]]:
        """Compare every probe with every block; for each block, the residues for each probe."""
        return self._evaluator.distances_of_blocks(
            [block.columns for block in blocks],
            [probe.constants for probe in probes],
            self.parameters,
        )

    def results(
        self, blocks: Sequence[EnrolledBlock], found: Sequence[Sequence[Residues]]
    ) -> list[BlockResult]:
        """Return what `scan` found as the messages that a service answers with."""
        return [
            BlockResult(
                block.header, None, tuple(distances_message(block, item) for item in residues)
            )
            for block, residues in zip(blocks, found, strict=True)
        ]

    def check(self, blocks: Sequence[EnrolledBlock]) -> ResultCheck | None:
        """Return the check of a gallery of these blocks; None if the scheme has none."""
        check = self._scheme.open_check(b"")
        if check is not None:
            for block in blocks:
                check.add(block.header, block.columns)
        return check

    def open(
        self,
        probes: Sequence[ProbeEncryption],
        results: Sequence[BlockResult],
        blocks: Sequence[EnrolledBlock],
    ) -> Floats:
        """Return squared distances at all positions, shape (blocks, probes, positions)."""
        tables = [block.table for block in blocks]
        return self._scheme.open_results(probes, results, tables)

    def probe_message(self, probe: ProbeEncryption) -> EncryptedProbe:
        """Return a probe as it is sent."""
        description = self._description
        return EncryptedProbe(
            os.urandom(ID_SIZE),
            description.key_id,
            description.parameters,
            description.dimension,
            probe.constants,
            probe.seed,
        )


def distances_message(block: EnrolledBlock, residues: Residues) -> EncryptedDistances:
    """Return the result of one block for one probe as it is sent back."""
    header = block.header
    return EncryptedDistances(
        bytes(ID_SIZE), header.index, header.version, header.parameters, residues
    )
