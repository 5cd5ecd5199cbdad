"""Container formats of videos, recognised by the first bytes of a file.

FFmpeg also takes playlists for videos: text that names other files and addresses, which it then
opens. So only files that begin as one of these containers reach it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gallery.client.photos.formats import picture_format
from gallery.client.regular_file import first_bytes

READ: Final = "MP4, MOV, Matroska, WebM, AVI, MPEG, FLV, Ogg and WMV"
"""The formats, for messages."""

HEAD_BYTES: Final = 3 * 192
"""Bytes of a file's beginning that `is_container` wants."""

_BEGINNINGS: Final = (
    b"\x1a\x45\xdf\xa3",  # Matroska, WebM
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",  # MPEG video
    b"FLV\x01",
    b"OggS",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF, WMV
)
_BOXES: Final = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_PACKETS: Final = ((0, 188), (4, 192))
"""Place of the first mark of an MPEG transport stream (0x47), and length of packets, in bytes."""

_NAMES: Final = frozenset(
    {".mp4", ".m4v", ".mov", ".qt", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".mts", ".m2ts"}
    | {".ts", ".flv", ".ogv", ".wmv", ".asf", ".3gp", ".3g2", ".vob"}
)


def is_container(head: bytes) -> bool:
    """Whether a file of this beginning is a video, as far as can be told."""
    if head.startswith(_BEGINNINGS):
        return True
    if head[4:8] in _BOXES:
        return picture_format(head) is None
    if head[:4] == b"RIFF":
        return head[8:12] == b"AVI "
    return any(
        len(head) > start + 2 * length
        and head[start] == head[start + length] == head[start + 2 * length] == 0x47
        for start, length in _PACKETS
    )


def is_video(path: Path) -> bool:
    """Whether a path is to be read as a video: by content, or by name where that is no picture.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    bool
        Whether it is searched with as a video.
    """
    try:
        head = first_bytes(path, HEAD_BYTES)
    except OSError:  # a folder, or said better when it is opened
        return False
    if is_container(head):
        return True
    return path.suffix.lower() in _NAMES and picture_format(head) is None
