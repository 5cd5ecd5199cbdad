"""Ways to search a gallery, all with the same steps, so that the same things are measured of each.

`Scheme` says what the steps are. This project's own is here, `benchmarks.rivals` and
`benchmarks.tensors` have those of others.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from gallery.arrays import Floats, Residues
from gallery.ciphertexts import blocks
from gallery.client import GalleryKey
from gallery.client.ckks import Encryption, make_codec
from gallery.client.embeddings.templates import round_to_grid
from gallery.evaluator.native import NativeEvaluator
from gallery.messages import ID_SIZE, EncryptedDistances, EncryptedProbe
from gallery.parameters import MAX_DIMENSION, ParameterSet
from gallery.server.scanning.batching import PROBES_PER_PASS
from gallery.server.scanning.scanner import BLOCKS_AT_ONCE


class Scheme(Protocol):
    """A way to search. A gallery is a list of units; a unit is what templates are encrypted to.

    Attributes
    ----------
    name
        What it is called in the report.
    unit
        Most templates of a unit.
    tolerance
        Largest error of a squared distance that is as it should be.
    """

    name: str
    unit: int
    tolerance: float

    def enroll(self, templates: Floats) -> Any:
        """Make a unit of at most `unit` vectors of norm 1, shape (n, d)."""

    def copy(self, unit: Any) -> Any:
        """Copy a unit into memory of its own, to make a large gallery quickly."""

    def encrypt(self, vector: Floats) -> Any:
        """Make a probe of a vector of norm 1, shape (d,)."""

    def scan(self, units: Sequence[Any], probes: Sequence[Any]) -> list[Any]:
        """Compare probes with a gallery; returns the answers of the last units and probes."""

    def decrypt(self, answers: Sequence[Any]) -> Floats:
        """Return squared distances, shape (answers, n)."""

    def stored_bytes(self, unit: Any) -> int:
        """Return the bytes of a unit at rest."""

    def sent_bytes(self, probe: Any) -> int:
        """Return the bytes of a probe on the wire."""

    def answer_bytes(self, answer: Any) -> int:
        """Return the bytes of an answer on the wire."""


class Gallery:
    """The project itself: its encryption, kernel and messages, by their public interfaces.

    Blocks and probes are scanned as many at a time as the service does.
    """

    def __init__(self, parameters: ParameterSet, threads: int = 1) -> None:
        cores = "1 thread" if threads == 1 else f"{threads} threads"
        self.name = f"gallery, {parameters.name}, {cores}"
        self.unit = blocks.capacity(parameters)
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


def block_columns(templates: Floats, parameters: ParameterSet) -> Floats:
    """Return the columns of a block that holds templates, shape (d + 2, positions)."""
    columns = blocks.empty_columns(templates.shape[1], parameters)
    positions = blocks.reference_positions(parameters)[: len(templates)]
    blocks.place(columns, positions, round_to_grid(templates, parameters))
    return np.round(columns / parameters.grid) * parameters.grid


def grow(scheme: Scheme, unit: Any, references: int) -> list[Any]:
    """Return a gallery of a unit and as many copies of it as hold so many references."""
    count = -(-references // scheme.unit)
    return [unit, *(scheme.copy(unit) for _ in range(count - 1))]
