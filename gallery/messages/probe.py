"""An encrypted probe: what a key owner sends to have a gallery searched."""

from __future__ import annotations

from dataclasses import dataclass

from gallery.arrays import Residues
from gallery.ciphertexts.blocks import columns_shape
from gallery.messages.description import ID_SIZE
from gallery.messages.residues import check_residues, read_columns, write_columns
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
        `gallery.ciphertexts.blocks.columns_shape` gives.
    seed
        What the uniform halves of the ciphertexts were expanded from, 32 bytes, which then travels
        in their place; None if they do not come from a seed.
    """

    probe_id: bytes
    key_id: bytes
    parameters: str
    dimension: int
    constants: Residues
    seed: bytes | None = None

    def check(self) -> None:
        """Check the shape and the range of the residues (`MalformedMessageError`)."""
        parameters = find_parameters(self.parameters)
        shape = columns_shape(self.dimension, parameters)
        check_residues(self.constants, shape, 0, parameters)

    def to_bytes(self) -> bytes:
        """Return the message."""
        writer = Writer(MessageType.PROBE).fixed(self.probe_id).fixed(self.key_id)
        writer.text(self.parameters).u32(self.dimension)
        write_columns(writer, self.constants, self.seed)
        return writer.bytes()

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> EncryptedProbe:
        """Read a message.

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
        constants, seed = read_columns(reader, dimension, find_parameters(name))
        probe = cls(probe_id, key_id, name, dimension, constants, seed)
        probe.check()
        return probe
