"""Bytes are shared among owners: each waits for its own share, and in turn for the rest."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import ExitStack

import pytest

from gallery.errors import RequestTooLargeError, ServerBusyError
from gallery.server.http.byte_budget import ByteBudget
from gallery.server.http.fair_share import FairShare


def run(story: Callable[[ByteBudget], Awaitable[None]], patience: float = 30.0) -> None:
    """Let a story happen with a budget of 100 bytes, of which an owner has 50."""

    async def told() -> None:
        budget = ByteBudget(100, 50, patience)
        await story(budget)
        assert budget.used == 0

    asyncio.run(told())


async def pause() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_reservation_grows_and_shrinks_and_ends() -> None:
    async def story(budget: ByteBudget) -> None:
        with budget.opened("a") as room:
            await room.grow(20)
            await room.grow(50)
            assert (room.size, budget.used) == (50, 50)
            await room.grow(10)
            room.shrink(30)
            assert (room.size, budget.used) == (30, 30)

    run(story)


def test_what_an_owner_can_never_have_is_refused_at_once() -> None:
    async def story(budget: ByteBudget) -> None:
        with budget.opened("a") as room:
            with pytest.raises(RequestTooLargeError, match=r"51 bytes .* may have 50"):
                await room.grow(51)

    run(story)


def test_who_waits_too_long_is_refused_and_leaves_nothing() -> None:
    async def story(budget: ByteBudget) -> None:
        with budget.opened("a") as first, budget.opened("a") as second:
            await first.grow(40)
            with pytest.raises(ServerBusyError):
                await second.grow(20)
            assert budget.used == 40

    run(story, patience=0.05)


def test_an_owner_that_waits_for_its_share_holds_up_nobody() -> None:
    async def story(budget: ByteBudget) -> None:
        with ExitStack() as stack:
            a, more, b = (stack.enter_context(budget.opened(name)) for name in "aab")
            await a.grow(50)
            waiting = asyncio.create_task(more.grow(50))
            await pause()
            await b.grow(25)
            a.shrink(0)
            await waiting

    run(story)


def test_who_waits_is_served_in_the_order_of_coming() -> None:
    async def story(budget: ByteBudget) -> None:
        order = []
        with ExitStack() as stack:
            a, b, c, d = (stack.enter_context(budget.opened(name)) for name in "abcd")

            async def take(name: str, size: int) -> None:
                await {"c": c, "d": d}[name].grow(size)
                order.append(name)

            await a.grow(50)
            await b.grow(20)
            large = asyncio.create_task(take("c", 10))
            await pause()
            small = asyncio.create_task(take("d", 5))  # there is room, and another came before
            await pause()
            assert order == []
            b.shrink(0)
            await asyncio.gather(large, small)
            assert order == ["c", "d"]

    run(story)


def test_one_that_gives_up_lets_the_next_be_served() -> None:
    async def story(budget: ByteBudget) -> None:
        with ExitStack() as stack:
            a, b, c, d = (stack.enter_context(budget.opened(name)) for name in "abcd")
            await a.grow(50)
            await b.grow(20)
            large = asyncio.create_task(c.grow(10))
            await pause()
            small = asyncio.create_task(d.grow(5))
            await pause()
            large.cancel()
            await small
            with pytest.raises(asyncio.CancelledError):
                await large

    run(story)


def test_one_that_gives_up_in_the_moment_of_being_served_keeps_nothing() -> None:
    async def story(budget: ByteBudget) -> None:
        with budget.opened("a") as first, budget.opened("a") as second:
            await first.grow(50)
            waiting = asyncio.create_task(second.grow(20))
            await pause()
            first.shrink(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    run(story)


def test_tokens_together_leave_a_quarter_to_those_that_have_little() -> None:
    """Of 100 bytes an owner has little with 3."""

    async def story(budget: ByteBudget) -> None:
        with ExitStack() as stack:
            first, second, third, new = (stack.enter_context(budget.opened(one)) for one in "abcd")
            await first.grow(50)
            await second.grow(25)
            more = asyncio.create_task(second.grow(26))
            much = asyncio.create_task(third.grow(4))
            await pause()
            await new.grow(3)  # and is held up by nobody
            assert not more.done()
            assert not much.done()
            first.shrink(40)
            await asyncio.gather(more, much)

    run(story)


def test_who_has_little_waits_in_the_order_of_coming_too() -> None:
    async def story(budget: ByteBudget) -> None:
        with ExitStack() as stack:
            full = [stack.enter_context(budget.opened(name)) for name in "abcdefghijkl"]
            for room, size in zip(full, [50, 25, *[3] * 8], strict=False):
                await room.grow(size)
            assert budget.used == 99
            waiting = asyncio.create_task(full[10].grow(3))
            await pause()
            late = asyncio.create_task(full[11].grow(1))  # there is room, and another came before
            await pause()
            assert not late.done()
            full[9].shrink(0)
            await asyncio.gather(waiting, late)

    run(story)


@pytest.mark.parametrize("total", [1, 2, 3, 8, 64, 1000])
def test_a_share_lets_somebody_have_all_that_there_is(total: int) -> None:
    rule, held = FairShare(total, max(1, total // 2)), Counter[int]()
    for owner in range(total):
        while rule.fits(held[owner], 1, total - held.total()):
            held[owner] += 1

    assert held.total() == total
    assert held[0] == max(1, total // 2)
    assert total < 64 or len(held) >= 10
