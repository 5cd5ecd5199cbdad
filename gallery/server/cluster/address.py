"""The address of a Dask cluster, and the certificates of connections to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from gallery.errors import ServerError
from gallery.hints import Hint
from gallery.url_masking import masked_url
from gallery.web.loopback import is_loopback

SCHEMES = ("tcp", "tls")


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
    plain_tcp
        Whether ``tcp://`` to other machines is allowed: anybody in between, or who reaches the
        scheduler or a worker, can run programs on all of them.

    Raises
    ------
    ServerError
        If the address is not one, holds a user or a password, or is on another machine at
        ``tcp://`` and that is not meant.
    """

    scheduler: str
    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    plain_tcp: bool = False

    def __post_init__(self) -> None:
        scheme, host = _parts(self.scheduler)
        if "@" in self.scheduler:
            raise ServerError(
                "the address of a scheduler has no user and no password: "
                f"{masked_url(self.scheduler)}; it looks like tcp://127.0.0.1:8786"
            )
        if scheme not in SCHEMES or not host:
            raise ServerError(
                f"{masked_url(self.scheduler)} is no address of a cluster; it looks like "
                "tls://scheduler.example.org:8786, or tcp:// on this machine"
            )
        self.check_reach(self.scheduler)

    def check_reach(self, address: str) -> None:
        """Check that an address of the scheduler or a worker may be spoken to (`ServerError`)."""
        scheme, host = _parts(address)
        if scheme == "tls" or self.plain_tcp or is_loopback(host):
            return
        raise ServerError(
            f"{address} is on another machine and speaks no TLS: whoever reaches it, or is on the "
            "way, could run programs on this one",
            hint=Hint.USE_TLS_IN_CLUSTER,
        )


def _parts(address: str) -> tuple[str, str]:
    """Return the scheme and the host of an address, empty where it has none."""
    try:
        parts = urlsplit(address)
        return parts.scheme, parts.hostname or ""
    except ValueError:  # such as half of an IPv6 address
        return "", ""
