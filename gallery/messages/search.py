"""What is sent to search a gallery, and what comes back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gallery.blocks import columns_shape, distances_shape
from gallery.messages.block import BlockHeader
from gallery.messages.description import ID_SIZE
from gallery.messages.manifest import Manifest
from gallery.messages.references import ReferenceTable
from gallery.messages.residues import (
    Residues,
    check_residues,
    residues_from_bytes,
    residues_to_bytes,
)
from gallery.messages.wire import MessageType, Reader, Writer
from gallery.parameters import find_parameters


@dataclass(frozen=True, eq=False)
class EncryptedProbe:
    """One encrypted probe.

    Attributes
    ----------
    probe_id
        16 random bytes that the result repeats.
    key_id
        Fingerprint of the key that it is encrypted under, 16 bytes.
    parameters
        Name of the parameter set.
    dimension
        Values of an embedding.
    constants
        Residues of the ciphertexts of its ``dimension + 2`` constants, uint32, of the shape that
        `gallery.blocks.columns_shape` gives.
    """

    probe_id: bytes
    key_id: bytes
    parameters: str
    dimension: int
    constants: Residues

    def check(self) -> None:
        """Check the shape and the range of the residues (`MalformedMessageError`)."""
        parameters = find_parameters(self.parameters)
        shape = columns_shape(self.dimension, parameters)
        check_residues(self.constants, shape, 0, parameters)

    def to_bytes(self) -> bytes:
        """Return the message."""
        writer = Writer(MessageType.PROBE).fixed(self.probe_id).fixed(self.key_id)
        writer.text(self.parameters).u32(self.dimension)
        return writer.fixed(residues_to_bytes(self.constants)).bytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> EncryptedProbe:
        """Read a message without copying its residues.

        Raises
        ------
        MalformedMessageError
            If the bytes are not what `to_bytes` writes.
        ParameterSetError, DimensionMismatchError
            If it names a parameter set or dimension that this program does not support.
        """
        reader = Reader(data, MessageType.PROBE)
        probe_id, key_id = reader.fixed(ID_SIZE), reader.fixed(ID_SIZE)
        name, dimension = reader.text(), reader.u32()
        shape = columns_shape(dimension, find_parameters(name))
        constants = residues_from_bytes(reader.view(reader.remaining), shape)
        probe = cls(probe_id, key_id, name, dimension, constants)
        probe.check()
        return probe


@dataclass(frozen=True, eq=False)
class EncryptedDistances:
    """The encrypted squared distances of one probe to all positions of one block.

    Attributes
    ----------
    probe_id
        The probe's, 16 bytes.
    block_index, block_version
        The block that it was compared with.
    parameters
        Name of the parameter set.
    residues
        A ciphertext of three polynomials, uint32, shape (3, primes, coefficients).
    """

    probe_id: bytes
    block_index: int
    block_version: int
    parameters: str
    residues: Residues

    def check(self) -> None:
        """Check the shape and the range of the residues (`MalformedMessageError`)."""
        parameters = find_parameters(self.parameters)
        check_residues(self.residues, distances_shape(parameters), 1, parameters)

    def to_bytes(self) -> bytes:
        """Return the message."""
        writer = Writer(MessageType.DISTANCES).fixed(self.probe_id).u32(self.block_index)
        writer.u64(self.block_version).text(self.parameters)
        return writer.fixed(residues_to_bytes(self.residues)).bytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> EncryptedDistances:
        """Read a message without copying its residues.

        Raises
        ------
        MalformedMessageError
            If the bytes are not what `to_bytes` writes.
        ParameterSetError
            If it names a parameter set that this program does not know.
        """
        reader = Reader(data, MessageType.DISTANCES)
        probe_id, index, version = reader.fixed(ID_SIZE), reader.u32(), reader.u64()
        name = reader.text()
        shape = distances_shape(find_parameters(name))
        residues = residues_from_bytes(reader.view(reader.remaining), shape)
        distances = cls(probe_id, index, version, name, residues)
        distances.check()
        return distances


@dataclass(frozen=True, eq=False)
class SearchRequest:
    """Probes to compare with a whole gallery.

    Attributes
    ----------
    gallery_id
        The gallery, 16 bytes.
    probes
        The probes; each is compared with every position of every block.
    known
        Version of the references that the caller has already, by block index. They are asked for by
        whole blocks only, never for candidates: which rows a key owner looks at after decrypting
        would tell the server who was found.
    """

    gallery_id: bytes
    probes: tuple[EncryptedProbe, ...]
    known: Mapping[int, int]


@dataclass(frozen=True, eq=False)
class BlockResult:
    """What a search yields for one block.

    Attributes
    ----------
    header
        The block's header.
    references
        Its references, or None if the caller said that it has those of this version.
    distances
        The encrypted distances, in the order of the probes.
    """

    header: BlockHeader
    references: ReferenceTable | None
    distances: tuple[EncryptedDistances, ...]


@dataclass(frozen=True, eq=False)
class SearchResult:
    """The manifest that a search saw, and its results block by block as they are computed.

    `blocks` can be iterated once; its values come in the order of the manifest's entries.
    """

    manifest: Manifest
    blocks: Iterator[BlockResult]
