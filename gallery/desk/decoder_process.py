"""The decoder process: it reads photos' files from a pipe and writes pixels or a reason."""

from __future__ import annotations

import resource
import signal
import struct
from multiprocessing.connection import Connection
from typing import Final

from gallery.client.photos.images import Photo, open_photo
from gallery.client.photos.sources import HeldPhoto, unreadable
from gallery.errors import UnreadablePhotoError

ANSWER: Final = struct.Struct("!?IIIId")
"""Whether it was decoded; height and width; width and height before it was shrunk; how many times
longer these are. Pixels follow in a message of their own, three bytes each, or the reason why
there are none."""

LONGEST_TEXT: Final = 1000
"""Bytes of a reason."""

_NAMELESS: Final = unreadable("", "").message


def serve(pipe: Connection, memory: int, seconds: int) -> None:
    """Decode one photo after another until the process at the other end is gone.

    Parameters
    ----------
    pipe
        Where files come from and answers go.
    memory
        Bytes of address space that this process may have.
    seconds
        After how many this process ends if a photo takes so long and nobody is left who ends it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    while True:
        try:
            data = pipe.recv_bytes()
        except EOFError:
            return
        signal.alarm(seconds)
        _answer(pipe, data)
        signal.alarm(0)


def _answer(pipe: Connection, data: bytes) -> None:
    try:
        photo = open_photo(HeldPhoto("", data))
    except UnreadablePhotoError as error:
        reason = error.message.removeprefix(_NAMELESS).encode()
        pipe.send_bytes(ANSWER.pack(False, 0, 0, 0, 0, 0.0))
        pipe.send_bytes(reason[:LONGEST_TEXT])
        return
    pipe.send_bytes(_header(photo))
    pipe.send_bytes(photo.pixels.reshape(-1).data)  # unlike `tobytes`, no copy


def _header(photo: Photo) -> bytes:
    height, width, _ = photo.pixels.shape
    return ANSWER.pack(True, height, width, *photo.size, photo.reduction)
