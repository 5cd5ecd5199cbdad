"""Sealing of what only the owner may read: authenticated encryption, bound to its place.

ChaCha20-Poly1305 (RFC 8439) under a subkey of its own for each purpose and gallery, with a nonce of
96 bits before each ciphertext. The nonce is synthetic: a keyed hash of random bytes, the place and
the content. So a generator that repeats itself, as after a virtual machine was put back to a
snapshot, never gives one nonce to two contents, with which both would lie open. A gallery seals a
few million labels at most, so that two nonces are equal with a probability below 2^-50.
"""

from __future__ import annotations

import hashlib
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from gallery.client.keys.secrets import SubKey
from gallery.errors import AuthenticationError

_NONCE_SIZE: Final = 12


class Sealer:
    """Seals and opens the values of one purpose in one gallery.

    Parameters
    ----------
    subkey
        The owner's subkey for this purpose and gallery.
    gallery_id
        The gallery, 16 bytes; a value of another gallery does not open.
    """

    def __init__(self, subkey: SubKey, gallery_id: bytes) -> None:
        self._cipher = ChaCha20Poly1305(subkey.reveal())
        self._nonces = SubKey(subkey.mac(b"nonces"))
        self._gallery_id = gallery_id

    def seal(self, plain: bytes, place: bytes = b"") -> bytes:
        """Seal a value for a place in the gallery, such as one reference."""
        nonce = self._new_nonce(plain, place)
        return nonce + self._cipher.encrypt(nonce, plain, self._gallery_id + place)

    def open(self, sealed: bytes, place: bytes = b"") -> bytes:
        """Open a value.

        Raises
        ------
        AuthenticationError
            If it was sealed for another place, or changed, or is too short to be a sealed value.
        """
        nonce, body = sealed[:_NONCE_SIZE], sealed[_NONCE_SIZE:]
        try:
            return self._cipher.decrypt(nonce, body, self._gallery_id + place)
        except (InvalidTag, ValueError) as error:
            raise AuthenticationError("a sealed value was changed or moved") from error

    def _new_nonce(self, plain: bytes, place: bytes) -> bytes:
        digests = hashlib.sha256(place).digest() + hashlib.sha256(plain).digest()
        return self._nonces.mac(os.urandom(32) + digests)[:_NONCE_SIZE]
