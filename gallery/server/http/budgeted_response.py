"""Responses that keep their share of the memory budget until they are sent."""

from __future__ import annotations

from contextlib import ExitStack

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gallery.server.http.openapi import MESSAGE


class BudgetedResponse(Response):
    """A response of one message that ends its reservations when it is sent or the client is gone.

    Parameters
    ----------
    message
        The bytes of the message.
    reservations
        Closed at the end.
    """

    media_type = MESSAGE

    def __init__(self, message: bytes, reservations: ExitStack) -> None:
        super().__init__(message)
        self._reservations = reservations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the message."""
        with self._reservations:
            await super().__call__(scope, receive, send)
