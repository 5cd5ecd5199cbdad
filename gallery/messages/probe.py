"""An encrypted probe, which a key owner sends to have a gallery searched."""

from __future__ import annotations

from dataclasses import dataclass

from gallery.arrays import Residues
from gallery.ciphertexts.blocks import column_count
from gallery.messages.block import read_columns_count
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
        Residues of the ciphertexts of its constants, one for each column of a block, uint32, of
        the shape that the parameter set gives to a probe: (primes, tiles, columns, ...).
    seed
        The seed of the uniform halves of the ciphertexts, 32 bytes, which then travels in their
        place; None if they do not come from a seed.
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
        check_residues(self.constants, parameters.probe_shape(self.columns), 0, parameters)

    @property
    def columns(self) -> int:
        """Columns of the blocks that the probe is for."""
        return int(self.constants.shape[2]) if self.constants.ndim > 2 else 0

    def to_bytes(self) -> bytes:
        """Return the message."""
        writer = Writer(MessageType.PROBE).fixed(self.probe_id).fixed(self.key_id)
        parameters = find_parameters(self.parameters)
        writer.text(self.parameters).u32(self.dimension)
        if parameters.hint_shape is not None:
            writer.u32(self.columns)
        write_columns(writer, self.constants, self.seed, parameters)
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
        parameters = find_parameters(name)
        parameters.check_dimension(dimension)
        hinted = parameters.hint_shape is not None
        columns = read_columns_count(reader, dimension) if hinted else column_count(dimension)
        constants, seed = read_columns(reader, parameters.probe_shape(columns), parameters)
        probe = cls(probe_id, key_id, name, dimension, constants, seed)
        probe.check()
        return probe
