"""Faces that match are put together, chains of two people divided, and strangers left alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gallery.arrays import Floats
from gallery.client.embeddings.templates import to_vectors
from gallery.client.grouping.clusters import ALONE, cluster
from tests.support.builders import description

COSINE = description(dimension=64)

THRESHOLD = 0.1
"""Of cosine distances: vectors of norm 1 that are 0.45 apart match."""


def person(number: int, photos: int, spread: float = 0.05, dimension: int = 64) -> Floats:
    """Return embeddings of one person, near the person's own axis."""
    noise = np.random.default_rng(number).normal(size=(photos, dimension))
    center = np.zeros(dimension)
    center[number] = 1.0
    return center + spread * noise / np.linalg.norm(noise, axis=1, keepdims=True)


def clustered(embeddings: Floats, least: int = 2) -> npt.NDArray[np.int64]:
    return cluster(to_vectors(embeddings, COSINE), COSINE, THRESHOLD, least)


def test_each_person_is_a_group_and_the_largest_comes_first() -> None:
    faces = np.concatenate([person(1, 2), person(2, 20), person(3, 5)])

    labels = clustered(faces)

    assert labels.tolist() == [2] * 2 + [0] * 20 + [1] * 5


def test_strangers_make_no_group() -> None:
    faces = np.concatenate([person(number, 1) for number in range(30)])

    assert (clustered(faces) == ALONE).all()


def test_a_group_has_at_least_so_many_faces() -> None:
    faces = np.concatenate([person(1, 2), person(2, 3)])

    assert clustered(faces, least=3).tolist() == [ALONE] * 2 + [0] * 3


@pytest.mark.parametrize("photos", [1, 2, 3, 4, 10, 40])
def test_all_photos_of_one_person_are_one_group(photos: int) -> None:
    labels = clustered(person(1, photos, spread=0.2))

    assert labels.tolist() == [ALONE if photos == 1 else 0] * photos


def test_one_doubtful_face_does_not_make_one_person_of_two() -> None:
    ada, grace = person(1, 12), person(1, 12)
    apart = np.zeros(64)
    apart[2] = 0.75
    grace = grace + apart
    between = ada[:1] + apart / 2
    faces = np.concatenate([ada, grace, between])

    labels = clustered(faces)

    # It matches faces of both, without which it would be no chain.
    vectors = to_vectors(faces, COSINE)
    matches = 1 - vectors[-1] @ vectors[:-1].T <= THRESHOLD
    assert matches[:12].any()
    assert matches[12:].any()
    assert labels[:12].tolist() in ([0] * 12, [1] * 12)
    assert labels[12:24].tolist() in ([0] * 12, [1] * 12)
    assert labels[0] != labels[12]


def test_nothing_is_clustered_into_nothing() -> None:
    assert cluster(np.zeros((0, 8)), COSINE, THRESHOLD).tolist() == []


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 6)), max_size=6),
    st.floats(0.01, 1.5),
    st.integers(2, 4),
)
def test_groups_are_connected_by_matches_and_large_enough(
    people: list[tuple[int, int]], spread: float, least: int
) -> None:
    some = [person(number, photos, spread, 8) for number, photos in people]
    faces = np.concatenate([np.zeros((0, 8)), *some])
    vectors = faces / np.linalg.norm(faces, axis=1, keepdims=True).clip(1e-9)

    labels = cluster(vectors, COSINE, THRESHOLD, least)

    sizes = np.bincount(labels[labels != ALONE])
    assert (sizes >= least).all()
    assert sorted(sizes, reverse=True) == sizes.tolist()
    matches = 1 - vectors @ vectors.T <= THRESHOLD + 1e-9
    np.fill_diagonal(matches, False)
    for row, label in enumerate(labels):
        assert label == ALONE or matches[row].any()
