"""TLS of a listener: the files of its certificate, and their check."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gallery.errors import ServeError


@dataclass(frozen=True)
class TlsFiles:
    """A certificate chain and its private key, both in PEM files."""

    certificate: Path
    key: Path

    def check(self, now: datetime | None = None) -> None:
        """Check for faults that would stop the start, or make every client refuse the server.

        Parameters
        ----------
        now
            The present time; None for the clock of this machine.

        Raises
        ------
        ServeError
            If a file is no regular one, the certificate has expired or is not valid yet, or the key
            wants a passphrase.
        """
        from cryptography import x509

        for file in (self.certificate, self.key):
            if file.exists() and not file.is_file():
                raise ServeError(f"{file} is no regular file, as certificates and keys have to be")
        now = now or datetime.now(UTC)
        try:
            sealed = b"ENCRYPTED" in self.key.read_bytes()
            certificate = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        except (OSError, ValueError):
            return  # the TLS library says what is wrong
        if sealed:
            # OpenSSL would ask for it at the terminal, and a service that has none would hang.
            raise ServeError(
                f"the key {self.key} is sealed with a passphrase, which nobody types when a "
                "service starts: write it without one, by openssl pkey -in SEALED -out OPEN, "
                "into a file that its owner alone can read"
            )
        first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        if now > last:
            raise ServeError(
                f"the certificate {self.certificate} expired on {last.date()}: no client accepts "
                "it; give a newer one"
            )
        if now < first:
            raise ServeError(
                f"the certificate {self.certificate} is valid from {first.date()}, and this "
                f"machine has {now.date()}: set its clock, or give another certificate"
            )
