"""The search scheme of this project."""

from __future__ import annotations

import os
from collections.abc import Sequence

from benchmarks.compare.schemes.block_columns import block_columns
from gallery.arrays import Floats, Residues
from gallery.ciphertexts import blocks
from gallery.client import GalleryKey
from gallery.client.ckks import Encryption, make_codec
from gallery.evaluator.native import NativeEvaluator
from gallery.messages import ID_SIZE, EncryptedDistances, EncryptedProbe
from gallery.parameters import MAX_DIMENSION, ParameterSet
from gallery.server.scanning.batching import PROBES_PER_PASS
from gallery.server.scanning.block_reader import BLOCKS_AT_ONCE


class GalleryScheme:
    """Encryption, scan kernel and messages of this project, by their public interfaces.

    Blocks and probes are scanned as many at a time as the service does.
    """

    def __init__(self, parameters: ParameterSet, threads: int = 1) -> None:
        cores = "1 thread" if threads == 1 else f"{threads} threads"
        self.name = f"gallery, {parameters.name}, {cores}"
        self.unit_size = blocks.capacity(parameters)
        self.tolerance = parameters.max_distance_error(MAX_DIMENSION)
        self._parameters, self._key = parameters, GalleryKey.generate()
        self._codec = make_codec("native", self._key, parameters)
        self._evaluator = NativeEvaluator(threads)

    def enroll(self, templates: Floats) -> Residues:
        columns = block_columns(templates, self._parameters)
        return self._codec.encrypt_columns(columns).residues

    def copy(self, unit: Residues) -> Residues:
        return unit.copy()

    def encrypt(self, vector: Floats) -> Encryption:
        return self._codec.encrypt_constants(blocks.probe_constants(vector))

    def scan(self, units: Sequence[Residues], probes: Sequence[Encryption]) -> list[Residues]:
        found: list[list[Residues]] = []
        for first in range(0, len(probes), PROBES_PER_PASS):
            some = [probe.residues for probe in probes[first : first + PROBES_PER_PASS]]
            for start in range(0, len(units), BLOCKS_AT_ONCE):
                group = units[start : start + BLOCKS_AT_ONCE]
                found = self._evaluator.distances_of_blocks(group, some, self._parameters)
        return [residues for answers in found for residues in answers]

    def decrypt(self, answers: Sequence[Residues]) -> Floats:
        found = self._codec.decrypt_distances_many(answers)
        return found[:, blocks.reference_positions(self._parameters)]

    def stored_bytes(self, unit: Residues) -> int:
        return unit.nbytes

    def sent_bytes(self, probe: Encryption) -> int:
        dimension = probe.residues.shape[2] - blocks.EXTRA_COLUMNS
        identifiers = os.urandom(ID_SIZE), self._key.key_id
        name, residues = self._parameters.name, probe.residues
        message = EncryptedProbe(*identifiers, name, dimension, residues, probe.seed)
        return len(message.to_bytes())

    def answer_bytes(self, answer: Residues) -> int:
        message = EncryptedDistances(os.urandom(ID_SIZE), 0, 1, self._parameters.name, answer)
        return len(message.to_bytes())
