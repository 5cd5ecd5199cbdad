"""A block of encrypted templates and the statement by which its owner vouches for it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gallery.arrays import Residues
from gallery.ciphertexts.blocks import column_count, position_count
from gallery.errors import BlockCorruptedError
from gallery.messages.description import DIGEST_SIZE, ID_SIZE, MAC_SIZE
from gallery.messages.references import ReferenceTable
from gallery.messages.residues import check_residues, read_columns, write_columns
from gallery.messages.wire import FORMAT_VERSION, MessageType, Reader, Writer
from gallery.parameters import ParameterSet, find_parameters

NONCE_SIZE = 32

RELABELLED_VERSION = 2
"""Format version of headers of blocks whose labels were changed after the encryption."""

RELABELLED_BYTES = 8
"""Bytes by which such a header is larger."""


@dataclass(frozen=True)
class BlockHeader:
    """The owner's statement about one version of a block.

    Attributes
    ----------
    gallery_id
        The gallery that it belongs to, 16 bytes.
    index
        Number of the block within the gallery, from 0.
    version
        The manifest version at which this content was written.
    parameters
        Name of the parameter set.
    dimension
        Values of an embedding.
    columns
        Columns of the block; of the hinted scheme only, else 0.
    nonce
        The nonce of the block version's secrets, 32 bytes; of the hinted scheme only.
    occupancy
        One bit for each position, least significant first: 1 where a reference is.
    columns_digest
        SHA-256 of the ciphertexts' bytes.
    references_digest
        SHA-256 of the `ReferenceTable` message.
    mac
        Authentication code over all of the above, 32 bytes.
    encrypted_at
        The manifest version at which the ciphertexts were made, below ``version``, if labels were
        changed since; else None.
    """

    gallery_id: bytes
    index: int
    version: int
    parameters: str
    dimension: int
    occupancy: bytes
    columns_digest: bytes
    references_digest: bytes
    columns: int = 0
    nonce: bytes = b""
    mac: bytes = bytes(MAC_SIZE)
    encrypted_at: int | None = None

    def statement(self) -> bytes:
        """Return the bytes that the MAC covers."""
        form = FORMAT_VERSION if self.encrypted_at is None else RELABELLED_VERSION
        writer = Writer(MessageType.BLOCK_HEADER, form).fixed(self.gallery_id)
        writer.u32(self.index).u64(self.version).text(self.parameters).u32(self.dimension)
        writer.blob(self.occupancy).fixed(self.columns_digest).fixed(self.references_digest)
        if self._set.hint_shape is not None:
            writer.u32(self.columns).fixed(self.nonce)
        if self.encrypted_at is not None:
            writer.u64(self.encrypted_at)
        return writer.bytes()

    @property
    def encryption_version(self) -> int:
        """The manifest version at which the ciphertexts were made."""
        return self.version if self.encrypted_at is None else self.encrypted_at

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the block's residues."""
        return self._set.block_shape(self.columns or column_count(self.dimension))

    @property
    def _set(self) -> ParameterSet:
        return find_parameters(self.parameters)

    def with_mac(self, mac: bytes) -> BlockHeader:
        """Return the header with its authentication code."""
        return replace(self, mac=mac)

    def occupied(self) -> npt.NDArray[np.bool_]:
        """Return for each position whether it holds a reference; shape (positions,)."""
        bits = np.unpackbits(np.frombuffer(self.occupancy, np.uint8), bitorder="little")
        return bits.astype(bool)

    def to_bytes(self) -> bytes:
        """Return the message."""
        return self.statement() + self.mac

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> BlockHeader:
        """Read a message.

        Raises
        ------
        MalformedMessageError
            If the bytes are not what `to_bytes` writes.
        ParameterSetError, DimensionMismatchError
            If it names a parameter set or dimension that this program does not support.
        """
        reader = Reader(data, MessageType.BLOCK_HEADER, RELABELLED_VERSION)
        gallery_id, index, version = reader.fixed(ID_SIZE), reader.u32(), reader.u64()
        parameters = find_parameters(reader.text())
        dimension, occupancy = reader.u32(), reader.blob()
        parameters.check_dimension(dimension)
        digests = reader.fixed(DIGEST_SIZE), reader.fixed(DIGEST_SIZE)
        hinted = parameters.hint_shape is not None
        header = cls(
            gallery_id,
            index,
            version,
            parameters.name,
            dimension,
            occupancy,
            *digests,
            columns=read_columns_count(reader, dimension) if hinted else 0,
            nonce=reader.fixed(NONCE_SIZE) if hinted else b"",
            encrypted_at=reader.u64() if reader.version == RELABELLED_VERSION else None,
            mac=reader.fixed(MAC_SIZE),
        )
        reader.end()
        if header.encrypted_at is not None and header.encrypted_at >= version:
            raise reader.malformed("it is older than its ciphertexts")
        if 8 * len(occupancy) != position_count(parameters):
            raise reader.malformed(f"an occupancy map of {len(occupancy)} bytes")
        return header


