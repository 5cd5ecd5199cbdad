"""The gate of connections: all are counted once accepted, and silent ones give way to new ones.

uvicorn counts a connection when it can speak HTTP: one whose TLS handshake does not come is open
and not counted. Here each is counted as soon as it has a socket. When there are as many as may be,
a connection that has asked for nothing makes room for a new one, the one that is silent longest
first. So connections that say nothing shut nobody out, however many are opened.
"""

from __future__ import annotations

import resource
import socket
from collections import OrderedDict
from contextlib import suppress
from typing import Any

CONNECTIONS = 1_000
"""Connections at a time."""

CONNECTION_BYTES = 512 * 1024
"""Memory of a connection that speaks TLS, most of it a buffer of asyncio."""

BUSY_CONNECTIONS = 100
"""Connections beyond those, while all have asked for something; they get 503."""

OTHER_FILES = 200
"""Files and sockets that the process has open beside its connections, and room to spare."""


def raise_file_limit() -> int:
    """Let this process have as many files open as its connections need; return how many may be."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + BUSY_CONNECTIONS + OTHER_FILES
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < limit:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if soft == resource.RLIM_INFINITY else soft


def most_connections() -> int:
    """Return the connections that there may be, by what this process may open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return CONNECTIONS
    return max(1, min(CONNECTIONS, soft - BUSY_CONNECTIONS - OTHER_FILES))


class ConnectionGate:
    """Counts connections and knows which of them are silent; for the thread of one event loop.

    Parameters
    ----------
    most
        Connections at a time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._open = 0
        self._silent: OrderedDict[int, socket.socket] = OrderedDict()
        self._busy: set[int] = set()

    def listener(self, unguarded: socket.socket) -> socket.socket:
        """Return a listening socket in the place of another, whose connections are counted here."""
        return _GatedListener(unguarded, self)

    @property
    def is_full(self) -> bool:
        """Whether more connections have asked for something than there may be."""
        return len(self._busy) > self._most

    @property
    def open(self) -> int:
        """The connections that are open."""
        return self._open

    def admit(self, number: int, end: socket.socket) -> None:
        """Count a new connection, which is silent; if there are too many, end the longest silent.

        Parameters
        ----------
        number
            Number of its file.
        end
            Its socket.
        """
        self._open += 1
        self._silent[number] = end
        if self._open <= self._most:
            return
        if len(self._silent) > 1 or self._open > self._most + BUSY_CONNECTIONS:
            _, longest = self._silent.popitem(last=False)
            # The event loop notices, in a handshake too, and closes it.
            with suppress(OSError):
                longest.shutdown(socket.SHUT_RDWR)

    def speaks(self, number: int) -> None:
        """Note that a connection has asked for something."""
        self._silent.pop(number, None)
        self._busy.add(number)

    def falls_silent(self, number: int, end: socket.socket) -> None:
        """Note that a connection was answered, and may ask again."""
        if number in self._busy:
            self._busy.remove(number)
            self._silent[number] = end

    def closed(self, number: int) -> None:
        """Take a connection out of the count."""
        self._open -= 1
        self._silent.pop(number, None)
        self._busy.discard(number)


class _GatedListener(socket.socket):
    """A listening socket whose connections are counted by a gate.

    Parameters
    ----------
    listener
        The socket to take the place of.
    gate
        The gate.
    """

    def __init__(self, listener: socket.socket, gate: ConnectionGate) -> None:
        family, kind, protocol = listener.family, listener.type, listener.proto
        super().__init__(family, kind, protocol, fileno=listener.detach())
        self._gate = gate

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection, and count it."""
        end, address = super().accept()
        return _GatedSocket(end, self._gate), address


class _GatedSocket(socket.socket):
    """The server's end of a connection, which leaves the gate's count when it is closed."""

    def __init__(self, end: socket.socket, gate: ConnectionGate) -> None:
        super().__init__(end.family, end.type, end.proto, fileno=end.detach())
        self._gate: ConnectionGate | None = gate
        self._number = self.fileno()
        gate.admit(self._number, self)

    def close(self) -> None:
        """Close the connection."""
        gate, self._gate = self._gate, None
        if gate is not None:
            gate.closed(self._number)
        super().close()
