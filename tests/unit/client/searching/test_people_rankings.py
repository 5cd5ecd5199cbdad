"""Rankings of people against the plainest way to make them: to sort everybody."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gallery.client.searching.people_rankings import PeopleRankings
from gallery.client.searching.rankings import NOWHERE, Places, Rankings, Subjects, Ties, split

Block = list[tuple[float, int]]
"""Squared distance and subject of each position."""

distances = st.integers(0, 12).map(lambda step: step / 8)
blocks = st.lists(
    st.lists(st.tuples(distances, st.integers(0, 4)), min_size=1, max_size=9),
    min_size=1,
    max_size=4,
)


def ties_of(content: list[Block], margin: float = 0.0, limit: float = np.inf) -> Ties:
    def subjects(places: Places) -> Subjects:
        found = [content[block][position][1] for block, position in split(places)]
        return np.array(found, dtype=np.uint64)

    return Ties(margin, limit, subjects)


def rank(
    content: list[Block], k: int, ties: Ties, probes: int = 1, scale: float = 1.0
) -> list[list[tuple[float, int]]]:
    """Return squared distance and subject of the k people of each probe."""

    def subjects_of(index: int) -> Subjects:
        return np.array([subject for _, subject in content[index]], dtype=np.uint64)

    rankings = PeopleRankings(probes, k, ties, subjects_of)
    for index, block in enumerate(content):
        row = np.array([distance for distance, _ in block])
        squared = np.stack([row * scale**number for number in range(probes)])
        rankings.add(squared, np.arange(len(block)), index)
    squared, places = rankings.lists()
    return [
        [
            (float(distance), content[block][position][1])
            for distance, (block, position) in zip(row, split(where), strict=True)
            if block >= 0
        ]
        for row, where in zip(squared, places, strict=True)
    ]


def everybody(content: list[Block], k: int) -> list[tuple[float, int]]:
    """Return distance and subject of the k people; at equal distances by subject."""
    closest: dict[int, float] = {}
    for distance, subject in (item for block in content for item in block):
        closest[subject] = min(distance, closest.get(subject, np.inf))
    return sorted((distance, subject) for subject, distance in closest.items())[:k]


@given(blocks, st.integers(1, 6))
@example([[(0.0, 0)] * 9, [(0.5, 1), (0.25, 2)]], 2)
@example([[(1.0, 3)], [(0.5, 3), (0.5, 1)], [(0.25, 0)]], 3)
@settings(max_examples=200)
def test_people_are_ranked_by_their_closest_reference(content: list[Block], k: int) -> None:
    (found,) = rank(content, k, ties_of(content))

    assert found == everybody(content, k)


@given(blocks, st.integers(1, 4))
def test_each_probe_has_a_list_of_its_own(content: list[Block], k: int) -> None:
    found = rank(content, k, ties_of(content), probes=3, scale=0.5)

    expected = everybody(content, k)
    assert found == [
        [(distance * 0.5**number, subject) for distance, subject in expected] for number in range(3)
    ]


@given(blocks, st.integers(2, 6), st.sampled_from([0.0, 0.125, 0.3]), distances)
def test_the_first_is_the_person_of_the_closest_reference(
    content: list[Block], k: int, margin: float, limit: float
) -> None:
    ties = ties_of(content, margin, limit)
    references = Rankings(1, 1, ties)
    for index, block in enumerate(content):
        row = np.array([[distance for distance, _ in block]])
        references.add(row, np.arange(len(block)), index)
    squared, places = references.lists()

    ((first, *_),) = rank(content, k, ties)

    assert first == (float(squared[0, 0]), int(ties.subjects(places[0])[0]))


@given(blocks, st.integers(1, 6), st.sampled_from([0.125, 0.3]))
def test_nobody_is_listed_twice_and_none_that_is_farther_than_noise_explains(
    content: list[Block], k: int, margin: float
) -> None:
    (found,) = rank(content, k, ties_of(content, margin))

    exact = everybody(content, k)
    assert len(found) == len(exact)
    assert len({subject for _, subject in found}) == len(found)
    for (distance, _), (closest, _) in zip(found, exact, strict=True):
        assert abs(distance - closest) <= 2 * margin


def test_a_person_of_a_thousand_references_takes_one_place() -> None:
    crowd: Block = [(0.001 * number, 7) for number in range(1000)]
    others: Block = [(2.0 + number, number) for number in range(3)]

    (found,) = rank([crowd, others, crowd], 3, ties_of([crowd, others, crowd]))

    assert found == [(0.0, 7), (2.0, 0), (3.0, 1)]


def test_lists_of_nobody_are_padded() -> None:
    rankings = PeopleRankings(2, 3, ties_of([]), lambda _: np.empty(0, np.uint64))

    squared, places = rankings.lists()

    assert np.isinf(squared).all()
    assert (places == NOWHERE).all()


@pytest.mark.parametrize("people", [1, 40, 4000])
def test_large_blocks_agree_with_plain_sorting(people: int) -> None:
    generator = np.random.default_rng(people)
    content = [
        list(
            zip(
                generator.random(4094).tolist(),
                generator.integers(people, size=4094).tolist(),
                strict=True,
            )
        )
        for _ in range(3)
    ]

    (found,) = rank(content, 5, ties_of(content))

    assert found == everybody(content, 5)
