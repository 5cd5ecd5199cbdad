"""Sizes of the messages of one gallery: bounds for a reader that cannot check anything yet.

A key owner's program reads messages of a server, or of a file, whose MAC can only be checked when
they are there. Their bounds come from what the owner signed before, or asked for: the gallery's
parameter set, its dimension, and the number of probes.
"""

from __future__ import annotations

import math
from typing import Final, Self

from gallery.ciphertexts.bit_packing import packed_size
from gallery.ciphertexts.blocks import capacity, position_count
from gallery.messages.block import NONCE_SIZE, RELABELLED_BYTES, BlockHeader
from gallery.messages.check_sums import sealed_size
from gallery.messages.description import DIGEST_SIZE, ID_SIZE, GalleryDescription
from gallery.messages.manifest import MAX_MANIFEST
from gallery.messages.probe import EncryptedProbe
from gallery.messages.references import (
    MAX_SEALED_LABEL,
    TAG_SIZE,
    ReferenceTable,
    StoredReference,
)
from gallery.messages.wire import MessageType, Writer
from gallery.parameters import MAX_DIMENSION, PARAMETER_SETS, ParameterSet, find_parameters

_START: Final = len(Writer(MessageType.BLOCK).bytes())
_LENGTH: Final = 4


class MessageSizes:
    """Bytes of the messages of one gallery.

    Parameters
    ----------
    parameters
        Its parameter set.
    dimension
        Values of an embedding.
    columns
        Columns of its blocks.

    Attributes
    ----------
    block
        A block as it is stored, with nothing left to a seed; all have this size that were not
        relabelled.
    relabelled_block
        A block that was relabelled, likewise.
    empty_table, full_table
        The least and the most of a table of references.
    references
        The most of a table of references with its header.
    check_sums
        The check sums of a gallery that has blocks.
    """

    def __init__(self, parameters: ParameterSet, dimension: int, columns: int) -> None:
        self._parameters = parameters
        bits, header = parameters.residue_bits, _header_size(parameters, dimension, columns)
        residues = math.prod(parameters.block_shape(columns))
        # After the header stands the form of the ciphertexts, one byte.
        self.block = _START + _LENGTH + header + 1 + packed_size(residues, bits)
        self.relabelled_block = self.block + RELABELLED_BYTES
        hint = bytes(packed_size(math.prod(parameters.hint_shape or (0,)), bits))
        self.empty_table = len(_table((), hint))
        tag = bytes(TAG_SIZE)
        largest = StoredReference(0, bytes(ID_SIZE), tag, tag, bytes(MAX_SEALED_LABEL))
        of_one = len(_table((largest,), hint)) - self.empty_table
        self.full_table = self.empty_table + capacity(parameters) * of_one
        largest_header = header + RELABELLED_BYTES
        self.references = _START + _LENGTH + largest_header + _LENGTH + self.full_table
        self.check_sums = _START + _LENGTH + sealed_size(columns, parameters)

    @classmethod
    def of(cls, item: GalleryDescription | EncryptedProbe) -> Self:
        """Return the sizes of a gallery, or of the one that a probe is for."""
        return cls(find_parameters(item.parameters), item.dimension, item.columns)

    def answer(self, probes: int) -> int:
        """Return the most of one message of the answer to a search with so many probes."""
        name = self._parameters.name.encode("utf-8")
        residues = math.prod(self._parameters.result_shape)
        distances = (
            _START + ID_SIZE + 4 + 8 + 2 + len(name)
            + packed_size(residues, self._parameters.residue_bits)
        )  # fmt: skip
        # One byte says whether there are references, and a number how many distances follow.
        result = self.references + 1 + 4 + probes * (_LENGTH + distances)
        return max(result, self.check_sums, MAX_MANIFEST)


def largest_sizes() -> MessageSizes:
    """Return the sizes of the gallery whose blocks are the largest of all."""
    found = [
        MessageSizes(item, MAX_DIMENSION, item.column_count(MAX_DIMENSION, normalized=False))
        for item in PARAMETER_SETS.values()
    ]
    return max(found, key=lambda sizes: sizes.block)


def _header_size(parameters: ParameterSet, dimension: int, columns: int) -> int:
    hinted, digest = parameters.hint_shape is not None, bytes(DIGEST_SIZE)
    header = BlockHeader(
        bytes(ID_SIZE),
        0,
        0,
        parameters.name,
        dimension,
        bytes(position_count(parameters) // 8),
        digest,
        digest,
        columns=columns if hinted else 0,
        nonce=bytes(NONCE_SIZE) if hinted else b"",
    )
    return len(header.to_bytes())


def _table(references: tuple[StoredReference, ...], hint: bytes) -> bytes:
    return ReferenceTable(bytes(ID_SIZE), 0, 0, references, hint).to_bytes()
