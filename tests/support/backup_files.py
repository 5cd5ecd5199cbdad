"""The bytes of backups, written and read by the documented layout alone."""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Iterable

from gallery.client import GalleryKey

DIMENSION = 2
COUNT = 4094 + 3
"""One block and three references more."""

HEADER_SIZE = 26
MAC_SIZE = 32


def messages_of(data: bytes) -> list[bytes]:
    """Return the messages of a backup, read by the documented layout alone."""
    found, offset = [], HEADER_SIZE
    while offset < len(data) - MAC_SIZE:
        (size,) = struct.unpack_from("<I", data, offset)
        found.append(data[offset + 4 : offset + 4 + size])
        offset += 4 + size
    assert offset == len(data) - MAC_SIZE
    return found


def backup_of(
    key: GalleryKey, gallery_id: bytes, messages: Iterable[bytes], version: int = 4
) -> bytes:
    """Return a backup, written by the documented layout alone."""
    data = struct.pack("<8sH16s", b"EFGBAK\r\n", version, key.key_id)
    data += b"".join(struct.pack("<I", len(message)) + message for message in messages)
    return data + hmac.digest(key.subkey("backup", gallery_id).reveal(), data, hashlib.sha256)


def boundaries_of(data: bytes) -> list[int]:
    """Return the offsets at which a field of a backup starts."""
    found = [0, 8, 10, HEADER_SIZE]
    for message in messages_of(data):
        found += [found[-1] + 4, found[-1] + 4 + len(message)]
    return found
