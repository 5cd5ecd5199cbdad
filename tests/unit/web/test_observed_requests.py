"""Observed requests: the report of a request that has ended."""

from __future__ import annotations

import asyncio
import contextlib
from types import SimpleNamespace

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from gallery.web.observed_requests import Answered, ObservedRequests


async def came() -> Message:
    return {"type": "http.request", "body": b"four", "more_body": False}


async def nobody(_: Message) -> None:
    """Take an answer."""


async def answers(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    scope["route"] = SimpleNamespace(path="/people/{label}")
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b"sixsix"})


async def leaves(scope: Scope, receive: Receive, send: Send) -> None:
    raise ClientDisconnect


async def breaks(scope: Scope, receive: Receive, send: Send) -> None:
    raise ValueError("the label of Ada")


def observed(app: object, method: str = "POST") -> Answered:
    told: list[Answered] = []
    requests = ObservedRequests(app, lambda _, request: told.append(request))  # type: ignore[arg-type]
    with contextlib.suppress(ValueError):
        asyncio.run(requests({"type": "http", "method": method}, came, nobody))
    (request,) = told
    return request


def test_a_request_is_told_by_its_route_and_not_by_its_path() -> None:
    request = observed(answers)

    assert (request.method, request.route, request.status) == ("POST", "/people/{label}", 204)
    assert (request.bytes_in, request.bytes_out) == (4, 6)
    assert request.seconds >= 0


@pytest.mark.parametrize(("app", "status"), [(leaves, 499), (breaks, 500)])
def test_a_request_without_an_answer_is_told_too(app: object, status: int) -> None:
    assert observed(app).status == status


def test_a_method_that_is_none_is_not_repeated() -> None:
    assert observed(answers, "ADA-LOVELACE").method == "OTHER"
