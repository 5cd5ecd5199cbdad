"""Which engines there are, and how one is made."""

from __future__ import annotations

from typing import Final

from gallery.client.ckks.codec import CkksCodec
from gallery.client.keys.secrets import GalleryKey
from gallery.errors import GalleryError
from gallery.parameters import ParameterSet

ENGINES: Final = ("native", "tenseal")
"""Names that `make_codec` knows; the default first."""


def make_codec(engine: str, key: GalleryKey, parameters: ParameterSet) -> CkksCodec:
    """Make what encrypts and decrypts.

    Parameters
    ----------
    engine
        ``"native"`` or ``"tenseal"``.
    key
        The owner's key.
    parameters
        The gallery's parameter set.

    Raises
    ------
    GalleryError
        If there is no such engine.
    ParameterSetError
        If the key was made before that parameter set existed.
    """
    check_engine(engine)
    if engine == "tenseal":
        from gallery.client.ckks.seal import SealCodec

        return SealCodec(key, parameters)
    from gallery.client.ckks.native import NativeCodec
    from gallery.client.ckks.secret_key import SecretKey

    return NativeCodec(SecretKey.of(key, parameters), parameters)


def check_engine(engine: str) -> None:
    """Check that there is an engine of this name (`GalleryError`)."""
    if engine not in ENGINES:
        raise GalleryError(f"no engine {engine!r}; there are: {', '.join(ENGINES)}")
