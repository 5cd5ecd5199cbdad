"""The encrypted distances that a probe and a block give."""

from __future__ import annotations

from dataclasses import dataclass

from gallery.arrays import Residues
from gallery.messages.description import ID_SIZE
from gallery.messages.residues import check_residues, read_residues, write_residues
from gallery.messages.wire import MessageType, Reader, Writer
from gallery.parameters import find_parameters


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
        uint32, of the shape that the parameter set gives to a result: a ciphertext of three
        polynomials, (3, primes, coefficients), or masked products, (primes, tiles, slices, 16).
    """

    probe_id: bytes
    block_index: int
    block_version: int
    parameters: str
    residues: Residues

    def check(self) -> None:
        """Check the shape and the range of the residues (`MalformedMessageError`)."""
        parameters = find_parameters(self.parameters)
        axis = parameters.result_prime_axis
        check_residues(self.residues, parameters.result_shape, axis, parameters)

    def to_bytes(self) -> bytes:
        """Return the message."""
        writer = Writer(MessageType.DISTANCES).fixed(self.probe_id).u32(self.block_index)
        writer.u64(self.block_version).text(self.parameters)
        write_residues(writer, self.residues, find_parameters(self.parameters))
        return writer.bytes()

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> EncryptedDistances:
        """Read a message.

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
        parameters = find_parameters(name)
        residues = read_residues(reader, parameters.result_shape, parameters)
        distances = cls(probe_id, index, version, name, residues)
        distances.check()
        return distances
