"""Labels: sealed for the database, and hashed so that the owner can find a subject again."""

from __future__ import annotations

import hashlib
import os
import unicodedata

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from gallery.client.secrets import GalleryKey
from gallery.errors import AuthenticationError, InvalidLabelError
from gallery.messages import TAG_SIZE

MAX_LABEL_BYTES = 1024
_PADDING = 64
_NONCE_SIZE = 12


def normalize_label(label: str) -> str:
    """Return a label as it is stored: Unicode NFC, without space at the ends.

    Raises
    ------
    InvalidLabelError
        If it is empty, longer than 1,024 bytes of UTF-8, or holds control characters.
    """
    normalized = unicodedata.normalize("NFC", label).strip()
    if not normalized:
        raise InvalidLabelError("a label is empty; every reference needs a label")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in normalized):
        raise InvalidLabelError("a label holds control characters; use printable text")
    if len(normalized.encode("utf-8")) > MAX_LABEL_BYTES:
        raise InvalidLabelError(f"a label is longer than {MAX_LABEL_BYTES} bytes of UTF-8")
    return normalized


class LabelSealer:
    """Seals and opens the labels of one gallery, and derives what the database may know of them."""

    def __init__(self, key: GalleryKey, gallery_id: bytes) -> None:
        self._cipher = ChaCha20Poly1305(key.subkey("labels", gallery_id).reveal())
        self._pseudonyms = key.subkey("pseudonyms", gallery_id)
        self._tags = key.subkey("content tags", gallery_id)
        self._gallery_id = gallery_id

    def seal(self, label: str, reference_id: bytes) -> bytes:
        """Seal a label, padded to a multiple of 64 bytes so that its length tells little."""
        padded = label.encode("utf-8") + b"\x80"
        padded += bytes(-len(padded) % _PADDING)
        nonce = os.urandom(_NONCE_SIZE)
        return nonce + self._cipher.encrypt(nonce, padded, self._gallery_id + reference_id)

    def open(self, sealed: bytes, reference_id: bytes) -> str:
        """Open a label.

        Raises
        ------
        AuthenticationError
            If it was sealed for another reference or gallery, or changed.
        """
        nonce, body = sealed[:_NONCE_SIZE], sealed[_NONCE_SIZE:]
        try:
            padded = self._cipher.decrypt(nonce, body, self._gallery_id + reference_id)
        except (InvalidTag, ValueError) as error:
            raise AuthenticationError(
                f"the label of reference {reference_id.hex()} was not sealed for it, or was "
                "changed since; restore the database from a backup"
            ) from error
        return padded[: padded.rindex(b"\x80")].decode("utf-8")

    def pseudonym(self, label: str) -> bytes:
        """Return the keyed hash by which the references of one subject are found; 16 bytes."""
        return self._pseudonyms.mac(label.encode("utf-8"))[:TAG_SIZE]

    def content_tag(self, content: bytes, label: str) -> bytes:
        """Return the keyed hash of what is enrolled under a label; 16 bytes.

        ``content`` is a photo's bytes or those of an embedding.
        """
        digest = hashlib.sha256(content).digest()
        return self._tags.mac(digest + label.encode("utf-8"))[:TAG_SIZE]
