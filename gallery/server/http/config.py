"""Configuration of a server: its limits and its certificate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024
GIB = 1024 * MIB


@dataclass(frozen=True)
class TlsFiles:
    """A certificate chain and its private key, both in PEM files."""

    certificate: Path
    key: Path


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
        Memory that the bodies of all requests, and the answers of all searches, may take at a time.
    searches
        Searches at a time; others wait.
    rate
        Requests of one token, as `limits.parse` reads it.
    patience
        How long a request waits for its turn before the server says that it is busy.
    grace, least_rate
        A body, either way, must move at ``least_rate`` bytes a second after the first ``grace``.
    shutdown
        How long requests in flight may take to finish when the server stops.
    """

    cache_size: int = 4 * GIB
    max_request: int = 512 * MIB
    max_restore: int = 256 * GIB
    request_bytes: int = GIB
    answer_bytes: int = GIB
    searches: int = 64
    rate: str = "6000/minute"
    patience: float = 60.0
    grace: float = 10.0
    least_rate: int = 64 * 1024
    shutdown: float = 30.0
