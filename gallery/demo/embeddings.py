"""Synthetic embeddings: random vectors whose distances behave as those of a face model.

They are of no face. Each subject has a random direction, and each embedding of a subject is that
direction with noise: embeddings of one subject are 0.1 to 0.3 apart in cosine distance, those of
two subjects 0.8 to 1.25. Real photos are not as kind, so nothing here says how accurate a search of
faces is.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from gallery.arrays import Floats
from gallery.client.atomic_file import atomic_write
from gallery.errors import SourceError

DIMENSION: Final = 128
"""Values of an embedding, as many as Facenet's and Dlib's have."""

SUBJECTS: Final = (
    "Ada Lovelace",
    "Alan Turing",
    "Chien-Shiung Wu",
    "Emmy Noether",
    "Évariste Galois",
    "Grace Hopper",
    "Katherine Johnson",
    "Leonhard Euler",
    "Lise Meitner",
    "Marie Curie",
    "Rosalind Franklin",
    "Srinivasa Ramanujan",
)
"""Labels of the enrolled subjects. No photo of any of these people has been measured."""

REFERENCES_EACH: Final = 3
PROBED: Final = ("Ada Lovelace", "Emmy Noether", "Grace Hopper", "Leonhard Euler", "Marie Curie")
STRANGERS: Final = ("stranger 1", "stranger 2", "stranger 3")

# One of the seeds that leave a wide gap between subjects; with others it begins at 0.7.
_SEED: Final = 356
_LEAST_NOISE, _MOST_NOISE = 0.35, 0.6
_LEAST_NORM, _MOST_NORM = 11.0, 13.0


@dataclass(frozen=True, eq=False)
class MadeEmbeddings:
    """Embeddings with the subjects that they stand for.

    Attributes
    ----------
    embeddings
        Shape (n, 128), float32, of norms 11 to 13, as raw embeddings of Facenet have.
    labels
        The n labels.
    """

    embeddings: npt.NDArray[np.float32]
    labels: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class SampleEmbeddings:
    """Embeddings to enroll, and others to search with.

    Attributes
    ----------
    people
        Three references of each subject of `SUBJECTS`.
    probes
        One probe of each of the enrolled subjects of `PROBED`, then one of each of `STRANGERS`.
    """

    people: MadeEmbeddings
    probes: MadeEmbeddings


def make_embeddings() -> SampleEmbeddings:
    """Return the sample embeddings, the same on every call."""
    rng = np.random.default_rng(_SEED)
    names = (*SUBJECTS, *STRANGERS)
    directions = dict(zip(names, _directions(rng, len(names)), strict=True))
    references = tuple(name for name in SUBJECTS for _ in range(REFERENCES_EACH))
    return SampleEmbeddings(
        _embeddings(rng, directions, references),
        _embeddings(rng, directions, (*PROBED, *STRANGERS)),
    )


def write_embeddings(folder: Path) -> tuple[Path, Path]:
    """Write ``people.npz`` and ``probes.npz``, each with the arrays `embeddings` and `labels`.

    Parameters
    ----------
    folder
        Where to write them; it is made if it is not there. Files that hold these samples already
        are left as they are.

    Returns
    -------
    tuple of Path
        The file to enroll and the file to search with.

    Raises
    ------
    SourceError
        If a file of one of these names holds anything else, or the folder cannot be written.
    """
    samples = make_embeddings()
    contents = {
        folder / "people.npz": _npz(samples.people),
        folder / "probes.npz": _npz(samples.probes),
    }
    try:
        lacking = [path for path in contents if not _is_there(path, contents[path])]
        folder.mkdir(parents=True, exist_ok=True)
        for path in lacking:
            with atomic_write(path) as file:
                file.write(contents[path])
    except OSError as error:
        reason = error.strerror or error
        raise SourceError(f"cannot write sample embeddings into {folder}: {reason}") from error
    people, probes = contents
    return people, probes


def _directions(rng: np.random.Generator, count: int) -> Floats:
    vectors = rng.normal(size=(count, DIMENSION))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def _embeddings(
    rng: np.random.Generator,
    directions: dict[str, Floats],
    labels: tuple[str, ...],
) -> MadeEmbeddings:
    """Return an embedding for each label: its direction, with noise of 0.35 to 0.6 its length."""
    centres = np.stack([directions[label] for label in labels])
    amount = rng.uniform(_LEAST_NOISE, _MOST_NOISE, size=(len(labels), 1))
    vectors = centres + amount * _directions(rng, len(labels))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    norms = rng.uniform(_LEAST_NORM, _MOST_NORM, size=(len(labels), 1))
    return MadeEmbeddings((norms * vectors).astype(np.float32), labels)


def _npz(made: MadeEmbeddings) -> bytes:
    """Return the bytes of a file, which depend on nothing but the arrays."""
    file = io.BytesIO()
    np.savez(file, embeddings=made.embeddings, labels=np.array(made.labels))
    return file.getvalue()


def _is_there(path: Path, content: bytes) -> bool:
    """Whether a file holds the sample already; `SourceError` if it holds anything else."""
    if not os.path.lexists(path):
        return False
    if not path.is_file() or path.read_bytes() != content:
        raise SourceError(f"there is {path} already, and it is not the sample; it is left as it is")
    return True
