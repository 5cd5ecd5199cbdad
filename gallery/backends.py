"""The backends of homomorphic encryption, which encrypt, decrypt and compare.

Both sides choose by the same names. The backends make the same ciphertexts and the same encrypted
distances, so that one side's choice binds the other to nothing.
"""

from __future__ import annotations

from enum import StrEnum

from gallery.errors import GalleryError


class Backend(StrEnum):
    """A backend; the default is the first."""

    NATIVE = "native"
    """This project's own kernels, the fast ones."""
    SEAL = "seal"
    """SEAL through TenSEAL: slow, and there to check the other."""


def find_backend(name: str) -> Backend:
    """Look up a backend by its name.

    Parameters
    ----------
    name
        ``"native"`` or ``"seal"``.

    Returns
    -------
    Backend

    Raises
    ------
    GalleryError
        If there is no such backend. The message lists the names there are.
    """
    try:
        return Backend(name)
    except ValueError:
        raise GalleryError(f"no backend {name!r}; there are: {', '.join(Backend)}") from None