def read_columns_count(reader: Reader, dimension: int) -> int:
    """Take the number of columns of a block or a probe: the values, and at most one more."""
    columns = reader.u32()
    if columns not in (dimension, dimension + 1):
        raise reader.malformed(f"{columns} columns for embeddings of {dimension} values")
    return columns


def pack_occupancy(occupied: npt.NDArray[np.bool_]) -> bytes:
    """Return the bits of an occupancy map, least significant first.

    Parameters
    ----------
    occupied
        Whether each position holds a reference, bool, shape (positions,).

    Returns
    -------
    bytes
        One bit for each position.
    """
    return np.packbits(occupied, bitorder="little").tobytes()


@dataclass(frozen=True, eq=False)
class EncryptedBlock:
    """The ciphertexts of one version of a block, with their header.

    Attributes
    ----------
    header
        The owner's statement.
    columns
        Residues, uint32, of the header's ``shape``.
    seed
        The seed of the uniform halves of the ciphertexts, 32 bytes, which then travels in their
        place; None if they do not come from a seed, or it is not known any more.
    """

    header: BlockHeader
    columns: Residues
    seed: bytes | None = None

    def check(self) -> None:
        """Check the ciphertexts against their digest and the format.

        Raises
        ------
        BlockCorruptedError
            If the digest is not the header's.
        MalformedMessageError
            If a residue is not below its prime, or the shape is wrong.
        """
        if columns_digest(self.columns) != self.header.columns_digest:
            raise BlockCorruptedError(
                f"block {self.header.index} is damaged: its bytes do not have the digest that they "
                "were stored with; restore the database from a backup"
            )
        parameters = find_parameters(self.header.parameters)
        check_residues(self.columns, self.header.shape, 0, parameters)

    def to_bytes(self) -> bytes:
        """Return the message: the header, then the ciphertexts."""
        writer = Writer(MessageType.BLOCK).blob(self.header.to_bytes())
        write_columns(writer, self.columns, self.seed, find_parameters(self.header.parameters))
        return writer.bytes()

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> EncryptedBlock:
        """Read a message.

        Raises
        ------
        MalformedMessageError, BlockCorruptedError
            If the bytes are not what `to_bytes` writes.
        ParameterSetError
            If the header names a parameter set that this program does not know.
        """
        reader = Reader(data, MessageType.BLOCK)
        header = BlockHeader.from_bytes(reader.blob())
        columns, seed = read_columns(reader, header.shape, find_parameters(header.parameters))
        block = cls(header, columns, seed)
        block.check()
        return block


@dataclass(frozen=True, eq=False)
class BlockReferences:
    """The references of one version of a block, with the header that vouches for them.

    Attributes
    ----------
    header
        The owner's statement about the block version.
    table
        Its references.
    """

    header: BlockHeader
    table: ReferenceTable

    def to_bytes(self) -> bytes:
        """Return the message."""
        writer = Writer(MessageType.REFERENCES).blob(self.header.to_bytes())
        return writer.blob(self.table.to_bytes()).bytes()

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> BlockReferences:
        """Read a message (`MalformedMessageError`, `ParameterSetError`)."""
        reader = Reader(data, MessageType.REFERENCES)
        found = cls(BlockHeader.from_bytes(reader.blob()), ReferenceTable.from_bytes(reader.blob()))
        reader.end()
        return found


def columns_digest(columns: Residues) -> bytes:
    """Return SHA-256 of the bytes of a block's residues.

    Parameters
    ----------
    columns
        Residues of a block, uint32, in C order.

    Returns
    -------
    bytes
        32 bytes.
    """
    return hashlib.sha256(columns.astype("<u4", copy=False).data).digest()
