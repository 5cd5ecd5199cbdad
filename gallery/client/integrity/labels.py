"""Labels: sealed for the database, and hashed so that the owner can find a subject again."""

from __future__ import annotations

import hashlib
import unicodedata
from typing import IO

from gallery.client.integrity.sealing import Sealer
from gallery.client.keys.secrets import GalleryKey
from gallery.errors import AuthenticationError, InvalidLabelError
from gallery.messages import DIGEST_SIZE, TAG_SIZE

MAX_LABEL_BYTES = 1024
_PADDING = 64
_CONTROLS = frozenset({"Cc", "Cs"})
_INVISIBLE = frozenset({"Cf", "Zs"})
_DIRECTIONS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


def normalize_label(label: str) -> str:
    """Return a label as it is stored: Unicode NFC, without space at the ends.

    Raises
    ------
    InvalidLabelError
        If it is not text, empty, longer than 1,024 bytes of UTF-8, or holds characters that
        control a terminal or the direction of text, with which one name can look like another.
    """
    if not isinstance(label, str):
        raise InvalidLabelError(f"a label must be text, not {type(label).__name__}")
    normalized = unicodedata.normalize("NFC", label).strip()
    if not any(unicodedata.category(character) not in _INVISIBLE for character in normalized):
        raise InvalidLabelError("a label is empty; every reference needs a label")
    if any(
        unicodedata.category(character) in _CONTROLS
        or unicodedata.bidirectional(character) in _DIRECTIONS
        for character in normalized
    ):
        raise InvalidLabelError("a label holds control characters; use printable text")
    if len(normalized.encode("utf-8")) > MAX_LABEL_BYTES:
        raise InvalidLabelError(f"a label is longer than {MAX_LABEL_BYTES} bytes of UTF-8")
    return normalized


def content_digest(content: bytes) -> bytes:
    """Return SHA-256 of what is enrolled: a photo's bytes, or an embedding's as float64."""
    return hashlib.sha256(content).digest()


def file_digest(file: IO[bytes]) -> bytes:
    """Return `content_digest` of an open file, a piece at a time."""
    return hashlib.file_digest(file, "sha256").digest()  # type: ignore[arg-type]


class LabelSealer:
    """Seals and opens the labels of one gallery, and derives what the database may know of them."""

    def __init__(self, key: GalleryKey, gallery_id: bytes) -> None:
        self._sealer = Sealer(key.subkey("labels", gallery_id), gallery_id)
        self._pseudonyms = key.subkey("pseudonyms", gallery_id)
        self._tags = key.subkey("content tags", gallery_id)

    def seal(self, label: str, content_digest: bytes, reference_id: bytes) -> bytes:
        """Seal a label and the digest of what was enrolled.

        The label is padded to a multiple of 64 bytes so that its length tells little. The digest
        is kept so that its tag can be made anew under another key.
        """
        padded = label.encode("utf-8") + b"\x80"
        padded += bytes(-len(padded) % _PADDING)
        return self._sealer.seal(content_digest + padded, reference_id)

    def open(self, sealed: bytes, reference_id: bytes) -> str:
        """Open a label.

        Raises
        ------
        AuthenticationError
            If it was sealed for another reference or gallery, or changed.
        """
        padded = self._open(sealed, reference_id)[DIGEST_SIZE:]
        return padded[: padded.rindex(b"\x80")].decode("utf-8")

    def open_digest(self, sealed: bytes, reference_id: bytes) -> bytes:
        """Open the digest that was sealed with a label; raises what `open` raises."""
        return self._open(sealed, reference_id)[:DIGEST_SIZE]

    def pseudonym(self, label: str) -> bytes:
        """Return the keyed hash by which the references of one subject are found; 16 bytes."""
        return self._pseudonyms.mac(label.encode("utf-8"))[:TAG_SIZE]

    def content_tag(self, content_digest: bytes, label: str) -> bytes:
        """Return the keyed hash of what is enrolled under a label; 16 bytes.

        ``content_digest`` is `content_digest` of a photo's bytes or of an embedding's.
        """
        return self._tags.mac(content_digest + label.encode("utf-8"))[:TAG_SIZE]

    def _open(self, sealed: bytes, reference_id: bytes) -> bytes:
        try:
            return self._sealer.open(sealed, reference_id)
        except AuthenticationError as error:
            raise AuthenticationError(
                f"the label of reference {reference_id.hex()} was not sealed for it, or was "
                "changed since; restore the database from a backup"
            ) from error
