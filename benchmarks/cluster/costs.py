"""The costs that a simulation is made of, and the sizes of a gallery's messages."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, Self

from gallery.arrays import residue_bytes
from gallery.ciphertexts.bit_packing import packed_size
from gallery.ciphertexts.blocks import capacity
from gallery.parameters import ParameterSet


@dataclass(frozen=True)
class ClusterCosts:
    """Seconds of processors, as they were measured.

    Attributes
    ----------
    pass_seconds
        The server, for a pass: its snapshot, its workers, and probes handed to the first of them.
    send_probe_seconds, read_probe_seconds
        The server, and each worker, for a probe of a pass: made the bytes of a message, and moved;
        and the other way round.
    task_seconds
        The server, for a task: submitting it, and taking what it returns.
    first_scan_seconds, next_scan_seconds
        A worker, for a block and the first probe of a pass, and for each one after that.
    take_seconds
        The server, for the result of a block and probe: moved, and made an object again.
    pack_seconds
        The server, for the same: made the bytes that a key owner gets.
    owner_seconds
        A key owner, for the same: checked, decrypted and ranked.
    """

    pass_seconds: float
    send_probe_seconds: float
    read_probe_seconds: float
    task_seconds: float
    first_scan_seconds: float
    next_scan_seconds: float
    take_seconds: float
    pack_seconds: float
    owner_seconds: float

    @classmethod
    def of(cls, figures: dict[str, Any]) -> Self:
        """Read them out of a report."""
        return cls(**{field.name: float(figures[field.name]) for field in fields(cls)})

    def scan_seconds(self, probes: int) -> float:
        """Return the seconds of a worker for a block and some probes."""
        return self.first_scan_seconds + (probes - 1) * self.next_scan_seconds


@dataclass(frozen=True)
class MessageBytes:
    """Bytes of a block, of a probe, and of a result: from a worker, and to a key owner."""

    block: int
    probe: int
    result: int
    packed_result: int

    @classmethod
    def of(cls, parameters: ParameterSet, columns: int) -> Self:
        """Return those of galleries with a number of columns."""
        bits = parameters.residue_bits
        probe, result = parameters.probe_shape(columns), parameters.result_shape
        return cls(
            block=residue_bytes(parameters.block_shape(columns)),
            probe=packed_size(math.prod(probe), bits),
            result=residue_bytes(result),
            packed_result=packed_size(math.prod(result), bits),
        )


def block_count(references: int, parameters: ParameterSet) -> int:
    """Return the number of blocks that references fill."""
    return -(-references // capacity(parameters))
