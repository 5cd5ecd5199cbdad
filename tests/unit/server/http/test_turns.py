"""Requests under way: a token has its number, and several together leave some to others."""

from __future__ import annotations

import pytest

from gallery.errors import ServerBusyError
from gallery.server.http.turns import RequestCount


def enter(count: RequestCount, token: str) -> int:
    """Let requests of a token in until one is refused; return how many came in."""
    for number in range(10_000):
        try:
            count.enter(token)
        except ServerBusyError:
            return number
    raise AssertionError("there is no end")


def test_tokens_together_leave_requests_to_those_that_have_few() -> None:
    count = RequestCount(1000, 256)

    assert [enter(count, token) for token in "abcde"] == [256, 256, 238, 31, 31]
    with pytest.raises(ServerBusyError, match="the token has 256 requests under way"):
        count.enter("a")


def test_a_request_that_ends_makes_room_for_another() -> None:
    count = RequestCount(8, 2)
    assert enter(count, "a") == 2
    count.leave("a")

    assert enter(count, "a") == 1
