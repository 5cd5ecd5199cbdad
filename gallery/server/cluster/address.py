"""The address of a Dask cluster, and the certificates to speak to it with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gallery.errors import ServerError
from gallery.url_masking import masked_url


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

    Raises
    ------
    ServerError
        If the address holds a user or a password.
    """

    scheduler: str
    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what would be printed, and means nothing to Dask."""
        if "@" in self.scheduler:
            raise ServerError(
                f"the address of a scheduler has no user and no password: "
                f"{masked_url(self.scheduler)}; it looks like tcp://127.0.0.1:8786"
            )
