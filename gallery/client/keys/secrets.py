"""The key owner's secrets in memory.

Python cannot wipe memory; these classes prevent that a secret ends up in a log, a traceback, a
pickle or a copy by accident.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gallery.errors import ParameterSetError, SecretExposureError
from gallery.parameters import COMPACT, STANDARD, CkksParameterSet

if TYPE_CHECKING:
    import tenseal as ts

MASTER_SECRET_SIZE = 32
KEY_ID_SIZE = 16
_CONTEXT = b"encrypted-face-gallery/1/"


class Secret:
    """Base of everything that must stay on the key owner's side: no repr, no copy, no pickle."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: redacted>"

    def _refuse(self, *_: object) -> NoReturn:
        raise SecretExposureError(
            f"{type(self).__name__} must not be copied, pickled or sent; "
            "open the key file where it is needed"
        )

    __reduce_ex__ = __reduce__ = __getstate__ = __copy__ = __deepcopy__ = _refuse


class SubKey(Secret):
    """A 32-byte key for one purpose in one gallery."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def mac(self, message: bytes) -> bytes:
        """Return HMAC-SHA-256 of ``message``; 32 bytes."""
        return hmac.digest(self._key, message, hashlib.sha256)

    def verifies(self, message: bytes, mac: bytes) -> bool:
        """Tell, in constant time, whether ``mac`` is the one of ``message``."""
        return hmac.compare_digest(self.mac(message), mac)

    def reveal(self) -> bytes:
        """Return the key itself, to hand it to a cipher and to nothing else."""
        return self._key


class GalleryKey(Secret):
    """The owner's key: a master secret, and a TenSEAL secret context for each parameter set.

    Parameters
    ----------
    master
        32 bytes from the operating system's generator.
    contexts
        TenSEAL's serialised secret contexts by name of the parameter set.
    """

    def __init__(self, master: bytes, contexts: Mapping[str, bytes]) -> None:
        self._master = master
        self._contexts = dict(contexts)
        self.key_id = self._derive(b"key id", b"", KEY_ID_SIZE)

    @classmethod
    def generate(cls) -> GalleryKey:
        """Make a new key with secret contexts for every parameter set.

        Returns
        -------
        GalleryKey
            The key, made from the operating system's generator.
        """
        return cls(
            os.urandom(MASTER_SECRET_SIZE),
            {parameters.name: _new_context(parameters) for parameters in (STANDARD, COMPACT)},
        )

    def subkey(self, purpose: str, gallery_id: bytes) -> SubKey:
        """Return the key for one purpose in one gallery (HKDF-SHA-256, RFC 5869)."""
        return SubKey(self._derive(purpose.encode("ascii"), gallery_id, 32))

    def context(self, parameters: CkksParameterSet) -> ts.Context:
        """Return TenSEAL's secret context for a parameter set.

        Raises
        ------
        ParameterSetError
            If the key was made before that parameter set existed.
        """
        import tenseal as ts

        return ts.context_from(self.serialized_context(parameters))

    def serialized_context(self, parameters: CkksParameterSet) -> bytes:
        """Return TenSEAL's secret context for a parameter set as bytes, to read the key from it.

        Raises
        ------
        ParameterSetError
            If the key was made before that parameter set existed.
        """
        serialized = self._contexts.get(parameters.name)
        if serialized is None:
            raise ParameterSetError(
                f"the key has no secret key for parameter set {parameters.name!r}; "
                f"it has them for {', '.join(sorted(self._contexts))}"
            )
        return serialized

    def reveal(self) -> tuple[bytes, dict[str, bytes]]:
        """Return the secrets themselves, to seal them in a key file and for nothing else."""
        return self._master, dict(self._contexts)

    def _derive(self, purpose: bytes, gallery_id: bytes, length: int) -> bytes:
        info = _CONTEXT + purpose + b"/" + gallery_id
        return HKDF(hashes.SHA256(), length, salt=None, info=info).derive(self._master)


def _new_context(parameters: CkksParameterSet) -> bytes:
    import tenseal as ts

    context = ts.context(
        ts.SCHEME_TYPE.CKKS,
        parameters.poly_modulus_degree,
        coeff_mod_bit_sizes=list(parameters.coeff_mod_bit_sizes),
        encryption_type=ts.ENCRYPTION_TYPE.SYMMETRIC,
    )
    serialized: Any = context.serialize(
        save_public_key=False, save_secret_key=True, save_galois_keys=False, save_relin_keys=False
    )
    return bytes(serialized)
