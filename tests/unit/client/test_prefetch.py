"""One thread ahead: in order, bounded, and gone in the end, whatever happens."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from gallery.client.prefetch import Prefetcher

NAMES = ("first stage", "second stage")


def threads() -> list[str]:
    """Return the names of this test's threads that are alive."""
    return [thread.name for thread in threading.enumerate() if thread.name in NAMES]


def double(number: int) -> int:
    return 2 * number


def test_results_come_in_the_order_of_the_items() -> None:
    with Prefetcher("first stage", double, range(50)) as doubled:
        with Prefetcher("second stage", str, doubled) as texts:
            assert list(texts) == [str(2 * number) for number in range(50)]

    assert threads() == []


def test_the_work_is_done_in_another_thread() -> None:
    with Prefetcher("first stage", lambda _: threading.current_thread().name, [0]) as names:
        assert next(names) == "first stage"


def test_an_item_is_begun_only_when_the_result_before_it_is_taken() -> None:
    begun: list[int] = []
    reached = threading.Semaphore(0)

    def begin(number: int) -> int:
        begun.append(number)
        reached.release()
        return number

    with Prefetcher("first stage", begin, range(9)) as numbers:
        for taken in range(5):
            reached.acquire()
            assert begun == list(range(taken + 1))
            assert next(numbers) == taken


def test_stages_work_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=60)

    def meet(number: int) -> int:
        if number == 1:
            together.wait()  # while the second stage has item 0, and the caller waits too
        return number

    def meet_too(number: int) -> int:
        if number == 0:
            together.wait()
        return number

    with Prefetcher("first stage", meet, range(3)) as first:
        with Prefetcher("second stage", meet_too, first) as second:
            together.wait()
            assert list(second) == [0, 1, 2]


def test_an_error_comes_after_the_results_before_it_and_again_if_asked_again() -> None:
    def fail_at_three(number: int) -> int:
        if number == 3:
            raise ZeroDivisionError("three")
        return number

    with Prefetcher("first stage", fail_at_three, range(9)) as numbers:
        with Prefetcher("second stage", double, numbers) as doubled:
            assert [next(doubled) for _ in range(3)] == [0, 2, 4]
            for _ in range(2):
                with pytest.raises(ZeroDivisionError, match="three"):
                    next(doubled)

    assert threads() == []


def test_an_error_of_the_items_is_passed_on() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise KeyError("source")

    with Prefetcher("first stage", double, items()) as doubled:
        assert next(doubled) == 2
        with pytest.raises(KeyError, match="source"):
            next(doubled)


def test_an_error_of_the_caller_ends_both_threads_and_begins_nothing_more() -> None:
    begun: list[int] = []

    def begin(number: int) -> int:
        begun.append(number)
        return number

    with pytest.raises(KeyboardInterrupt):
        with Prefetcher("first stage", begin, range(1000)) as first:
            with Prefetcher("second stage", double, first) as second:
                next(second)
                raise KeyboardInterrupt

    assert threads() == []
    assert len(begun) <= 3


def test_nothing_to_do_is_nothing() -> None:
    none: list[int] = []
    with Prefetcher("first stage", double, none) as nothing:
        assert list(nothing) == []
        assert list(nothing) == []
