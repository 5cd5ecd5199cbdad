"""Queues of listeners: order, bounds, and those that do not keep up."""

from __future__ import annotations

import asyncio

import pytest

from gallery.desk.access.scopes import DeskScope, Holder
from gallery.desk.errors import BusyError, TooManyStreamsError
from gallery.desk.listeners import (
    LARGEST,
    LONGEST,
    MOST,
    MOST_EACH,
    Listener,
    Listeners,
    LostListenerError,
)

DOOR = Holder("door", DeskScope.IDENTIFY, token_id="1")
OWNER = Holder("owner", DeskScope.MANAGE)


def test_events_come_in_order_and_waiting_ends() -> None:
    async def listen() -> list[bytes | None]:
        listener = Listener("default", DOOR)
        listener.offer([b"1", b"2"])
        return [await listener.next(10.0), await listener.next(10.0), await listener.next(0.01)]

    assert asyncio.run(listen()) == [b"1", b"2", None]


@pytest.mark.parametrize("events", [[b"x"] * (LONGEST + 1), [bytes(LARGEST // 2 + 1)] * 2])
def test_a_listener_that_does_not_keep_up_is_lost_for_good(events: list[bytes]) -> None:
    async def listen() -> None:
        listener = Listener("default", DOOR)
        listener.offer(events)
        await asyncio.sleep(0)
        listener.offer([b"later"])
        await asyncio.sleep(0)
        for _ in range(2):
            with pytest.raises(LostListenerError):
                await listener.next(0.01)

    asyncio.run(listen())


def test_as_much_as_fits_is_kept() -> None:
    async def listen() -> None:
        listener = Listener("default", DOOR)
        listener.offer([bytes(LARGEST // LONGEST)] * LONGEST)
        for _ in range(LONGEST):
            assert await listener.next(1.0)
        listener.offer([b"more"])
        assert await listener.next(1.0) == b"more"

    asyncio.run(listen())


def test_nothing_is_told_to_a_listener_whose_loop_has_ended() -> None:
    async def make() -> Listener:
        return Listener("default", DOOR)

    asyncio.run(make()).offer([b"x"])


def test_each_and_all_together_have_limits() -> None:
    async def listen() -> None:
        listeners = Listeners()
        held = []
        for number in range(MOST // MOST_EACH):
            holder = Holder("door", DeskScope.IDENTIFY, token_id=str(number))
            for _ in range(MOST_EACH):
                held.append(listeners.listening("default", holder))
                held[-1].__enter__()
        with (
            pytest.raises(TooManyStreamsError),
            listeners.listening("default", Holder("door", DeskScope.IDENTIFY, token_id="0")),
        ):
            pass
        with pytest.raises(BusyError), listeners.listening("default", OWNER):
            pass
        for item in held:
            item.__exit__(None, None, None)
        assert listeners.count == 0

    asyncio.run(listen())


def test_events_are_made_once_for_each_kind_of_listener_and_not_for_others() -> None:
    made: list[bool] = []

    def render(limited: bool) -> list[bytes]:
        made.append(limited)
        return [b"some" if limited else b"all"]

    async def listen() -> None:
        listeners = Listeners()
        listeners.tell("default", DOOR, render)
        assert made == []
        with (
            listeners.listening("default", OWNER) as office,
            listeners.listening("default", OWNER) as second,
            listeners.listening("default", DOOR) as screen,
            listeners.listening("other", OWNER) as elsewhere,
        ):
            listeners.tell("default", DOOR, render)
            heard = [await item.next(0.05) for item in (office, second, screen, elsewhere)]
        assert heard == [b"all", b"all", b"some", None]

    asyncio.run(listen())
    assert made == [False, True]
