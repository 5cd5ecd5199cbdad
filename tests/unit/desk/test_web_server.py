"""The address that the desk prints, and its log of a client that leaves."""

from __future__ import annotations

import asyncio
import logging

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from gallery.desk import DeskConfig
from gallery.desk.request_log import RequestLog
from gallery.desk.web_server import address_of
from tests.support import desks

__all__ = ["desks"]


@pytest.mark.parametrize(
    ("host", "names", "printed"),
    [
        ("127.0.0.1", (), "127.0.0.1"),
        ("::1", (), "[::1]"),
        ("[::1]", (), "[::1]"),
        ("0.0.0.0", (), "localhost"),
        ("::", ("desk.example.org",), "desk.example.org"),
    ],
)
def test_the_printed_address_can_be_opened(host: str, names: tuple[str, ...], printed: str) -> None:
    config = DeskConfig(host=host, names=names, port=8480)

    assert address_of(config) == f"http://{printed}:8480"


def test_a_client_that_leaves_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    async def leaves(scope: Scope, receive: Receive, send: Send) -> None:
        raise ClientDisconnect

    async def nothing() -> Message:
        return {"type": "http.disconnect"}

    async def nobody(_: Message) -> None:
        raise AssertionError("there is nobody to answer")

    scope = {"type": "http", "method": "POST"}
    with caplog.at_level(logging.INFO):
        asyncio.run(RequestLog(leaves)(scope, nothing, nobody))

    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert '"status": 499' in caplog.text
