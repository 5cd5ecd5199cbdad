"""Configuration of a server: its limits."""

from __future__ import annotations

from dataclasses import dataclass

from gallery.web.pace import Pace

MIB = 1024 * 1024
GIB = 1024 * MIB


@dataclass(frozen=True)
class ServerConfig:
    """Limits of a server; sizes are in bytes, times in seconds.

    Attributes
    ----------
    cache_size
        Budget of the block cache.
    max_request
        Largest body of one request. Restores, which go through a file, may be larger.
    max_restore
        Largest body of a restore.
    request_bytes, answer_bytes
        Memory that all requests with what is read out of them, and the answers of all searches, may
        take at a time. One token may have half of each; the last quarter is for tokens that have
        little.
    max_probes
        Probes of one search.
    searches
        Searches at a time; others wait. One token may have half of them; the last quarter is for
        tokens that have few.
    token_bodies
        Bodies of one token that are received at a time; others wait.
    token_requests
        Requests of one token at a time, those that wait included; more are refused.
    rate
        Requests of one token, as `limits.parse` reads it.
    patience
        How long a request waits for its turn before the server says that it is busy.
    grace, least_rate, longest
        A body, either way, must move at ``least_rate`` bytes a second after the first ``grace``,
        and faster if it is so large that it would take more than ``longest``. A restore, which
        takes no memory while it comes, may take longer.
    shutdown
        How long requests in flight may take to finish when the server stops.
    """

    cache_size: int = 4 * GIB
    max_request: int = 128 * MIB
    max_restore: int = 256 * GIB
    request_bytes: int = 2 * GIB
    answer_bytes: int = GIB
    max_probes: int = 64
    searches: int = 64
    token_bodies: int = 16
    token_requests: int = 256
    rate: str = "6000/minute"
    patience: float = 60.0
    grace: float = 10.0
    least_rate: int = 64 * 1024
    longest: float = 600.0
    shutdown: float = 30.0

    @property
    def token_searches(self) -> int:
        """Searches of one token at a time."""
        return max(1, self.searches // 2)

    @property
    def pace(self) -> Pace:
        """The least pace of a body."""
        return Pace(self.grace, self.least_rate, self.longest)
