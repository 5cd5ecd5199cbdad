"""Synthetic labelled embeddings in the shape of "Labeled Faces in the Wild" (Huang et al., 2007).

Of its 5,749 people 4,069 have one photo, one has 530, and all together have 13,233. Embeddings lie
like those of Dlib's model: in a small part of the sphere, with most of their spread in few
directions; cosine distances are about 0.03 for one person and 0.14 for two.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from gallery.arrays import Floats, Integers

PEOPLE, SAMPLES, LARGEST = 5_749, 13_233, 530
_ALONE = 4_069
DIMENSION = 128

_COMMON, _PERSON, _PHOTO = 0.92, 0.34, 0.17
"""Lengths of what all embeddings share, of what a person adds, and of what a photo adds to it."""


def samples_by_person(times: float) -> Integers:
    """Return how many photos each person has, shape (people,), with so many times the people."""
    people, samples = round(times * PEOPLE), round(times * SAMPLES)
    several = people - round(times * _ALONE)
    wanted = samples - (people - several)
    ranks = np.arange(1, several + 1)
    low, high = 0.0, 4.0
    while high - low > 1e-9:
        power = (low + high) / 2.0
        low, high = (power, high) if _counts(ranks, power).sum() > wanted else (low, power)
    counts = _counts(ranks, high)
    missing = wanted - int(counts.sum())
    counts[-missing:] += missing > 0
    return np.concatenate([counts, np.ones(people - several, dtype=np.int64)])


def make_embeddings(samples: Integers, seed: int = 1) -> tuple[npt.NDArray[np.float32], Integers]:
    """Return embeddings, shape (n, 128), and the number of the person of each, shape (n,)."""
    generator = np.random.default_rng(seed)
    subjects = np.repeat(np.arange(len(samples)), samples)
    spread = np.arange(1, DIMENSION + 1) ** -0.5
    spread /= np.linalg.norm(spread)
    common = generator.normal(size=DIMENSION)
    people = generator.normal(size=(len(samples), DIMENSION)) * spread
    quality = generator.lognormal(0.0, 0.25, size=(len(subjects), 1))
    photos: Floats = generator.normal(size=(len(subjects), DIMENSION)) * spread
    embeddings = _COMMON * common / np.linalg.norm(common) + _PERSON * people[subjects]
    return (embeddings + _PHOTO * quality * photos).astype(np.float32), subjects


def write_set(path: Path, times: float) -> int:
    """Write a labelled set of so many times the people of LFW; return its number of samples."""
    embeddings, subjects = make_embeddings(samples_by_person(times))
    labels = np.array([f"person {number}" for number in subjects.tolist()])
    np.savez(path, embeddings=embeddings, labels=labels)
    return len(embeddings)


def _counts(ranks: Integers, power: float) -> Integers:
    """Return at least two photos each, as many as a power law has."""
    return np.maximum(2, np.floor(LARGEST * ranks**-power)).astype(np.int64)
