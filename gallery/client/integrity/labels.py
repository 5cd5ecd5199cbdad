"""Labels: sealed for the database, and hashed so that the owner can find a subject again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import IO, Final

from gallery.client.integrity.person_details import NO_DETAILS, PersonDetails
from gallery.client.integrity.printable_text import holds_controls, is_text, is_visible, normalize
from gallery.client.integrity.sealing import Sealer
from gallery.client.keys.secrets import GalleryKey
from gallery.errors import AuthenticationError, InvalidLabelError
from gallery.messages import DIGEST_SIZE, TAG_SIZE

MAX_LABEL_BYTES = 1024
_PADDING = 64
_MOMENT: Final = 8
"""Bytes of a moment, of 7 bits each: none of them is the byte that ends a label."""


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
    normalized = normalize(label)
    if len(normalized) > MAX_LABEL_BYTES:  # each takes a byte, or more
        raise _too_long()
    if not is_visible(normalized):
        raise InvalidLabelError("a label is empty; every reference needs a label")
    if not is_text(normalized):
        raise InvalidLabelError("a label is not UTF-8 text, like some file names of older systems")
    if holds_controls(normalized):
        raise InvalidLabelError("a label holds control characters; use printable text")
    if len(normalized.encode("utf-8")) > MAX_LABEL_BYTES:
        raise _too_long()
    return normalized


def _too_long() -> InvalidLabelError:
    return InvalidLabelError(f"a label is longer than {MAX_LABEL_BYTES} bytes of UTF-8")


def content_digest(content: bytes) -> bytes:
    """Return SHA-256 of what is enrolled: a photo's bytes, or an embedding's as float64."""
    return hashlib.sha256(content).digest()


def file_digest(file: IO[bytes]) -> bytes:
    """Return `content_digest` of an open file, a piece at a time."""
    return hashlib.file_digest(file, "sha256").digest()  # type: ignore[arg-type]


@dataclass(frozen=True)
class LabelContent:
    """The content that is sealed as the label of a reference.

    Attributes
    ----------
    label
        The label.
    content_digest
        Digest of what was enrolled, 32 bytes.
    enrolled
        When it was enrolled, seconds since 1970 UTC; None if that was by an earlier version of this
        program, which kept no time.
    details
        The details of the person.
    """

    label: str
    content_digest: bytes
    enrolled: int | None = None
    details: PersonDetails = NO_DETAILS


class LabelSealer:
    """Seals and opens the labels of one gallery, and derives what the database may know of them."""

    def __init__(self, key: GalleryKey, gallery_id: bytes) -> None:
        self._sealer = Sealer(key.subkey("labels", gallery_id), gallery_id)
        self._pseudonyms = key.subkey("pseudonyms", gallery_id)
        self._tags = key.subkey("content tags", gallery_id)

    def seal(
        self,
        label: str,
        content_digest: bytes,
        reference_id: bytes,
        enrolled: int | None = None,
        details: PersonDetails = NO_DETAILS,
    ) -> bytes:
        """Seal a label, and what belongs to it; see `LabelContent`.

        Label, details and moment are padded to a multiple of 64 bytes so that the length tells
        little. The digest is kept so that its tag can be made anew under another key.
        """
        ended, moment = label.encode("utf-8") + b"\x80", _packed_moment(enrolled)
        if details:
            # In ASCII: the last byte that is none ends the label, also for programs before this.
            ended, moment = ended + details.pack(), moment or bytes(_MOMENT)
        padding = bytes(-(len(ended) + len(moment)) % _PADDING)
        return self._sealer.seal(content_digest + ended + padding + moment, reference_id)

    def open(self, sealed: bytes, reference_id: bytes) -> str:
        """Open a label; raises what `open_content` raises."""
        return self.open_content(sealed, reference_id).label

    def open_content(self, sealed: bytes, reference_id: bytes) -> LabelContent:
        """Open a label and what was sealed with it.

        Raises
        ------
        AuthenticationError
            If it was sealed for another reference or gallery, or changed, or by a newer program.
        """
        plain = self._open(sealed, reference_id)
        digest, padded = plain[:DIGEST_SIZE], plain[DIGEST_SIZE:]
        end = padded.rindex(b"\x80")
        after = padded[end + 1 :]
        details = PersonDetails.unpack(after[:-_MOMENT].rstrip(b"\0"))
        label, moment = padded[:end].decode("utf-8"), _unpacked_moment(after)
        return LabelContent(label, digest, moment, details)

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


def _packed_moment(moment: int | None) -> bytes:
    """Return the bytes of a moment, the most significant first; none if it is not known."""
    if moment is None or moment <= 0:
        return b""
    return bytes(moment >> 7 * place & 0x7F for place in reversed(range(_MOMENT)))


def _unpacked_moment(padding: bytes) -> int | None:
    """Return the moment at the end of what stands after a label; None if that is all zeros."""
    moment = 0
    for byte in padding[-_MOMENT:]:
        moment = moment << 7 | byte
    return moment or None
