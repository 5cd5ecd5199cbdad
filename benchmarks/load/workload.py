"""The workload: references, probes, and the answers of a search in clear."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.shared.unit_vectors import unit_vectors
from gallery.arrays import Floats
from gallery.parameters import ParameterSet

THRESHOLD = 0.3
"""Cosine distance of a match. Random directions of 64 values or more are much farther apart."""

NOISE = 0.4
"""Norm of what is added to a reference to make a mated probe: a cosine distance of about 0.07."""

PROBES = 1_000
NON_MATED = 0.1
"""Share of probes whose subject is not in the gallery."""

_CHUNK = 50


@dataclass(frozen=True, eq=False)
class SearchAnswer:
    """The answer to one probe: its candidates by rank, and the decision."""

    labels: list[str]
    distances: list[float]
    match: bool
    searched: int


@dataclass(frozen=True, eq=False)
class Workload:
    """References, probes, and what a search in clear finds.

    Attributes
    ----------
    references
        Unit vectors, shape (n, d).
    probes
        Unit vectors, shape (m, d).
    closest
        Index of the reference that is closest to each probe, shape (m,).
    distances
        Its cosine distance, shape (m,).
    mated
        Whether the subject of the probe is enrolled, bool, shape (m,).
    """

    references: Floats
    probes: Floats
    closest: npt.NDArray[np.int64]
    distances: Floats
    mated: npt.NDArray[np.bool_]

    def save(self, folder: Path) -> None:
        """Write it to files that other processes map into their memory."""
        for name, array in vars(self).items():
            np.save(folder / f"{name}.npy", array)

    @classmethod
    def load(cls, folder: Path) -> Workload:
        """Map what `save` wrote."""
        names = cls.__dataclass_fields__
        return cls(**{name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in names})

    def mistake(self, number: int, answer: SearchAnswer, parameters: ParameterSet) -> str | None:
        """Say what is wrong with the answer to a probe, or None if nothing is."""
        probe, tolerance = self.probes[number], tolerance_of(parameters, self.probes.shape[1])
        if answer.searched < len(self.references):
            return "fewer references were searched than there are"
        for label, distance in zip(answer.labels, answer.distances, strict=True):
            in_clear = 1.0 - float(self._vector(label) @ probe)
            if abs(distance - in_clear) > tolerance:
                return "a candidate's distance is not the one in clear"
        if answer.distances[0] > self.distances[number] + tolerance:
            return "the closest reference was not found"
        if answer.match != self.mated[number]:
            return "the decision is wrong"
        if self.mated[number] and answer.labels[0] != reference_label(self.closest[number]):
            return "a mated probe was given to another subject"
        return None

    def _vector(self, label: str) -> Floats:
        kind, *numbers = label.split("-")
        if kind == "reference":
            vector: Floats = self.references[int(numbers[0])]
            return vector
        return new_subject(int(numbers[0]), int(numbers[1]), self.references.shape[1])[1]


def make_workload(references: int, dimension: int) -> Workload:
    """Draw references and probes, and search in clear; always the same for the same sizes."""
    random = np.random.default_rng(1)
    enrolled = unit_vectors(random, references, dimension)
    mated = random.random(PROBES) >= NON_MATED
    shown = random.integers(0, references, PROBES)
    noise = NOISE * unit_vectors(random, PROBES, dimension)
    probes = np.where(mated[:, None], enrolled[shown] + noise, noise)
    probes /= np.linalg.norm(probes, axis=1, keepdims=True)
    closest, distances = [], []
    for start in range(0, PROBES, _CHUNK):
        similarities = probes[start : start + _CHUNK] @ enrolled.T
        closest.append(similarities.argmax(axis=1))
        distances.append(1.0 - similarities.max(axis=1))
    return Workload(enrolled, probes, np.concatenate(closest), np.concatenate(distances), mated)


def tolerance_of(parameters: ParameterSet, dimension: int) -> float:
    """Return the largest error of a cosine distance, which is half a squared distance."""
    return parameters.max_distance_error(dimension) / 2


def reference_label(index: int) -> str:
    """Return the label of a reference that is there from the beginning."""
    return f"reference-{index}"


def new_subject(enroller: int, number: int, dimension: int) -> tuple[str, Floats]:
    """Return label and unit vector of the subject that an enroller adds as its ``number``-th."""
    # A seed that ends with zero is that of another draw: NumPy fills seeds up with zeros.
    random = np.random.default_rng([enroller + 1, number + 1])
    return f"subject-{enroller}-{number}", unit_vectors(random, 1, dimension)[0]
