"""Audited actions, which are in the audit log before the answer to their request is complete."""

from __future__ import annotations

import asyncio
from types import TracebackType

from fastapi import Request
from starlette.requests import ClientDisconnect

from gallery.errors import AccessDeniedError, GalleryError
from gallery.server.audit_log import Action, AuditEvent
from gallery.server.gatekeeper import Grant
from gallery.server.http.problems import failure_of
from gallery.server.http.state import state_of


class AuditedAction:
    """An action that a request asks for, and its entry in the audit log.

    As a context manager it records how its block ended: an error by the name of its class. If the
    log cannot be written the request fails, so that nothing is answered that is not recorded.

    Parameters
    ----------
    request
        The request.
    grant
        The rights of the token that it came with.
    action
        The action.
    gallery_id, gallery
        Identifier and name of the gallery that it is about, if any.
    """

    def __init__(
        self,
        request: Request,
        grant: Grant,
        action: Action,
        gallery_id: bytes | None = None,
        gallery: str | None = None,
    ) -> None:
        self._log = state_of(request).audit
        self._request_id: str = request.state.request_id
        self._grant, self._action = grant, action
        self._gallery = gallery_id, gallery
        self.probes = self.blocks = 0
        self._recorded = False

    async def record(self, result: str = "ok") -> None:
        """Write the entry, once, and wait until it is committed."""
        if self._recorded:
            return
        self._recorded = True
        gallery_id, gallery = self._gallery
        event = AuditEvent(
            self._action,
            self._grant.token_id,
            self._grant.name,
            gallery_id,
            gallery,
            self.probes,
            self.blocks,
            result,
            self._request_id,
        )
        await asyncio.wrap_future(self._log.record(event))

    async def __aenter__(self) -> AuditedAction:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            await self.record()
        else:
            await self.record(_result_of(error))


async def record_denial(
    request: Request,
    token_id: str,
    token_name: str | None,
    gallery_id: bytes | None = None,
    gallery: str | None = None,
) -> None:
    """Record that a token was used for something that it does not allow; see `DenialLog`."""
    event = AuditEvent(
        Action.DENIED,
        token_id,
        token_name,
        gallery_id,
        gallery,
        result=AccessDeniedError.__name__,
        request_id=request.state.request_id,
    )
    route = getattr(request.scope.get("route"), "path", "")
    # A token that is not admitted is told the same everywhere, and the name of a gallery that is
    # not there is its sender's choice.
    kind = f"{request.method} {route} {gallery}" if gallery else ""
    await asyncio.wrap_future(state_of(request).denials.record(event, kind))


def _result_of(error: BaseException) -> str:
    if isinstance(error, asyncio.CancelledError | ClientDisconnect):
        return "abandoned"
    return failure_of(error).kind if isinstance(error, GalleryError) else "failed"
