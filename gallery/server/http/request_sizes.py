"""Sizes of requests and answers: the most that each may have for a gallery of given columns."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gallery.arrays import residue_bytes
from gallery.ciphertexts.bit_packing import packed_size
from gallery.ciphertexts.blocks import position_count
from gallery.messages import GalleryDescription, GalleryUpdate, SearchRequest
from gallery.messages.check_sums import sealed_size
from gallery.messages.references import MAX_SEALED_LABEL
from gallery.parameters import ParameterSet, find_parameters
from gallery.parameters.base import Shape
from gallery.server.service import GalleryOutline

SMALL_REQUEST = 1024 * 1024
"""Most bytes of a request that holds no ciphertext: it describes a gallery."""

WRITTEN_FACTOR = 5
"""Bytes that a block takes while it is written, for each byte of its residues: they themselves, the
bytes that are made of them, and the copies that the database's driver and SQLite make."""

READ_FACTOR = 3
"""Bytes that a block takes while it is read and sent, for each byte of its residues."""

REFERENCES_BYTES = 1024 * 1024
"""Bytes that references and hint of a full block take, with labels of usual length."""

_OBJECT_BYTES = 1024
"""More than a result or a header takes beside its residues."""

_KNOWN_BYTES = 256
"""More than a known block of a search takes in memory."""

_FIELDS_BYTES = 4096
"""More than the fields of a message take that are neither residues nor references."""

_KNOWN_SIZE = 12
"""Bytes of one known block in a message."""

_REFERENCE_SIZE = 64
"""More than a reference takes in a message beside its label."""

_ENTRY_SIZE = 64
"""More than a manifest's entry takes in a message."""

_OLD_BLOCKS = 1024
"""Blocks that a client may know of a gallery beyond twice those that it has: they are gone."""

_NEW_BLOCKS = 2
"""Blocks that an update may add to those that there are."""


@dataclass(frozen=True)
class RequestSizes:
    """The sizes for one gallery.

    Attributes
    ----------
    description
        Its description.
    blocks
        The number of its blocks.
    """

    description: GalleryDescription
    blocks: int

    @classmethod
    def of(cls, gallery: GalleryOutline) -> RequestSizes:
        """Return the sizes for a gallery as it is."""
        return cls(gallery.description, gallery.blocks)

    def largest_search(self, probes: int) -> int:
        """Return the most bytes of a search with so many probes."""
        probe = _FIELDS_BYTES + self._packed(self._parameters.probe_shape(self._columns))
        known = _KNOWN_SIZE * (2 * self.blocks + _OLD_BLOCKS)
        return _FIELDS_BYTES + known + probes * probe

    @property
    def largest_block(self) -> int:
        """Most bytes of a block and its references, with labels as long as there may be."""
        parameters = self._parameters
        hint = parameters.hint_shape
        references = position_count(parameters) * (_REFERENCE_SIZE + MAX_SEALED_LABEL)
        block = self._packed(parameters.block_shape(self._columns)) + references + _FIELDS_BYTES
        return block + (0 if hint is None else self._packed(hint))

    @property
    def written_block(self) -> int:
        """Bytes that a block takes while it comes as a message and is written to the database."""
        residues = residue_bytes(self._parameters.block_shape(self._columns))
        return self.largest_block + WRITTEN_FACTOR * residues

    @property
    def largest_update(self) -> int:
        """Most bytes of an update of all blocks."""
        blocks = (self.blocks + _NEW_BLOCKS) * (self.largest_block + _ENTRY_SIZE)
        return _FIELDS_BYTES + blocks + sealed_size(self._columns, self._parameters)

    @property
    def block_answer(self) -> int:
        """Bytes that a block takes that is sent: what the database gave, residues and message."""
        return READ_FACTOR * residue_bytes(self._parameters.block_shape(self._columns))

    @property
    def check_sums_answer(self) -> int:
        """Bytes that check sums take that are sent: as they are stored, and their message."""
        return 2 * sealed_size(self._columns, self._parameters)

    def search_answer(self, probes: int, references: int) -> int:
        """Return the bytes that the results of a search take in memory.

        Parameters
        ----------
        probes
            Its probes.
        references
            Bytes of the references that are sent with the results.
        """
        distances = residue_bytes(self._parameters.result_shape) + _OBJECT_BYTES
        check_sums = sealed_size(self._columns, self._parameters) if self.blocks else 0
        return self.blocks * (probes * distances + _OBJECT_BYTES) + references + check_sums

    @property
    def _parameters(self) -> ParameterSet:
        return find_parameters(self.description.parameters)

    @property
    def _columns(self) -> int:
        return self.description.columns

    def _packed(self, shape: Shape) -> int:
        return packed_size(math.prod(shape), self._parameters.residue_bits)


def parsed_search(wanted: SearchRequest) -> int:
    """Return the bytes that a search takes in memory that was read out of its message."""
    probes = sum(probe.constants.nbytes for probe in wanted.probes)
    return probes + _KNOWN_BYTES * len(wanted.known)


def written_update(update: GalleryUpdate) -> int:
    """Return the bytes that an update takes in memory while it is written to the database."""
    written = sum(item.block.columns.nbytes + item.references.nbytes for item in update.blocks)
    relabelled = sum(item.changed.nbytes for item in update.relabellings)
    return WRITTEN_FACTOR * (written + relabelled)
