"""A graceful server: bounded connections, and an orderly stop on signals."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn

from gallery.web.connection_gate import ConnectionGate
from gallery.web.connections import HEADER_SECONDS, TimeLimitedProtocol
from gallery.web.pace import Pace

STARTUP_FAILURE = 3
"""Exit code of uvicorn for an application that cannot begin."""


class GracefulServer(uvicorn.Server):
    """A server with connections that are counted, which says that it stops from the first signal.

    Parameters
    ----------
    config
        The configuration of uvicorn.
    pace
        At which a client must read its answer.
    connections
        Connections at a time.
    stopping
        Called when the server is told to stop.
    insisted
        Called when a second interrupt comes before the end; without it the server waits no longer
        for requests in flight.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        pace: Pace,
        *,
        connections: int,
        stopping: Callable[[], None],
        insisted: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(config)
        self._pace, self._stopping, self._insisted = pace, stopping, insisted
        self.gate = ConnectionGate(connections)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen on sockets whose connections are counted, and give TLS handshakes little time.

        It is uvicorn's own, which has no setting for either.
        """
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(STARTUP_FAILURE)
        context = self.config.ssl
        self.servers = [
            await asyncio.get_running_loop().create_server(
                self._connection,
                sock=self.gate.listener(listener),
                ssl=context,
                backlog=self.config.backlog,
                ssl_handshake_timeout=None if context is None else HEADER_SECONDS,
            )
            for listener in sockets or []
        ]
        self.started = True

    def _connection(self) -> TimeLimitedProtocol:
        protocol = TimeLimitedProtocol(self.config, self.server_state, self.lifespan.state)
        protocol.gate, protocol.pace = self.gate, self._pace
        return protocol

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take no more requests, and let the others finish.

        Unlike uvicorn's own, this does not raise the signal again at the end, which would kill the
        process before its work is closed, and make a stop that was asked for look like a crash.
        """
        self._stopping()
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
            if self._insisted is not None:
                self._insisted()
        self.should_exit = True
