"""Rankings against the plainest way to make them, to sort everything; and what noise may not do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gallery.client.searching.rankings import (
    NOWHERE,
    Places,
    Rankings,
    SubjectRankings,
    Subjects,
    Ties,
    split,
)


def all_the_same(places: Places) -> Subjects:
    return np.zeros(len(places), dtype=np.uint64)


EXACT = Ties(0.0, np.inf, all_the_same)
"""Only equal distances tie, and places decide."""


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
    rankings = Rankings(count, k, EXACT)
    for index, rows in enumerate(blocks):
        squared = np.array(rows, dtype=np.float64)
        rankings.add(squared, np.arange(squared.shape[1]), index)
    squared, places = rankings.lists()
    lists = zip(squared.tolist(), map(split, places), strict=True)
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
    rankings = Rankings(2, 3, EXACT)
    rankings.add(np.array([[0.5], [0.25]]), np.array([7]), 1)

    squared, places = rankings.lists()
    assert squared.tolist() == [[0.5, np.inf, np.inf], [0.25, np.inf, np.inf]]
    assert (places[:, 1:] == NOWHERE).all()
    assert split(places[0]) == [(1, 7), (-1, 2**32 - 1), (-1, 2**32 - 1)]


def test_an_empty_gallery_gives_empty_lists() -> None:
    rankings = Rankings(1, 5, EXACT)
    rankings.add(np.empty((1, 0)), np.empty(0, dtype=np.intp), 0)

    assert np.isinf(rankings.lists()[0]).all()
    assert (Rankings(1, 5, EXACT).lists()[1] == NOWHERE).all()


def test_the_positions_listed_are_those_that_were_given_with_the_distances() -> None:
    rankings = Rankings(1, 2, EXACT)

    rankings.add(np.array([[0.3, 0.1, 0.2]]), np.array([17, 2050, 4094]), 9)

    assert split(rankings.lists()[1][0]) == [(9, 2050), (9, 4094)]


@pytest.mark.parametrize("waiting", [0, 50, 10**6])
@pytest.mark.parametrize("k", [1, 7, 100, 1000])
def test_each_probe_has_its_own_list_however_often_lists_are_merged(
    k: int, waiting: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gallery.client.searching.rankings._MERGED_AT_ONCE", waiting)
    blocks = np.random.default_rng(k).integers(0, 40, size=(6, 5, 90)).astype(float)

    ranked = rank_many(blocks.tolist(), k, count=5)

    for row in range(5):
        assert ranked[row] == sort_everything(blocks[:, row].tolist(), k)


def test_a_slightly_negative_distance_is_the_closest() -> None:
    assert rank([[0.0, -1e-9, 1e-9]], 1) == [(-1e-9, 0, 1)]


def test_the_distances_given_are_not_changed() -> None:
    distances, positions = np.array([[3.0, 1.0, 2.0]]), np.arange(3)

    Rankings(1, 1, EXACT).add(distances, positions, 0)

    assert distances.tolist() == [[3.0, 1.0, 2.0]]
    assert positions.tolist() == [0, 1, 2]


MARGIN = 2e-3


def by_position(places: Places) -> Subjects:
    """Every third position shows the same person."""
    return np.array([position % 3 for _, position in split(places)], dtype=np.uint64)


def ranked_with_noise(
    distances: np.ndarray, k: int, limit: float, seed: int
) -> tuple[list[tuple[int, int]], tuple[int, int] | None]:
    """Return the candidates of one probe, and who else could be meant, of noisy distances.

    The noise is as large as a parameter set states; blocks have 10 positions.
    """
    noisy = distances + np.random.default_rng(seed).uniform(-MARGIN / 2, MARGIN / 2, len(distances))
    ties = Ties(MARGIN, limit, by_position)
    rankings, subjects = Rankings(1, k, ties), SubjectRankings(1, ties)
    for index, some in enumerate(np.split(noisy, range(10, len(noisy), 10))):
        for target in (rankings, subjects):
            target.add(some[None], np.arange(len(some)), index)
    _, places = rankings.lists()
    _, seconds = subjects.seconds(places[:, 0])
    second = split(seconds)[0]
    return split(places[0]), None if second[0] < 0 else second


def number_of(place: tuple[int, int]) -> int:
    return 10 * place[0] + place[1]


@pytest.mark.parametrize("limit", [0.0, 0.3, 0.5, 4.0])
@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize(
    "tied",
    [[3, 7], [0, 25, 13], [1, 2, 3, 4], list(range(30))],
    ids=["two", "three in several blocks", "four", "all"],
)
def test_noise_never_orders_what_is_equally_close(tied: list[int], k: int, limit: float) -> None:
    distances = np.linspace(0.5, 1.9, 30)
    distances[tied] = 0.25

    lists = {tuple(ranked_with_noise(distances, k, limit, seed)[0]) for seed in range(40)}

    assert len({found[: len(tied)] for found in lists}) == 1
    assert all(number_of(found[0]) in tied for found in lists)


def test_what_can_be_told_apart_keeps_its_order() -> None:
    distances = np.arange(30)[::-1] * 2.01 * MARGIN

    for seed in range(40):
        found, _ = ranked_with_noise(distances, 30, 4.0, seed)
        assert [number_of(place) for place in found] == list(range(30))[::-1]


def test_a_chain_of_neighbours_makes_no_group_that_is_larger_than_the_margin() -> None:
    """In a large gallery every distance has one that is close to it."""
    distances = np.linspace(0.0, 3.0 * MARGIN, 30)

    for seed in range(40):
        found, _ = ranked_with_noise(distances, 1, 4.0, seed)
        assert distances[number_of(found[0])] <= 2.0 * MARGIN


def test_what_matches_comes_before_what_does_not() -> None:
    ties = Ties(MARGIN, 0.25, by_position)
    rankings = Rankings(1, 2, ties)
    rankings.add(np.array([[0.25 + MARGIN / 2, 0.25]]), np.array([0, 1]), 0)

    assert [position for _, position in split(rankings.lists()[1][0])] == [1, 0]


@pytest.mark.parametrize(
    ("distances", "limit", "second"),
    [
        ([0.1, 0.2, 0.9], 0.3, 1),
        ([0.1, 0.9, 0.9, 0.2], 0.3, None),
        ([0.1, 0.9, 0.9, 0.2, 0.25], 0.3, 4),
        ([0.1, 0.4, 0.9], 0.3, None),
        ([0.4, 0.4, 0.9], 0.3, None),
        ([0.1], 0.3, None),
    ],
    ids=[
        "within the threshold",
        "the same person again",
        "behind the same person",
        "beyond the threshold",
        "no match at all",
        "nobody else",
    ],
)
def test_a_second_person_that_could_be_meant_is_found(
    distances: list[float], limit: float, second: int | None
) -> None:
    for seed in range(20):
        found, other = ranked_with_noise(np.array(distances), 1, limit, seed)
        assert number_of(found[0]) == 0 or distances[0] > limit
        assert (None if other is None else number_of(other)) == second


def test_a_second_person_beyond_the_threshold_that_cannot_be_told_apart_is_found() -> None:
    ties = Ties(MARGIN, 0.25, by_position)
    subjects = SubjectRankings(1, ties)
    subjects.add(np.array([[0.2499, 0.2501]]), np.array([0, 1]), 0)

    squared, places = subjects.seconds(np.array([0]))

    assert split(places) == [(0, 1)]
    assert squared.tolist() == [0.2501]
