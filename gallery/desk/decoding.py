"""The decoding of photos in a process of its own, with limits of memory and time.

Decoders of pictures are large programs in C, and what is uploaded may be made to break one. The
process that decodes holds no key.
"""

from __future__ import annotations

import multiprocessing
import resource
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from gallery.client.photos.images import Photo, open_photo
from gallery.client.photos.sources import HeldPhoto
from gallery.errors import UnreadablePhotoError


class PhotoDecoder:
    """Decodes photos one at a time in a child process, which is replaced when it fails.

    Parameters
    ----------
    seconds
        What one photo may take.
    memory
        Bytes of address space that the child may have.
    """

    def __init__(self, seconds: float, memory: int) -> None:
        self._seconds, self._memory = seconds, memory
        self._pool: ProcessPoolExecutor | None = None
        self._one_at_a_time = threading.Lock()

    def decode(self, data: bytes, name: str) -> Photo:
        """Decode a photo.

        Parameters
        ----------
        data
            The content of the file.
        name
            What messages call it.

        Raises
        ------
        UnreadablePhotoError
            If it is no photo, is damaged, or takes too long or too much memory.
        """
        with self._one_at_a_time:
            pool = self._pool or self._start()
            try:
                return pool.submit(open_photo, HeldPhoto(name, data)).result(self._seconds)
            except TimeoutError:
                reason = f"it took more than {self._seconds:g} seconds to decode"
            except (BrokenProcessPool, MemoryError):
                reason = "the decoder broke on it, or it takes too much memory"
            self._stop()
        raise UnreadablePhotoError(f"The photo {name} cannot be read: {reason}")

    def start(self) -> None:
        """Start the child process before the first photo waits for it."""
        with self._one_at_a_time:
            pool = self._pool or self._start()
            pool.submit(_nothing)

    def close(self) -> None:
        """End the child process."""
        with self._one_at_a_time:
            self._stop()

    def _start(self) -> ProcessPoolExecutor:
        self._pool = ProcessPoolExecutor(
            1, multiprocessing.get_context("spawn"), _limit, (self._memory,)
        )
        return self._pool

    def _stop(self) -> None:
        pool, self._pool = self._pool, None
        if pool is None:
            return
        # One that hangs in a decoder ends by a signal alone.
        children = list((pool._processes or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for child in children:
            child.kill()
            child.join()


def _nothing() -> None:
    """Do nothing, in a process that has loaded this module and so the decoders."""


def _limit(memory: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
