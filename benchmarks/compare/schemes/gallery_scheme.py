"""The search scheme of this project, with either kind of parameter set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from benchmarks.shared.block_search import BlockSearch, EnrolledBlock, distances_message
from gallery.arrays import Floats, Residues
from gallery.ciphertexts import blocks
from gallery.client.scheme import ProbeEncryption
from gallery.messages import BlockResult
from gallery.parameters import ParameterSet
from gallery.server.scanning.batching import PROBES_PER_PASS
from gallery.server.scanning.block_reader import blocks_at_once
from gallery.server.scanning.huge_pages import in_huge_pages


@dataclass(frozen=True, eq=False)
class BlockAnswer:
    """The residues that one block and one probe give."""

    block: EnrolledBlock
    probe: ProbeEncryption
    residues: Residues

    @cached_property
    def message(self) -> BlockResult:
        """The answer as a search receives it, before it is checked and decrypted."""
        distances = distances_message(self.block, self.residues)
        return BlockResult(self.block.header, None, (distances,))


class GalleryScheme:
    """Encryption, scan kernel and messages of this project, by their public interfaces.

    Blocks and probes are scanned as many at a time as the service does.
    """

    def __init__(self, parameters: ParameterSet, dimension: int, threads: int = 1) -> None:
        cores = "1 thread" if threads == 1 else f"{threads} threads"
        self.name = f"gallery, {parameters.name}, {cores}"
        self.unit_size = blocks.capacity(parameters)
        self.positions = blocks.reference_positions(parameters)
        self.tolerance = parameters.max_distance_error(dimension)
        self._search = BlockSearch(parameters, dimension, threads)

    def enroll(self, templates: Floats) -> EnrolledBlock:
        return self._search.enroll(templates)

    def copy(self, unit: EnrolledBlock) -> EnrolledBlock:
        return replace(unit, columns=in_huge_pages(unit.columns))

    def encrypt(self, vector: Floats) -> ProbeEncryption:
        return self._search.encrypt(vector)

    def scan(
        self, units: Sequence[EnrolledBlock], probes: Sequence[ProbeEncryption]
    ) -> list[BlockAnswer]:
        answers: list[BlockAnswer] = []
        for first in range(0, len(probes), PROBES_PER_PASS):
            some = probes[first : first + PROBES_PER_PASS]
            step = blocks_at_once(len(some))
            for start in range(0, len(units), step):
                group = units[start : start + step]
                found = self._search.scan(group, some)
                answers = [
                    BlockAnswer(block, probe, residues)
                    for block, row in zip(group, found, strict=True)
                    for probe, residues in zip(some, row, strict=True)
                ]
        return answers

    def check(
        self, units: Sequence[EnrolledBlock], answers: Sequence[BlockAnswer]
    ) -> Callable[[], None] | None:
        check = self._search.check(units)
        if check is None:
            return None
        messages = [answer.message for answer in answers]
        return lambda: check.check([answers[0].probe], messages)

    def decrypt(self, answers: Sequence[BlockAnswer]) -> Floats:
        some, messages = zip(*((answer.block, answer.message) for answer in answers), strict=True)
        return self._search.open([answers[0].probe], messages, some)[:, 0]

    def stored_bytes(self, unit: EnrolledBlock) -> int:
        return unit.stored_bytes

    def sent_bytes(self, probe: ProbeEncryption) -> int:
        return len(self._search.probe_message(probe).to_bytes())

    def answer_bytes(self, answer: BlockAnswer) -> int:
        return len(distances_message(answer.block, answer.residues).to_bytes())
