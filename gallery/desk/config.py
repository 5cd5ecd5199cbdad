"""The settings of a desk, and the limits that it keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gallery.web.pace import Pace
from gallery.web.tls import TlsFiles

KIB: Final = 2**10
MIB: Final = 2**20


@dataclass(frozen=True)
class DeskConfig:
    """The settings of a desk.

    Attributes
    ----------
    host, port
        Where it listens.
    names
        Further names by which browsers may call it, without ports.
    tls
        Certificate and key; without them it speaks plain HTTP, which only loopback may.
    tokens_only
        Whether browsers sign in with tokens alone, and no address does it.
    idle_lock
        Seconds without a request after which the opened key is dropped.
    session_seconds
        Seconds for which a browser stays signed in, whatever it does.
    max_photo
        Largest photo in bytes.
    max_request
        Largest body in bytes of a request with photos or embeddings.
    max_small_request
        Largest body in bytes of any other request.
    max_bodies
        Bytes that the bodies of all requests under way may have together.
    max_photos
        Most photos of a request.
    max_values
        Most values of a JSON document, such as the numbers of embeddings: each takes some twenty
        times its bytes in memory. It is enough for 4,096 embeddings of 512 values.
    identify_rate
        Searches that one API token may make, as the package `limits` writes rates: some hundred
        scores are enough to recover a template.
    decode_seconds
        Seconds that one photo may take to decode.
    decode_memory
        Bytes of address space of the process that decodes.
    connections
        How many there may be at a time; those that ask for nothing give way to new ones.
    pace
        The least pace at which answers are read.
    shutdown
        Seconds that requests under way have when the desk ends.
    sets
        A folder of this machine, of which each entry may be chosen as a labelled set; None for
        none.
    """

    host: str = "127.0.0.1"
    port: int = 8480
    names: tuple[str, ...] = ()
    tls: TlsFiles | None = None
    tokens_only: bool = False
    idle_lock: float = 900.0
    session_seconds: float = 12 * 3600.0
    max_photo: int = 32 * MIB
    max_request: int = 128 * MIB
    max_small_request: int = 64 * KIB
    max_bodies: int = 256 * MIB
    max_photos: int = 100
    max_values: int = 2**21
    identify_rate: str = "60/minute"
    decode_seconds: float = 20.0
    decode_memory: int = 4096 * MIB
    connections: int = 200
    pace: Pace = field(default_factory=lambda: Pace(20.0, 64 * KIB, 600.0))
    shutdown: float = 20.0
    sets: Path | None = None

    @property
    def scheme(self) -> str:
        """``https`` with a certificate, else ``http``."""
        return "https" if self.tls else "http"
