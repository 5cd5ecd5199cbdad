"""Bytes are shared among owners: each waits for its own share, and in turn for the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack

import pytest

from gallery.errors import RequestTooLargeError, ServerBusyError
from gallery.server.http.byte_budget import ByteBudget


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
            await b.grow(50)
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
            await b.grow(40)
            large = asyncio.create_task(take("c", 45))
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
            await b.grow(40)
            large = asyncio.create_task(c.grow(45))
            await pause()
            small = asyncio.create_task(d.grow(10))
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
