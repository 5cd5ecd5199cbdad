"""Selection of a codec by the name of its backend."""

from __future__ import annotations

from gallery.backends import Backend, find_backend
from gallery.client.ckks.codec import CkksCodec
from gallery.client.keys.secrets import GalleryKey
from gallery.parameters import CkksParameterSet


def make_codec(backend: str, key: GalleryKey, parameters: CkksParameterSet) -> CkksCodec:
    """Make what encrypts and decrypts.

    Parameters
    ----------
    backend
        ``"native"`` or ``"seal"``.
    key
        The owner's key.
    parameters
        The gallery's parameter set.

    Raises
    ------
    GalleryError
        If there is no such backend.
    ParameterSetError
        If the key was made before that parameter set existed.
    """
    if find_backend(backend) is Backend.SEAL:
        from gallery.client.ckks.seal import SealCodec

        return SealCodec(key, parameters)
    from gallery.client.ckks.native import NativeCodec
    from gallery.client.ckks.secret_key import SecretKey

    return NativeCodec(SecretKey.of(key, parameters), parameters)
