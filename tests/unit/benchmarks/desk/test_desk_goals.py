"""The goals of a desk: stated for one size, and for rows of searches of any."""

from __future__ import annotations

from itertools import accumulate, repeat

from benchmarks.desk.desk_goals import REFERENCES, check_memory, check_times
from benchmarks.desk.measurement import SETTLED, SearchRow, SearchTimes


def times(photo: float) -> SearchTimes:
    return SearchTimes(photo, {"decode": 0.04, "embed": 0.4, "search": 0.01}, 0.02, 5.0)


def test_what_is_beyond_detection_and_embedding_is_held_to_a_goal() -> None:
    (met,) = check_times(REFERENCES, [times(0.45)])
    assert met.met
    assert str(met).startswith("a search beyond detection and embedding: 50 ")

    (missed,) = check_times(REFERENCES, [times(0.5)])
    assert not missed.met


def test_galleries_of_other_sizes_have_no_goal() -> None:
    assert check_times(REFERENCES + 1, [times(0.45)]) == []
    assert check_memory([]) == []


def test_a_search_is_taken_apart() -> None:
    item = times(0.46)

    assert round(item.answering, 6) == 0.01
    assert round(item.times_faster, 2) == 10.87


def test_memory_that_grows_with_every_search_misses_the_goal() -> None:
    growing = accumulate(repeat(10_000_000))
    made = [0]

    def search() -> None:
        made[0] += 1

    leaking = SearchRow.of(search, lambda: next(growing), lambda: made[0] * 0.01, 1000)
    steady = SearchRow.of(search, lambda: 300_000_000, lambda: 0.0, 1000)

    assert made == [2 * (SETTLED + 1000)]
    assert (len(steady.resident), steady.growth) == (11, 0)
    assert round(leaking.processor_seconds, 6) == 0.01
    assert [outcome.met for outcome in check_memory([steady, leaking])] == [True, False]
