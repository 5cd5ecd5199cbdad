"""Where a cluster is, and how to speak to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ClusterAddress:
    """A Dask scheduler.

    Attributes
    ----------
    scheduler
        Its address, such as ``tcp://127.0.0.1:8786``, or ``tls://`` with the files that follow.
    authorities, certificate, key
        PEM files for ``tls://``: whom to trust, and what to show the scheduler and its workers.
    """

    scheduler: str
    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
