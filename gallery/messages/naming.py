"""Names of galleries, and of the copies that a key renewal makes of them.

A name is a public property. The owner's side makes the copy, and the keyless side recognises it as
the gallery's, so that a token for a gallery is for its copy too.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Final

from gallery.errors import GalleryError

MAX_NAME = 200
"""Characters of a name."""

_LONGEST: Final = 4 * MAX_NAME
"""Characters of a name in any form; a normal form is not looked for in longer text, since that
takes time with the square of a run of combining marks."""

_COPY = re.compile(r" \(renewal ([0-9a-f]{8})\)\Z")


def check_name(name: str) -> None:
    """Check that a gallery can have this name (`GalleryError`)."""
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise GalleryError(f"a gallery's name must be printable text of 1 to {MAX_NAME} characters")


def normal_name(name: str) -> str:
    """Return the form in which a name is given to new galleries: NFC, without space at the ends.

    One name that is typed in two forms is the same name to whoever reads it. Text that is too long
    for a name in any form stays as it is.
    """
    if len(name) > _LONGEST:
        return name
    return unicodedata.normalize("NFC", name).strip()


def copy_name(gallery: str, key_id: bytes) -> str:
    """Return the name that the copy of a gallery has until it takes the gallery's place.

    Parameters
    ----------
    gallery
        The gallery's name.
    key_id
        Fingerprint of the key that it is renewed to; its first four bytes are in the name.
    """
    suffix = f" (renewal {key_id.hex()[:8]})"
    if len(gallery) + len(suffix) <= MAX_NAME:
        return gallery + suffix
    digest = hashlib.sha256(gallery.encode("utf-8")).hexdigest()[:16]
    return f"{gallery[: MAX_NAME - len(suffix) - len(digest) - 1]} {digest}{suffix}"


def is_copy_name(name: str, gallery: str) -> bool:
    """Tell whether a name is the one that a copy of the gallery has, whatever the key."""
    found = _COPY.search(name)
    return found is not None and name == copy_name(gallery, bytes.fromhex(found[1]))
