"""The address of a Dask cluster, and the certificates to speak to it with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ClusterAddress:
    """The address of a Dask scheduler.

    Attributes
    ----------
    scheduler
        Its address, such as ``tcp://127.0.0.1:8786``, or ``tls://`` with the files that follow.
    authorities, certificate, key
        PEM files for ``tls://``: the authorities to trust, and the certificate, with its key, that
        the scheduler and its workers are shown.
    """

    scheduler: str
    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
