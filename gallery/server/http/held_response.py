"""Answers that are large: they hold their share of the server's memory until they are sent."""

from __future__ import annotations

from contextlib import AsyncExitStack

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gallery.server.http.openapi import MESSAGE


class HeldResponse(Response):
    """One message, and what is to be given back when it was sent or the client is gone.

    Parameters
    ----------
    message
        The bytes of the message.
    held
        Closed at the end.
    """

    media_type = MESSAGE

    def __init__(self, message: bytes, held: AsyncExitStack) -> None:
        super().__init__(message)
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the message."""
        async with self._held:
            await super().__call__(scope, receive, send)
