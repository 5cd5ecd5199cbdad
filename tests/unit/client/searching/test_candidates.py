"""The candidate list against the plainest way to make one: sort everything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gallery.client.searching.candidates import NOWHERE, Identification, Rankings, split
from gallery.distances import Metric


def sort_everything(blocks: list[list[float]], k: int) -> list[tuple[float, int, int]]:
    """Return (distance, block, position) of the k closest; equal ones in the order of places."""
    everything = [
        (distance, block, position)
        for block, distances in enumerate(blocks)
        for position, distance in enumerate(distances)
    ]
    return sorted(everything)[:k]


def rank(blocks: list[list[float]], k: int) -> list[tuple[float, int, int]]:
    (ranked,) = rank_many([[distances] for distances in blocks], k)
    return ranked


def rank_many(
    blocks: list[list[list[float]]], k: int, count: int = 1
) -> list[list[tuple[float, int, int]]]:
    """Return what is ranked for each of several probes; a block has a row for each of them."""
    rankings = Rankings(count, k)
    for index, rows in enumerate(blocks):
        squared = np.array(rows, dtype=np.float64)
        rankings.add(squared, np.arange(squared.shape[1]), index)
    lists = zip(rankings.squared().tolist(), map(split, rankings.places()), strict=True)
    return [
        [(distance, *place) for distance, place in zip(*lines, strict=True) if place[0] >= 0]
        for lines in lists
    ]


distinct = st.lists(st.lists(st.floats(0.0, 4.0), unique=True, max_size=40), max_size=4)
full_of_ties = st.lists(st.lists(st.sampled_from([0.0, 1.0, 2.0]), max_size=60), max_size=4)


@settings(max_examples=200)
@given(distinct, st.integers(1, 12))
def test_the_closest_are_those_that_sorting_everything_gives(
    blocks: list[list[float]], k: int
) -> None:
    assert rank(blocks, k) == sort_everything(blocks, k)


@settings(max_examples=200)
@given(full_of_ties, st.integers(1, 12))
@example([[1.0] * 30], 3)
@example([[2.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 2.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0]], 6)
def test_of_equally_close_ones_the_first_positions_of_the_first_blocks_are_listed(
    blocks: list[list[float]], k: int
) -> None:
    assert rank(blocks, k) == sort_everything(blocks, k)


def test_a_gallery_smaller_than_the_list_gives_all_it_has() -> None:
    assert rank([[0.5], [], [0.25, 0.75]], 10) == [(0.25, 2, 0), (0.5, 0, 0), (0.75, 2, 1)]


def test_lists_that_are_not_full_are_padded() -> None:
    rankings = Rankings(2, 3)
    rankings.add(np.array([[0.5], [0.25]]), np.array([7]), 1)

    assert rankings.squared().tolist() == [[0.5, np.inf, np.inf], [0.25, np.inf, np.inf]]
    assert (rankings.places()[:, 1:] == NOWHERE).all()
    assert split(rankings.places()[0]) == [(1, 7), (-1, 2**32 - 1), (-1, 2**32 - 1)]


def test_an_empty_gallery_gives_empty_lists() -> None:
    rankings = Rankings(1, 5)
    rankings.add(np.empty((1, 0)), np.empty(0, dtype=np.intp), 0)

    assert np.isinf(rankings.squared()).all()
    assert (Rankings(1, 5).places() == NOWHERE).all()


def test_the_positions_listed_are_those_that_were_given_with_the_distances() -> None:
    rankings = Rankings(1, 2)

    rankings.add(np.array([[0.3, 0.1, 0.2]]), np.array([17, 2050, 4094]), 9)

    assert split(rankings.places()[0]) == [(9, 2050), (9, 4094)]


@pytest.mark.parametrize("waiting", [0, 50, 10**6])
@pytest.mark.parametrize("k", [1, 7, 100, 1000])
def test_each_probe_has_its_own_list_however_often_lists_are_merged(
    k: int, waiting: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gallery.client.searching.candidates._MERGED_AT_ONCE", waiting)
    blocks = np.random.default_rng(k).integers(0, 40, size=(6, 5, 90)).astype(float)

    ranked = rank_many(blocks.tolist(), k, count=5)

    for row in range(5):
        assert ranked[row] == sort_everything(blocks[:, row].tolist(), k)


def test_a_slightly_negative_distance_is_the_closest() -> None:
    assert rank([[0.0, -1e-9, 1e-9]], 1) == [(-1e-9, 0, 1)]


def test_the_distances_given_are_not_changed() -> None:
    distances, positions = np.array([[3.0, 1.0, 2.0]]), np.arange(3)

    Rankings(1, 1).add(distances, positions, 0)

    assert distances.tolist() == [[3.0, 1.0, 2.0]]
    assert positions.tolist() == [0, 1, 2]


@pytest.mark.parametrize("count", [0, 3])
def test_an_identification_is_as_long_as_the_batch_of_probes(count: int) -> None:
    texts = np.full((count, 2), "", dtype=str)

    made = Identification(
        distances=np.full((count, 2), np.inf),
        reference_ids=texts,
        labels=texts,
        decisions=np.zeros(count, dtype=bool),
        searched=np.zeros(count, dtype=np.int64),
        threshold=0.4,
        metric=Metric.COSINE,
    )

    assert len(made) == count
