"""TLS of a listener: the files of its certificate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TlsFiles:
    """A certificate chain and its private key, both in PEM files."""

    certificate: Path
    key: Path
