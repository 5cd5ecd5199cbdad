"""The decoding of photos in a process of its own, with limits of memory and time.

Decoders of pictures are large programs in C, and an upload may be made to break one. The process
that decodes holds no key. Its answer is a header of fixed size, and pixels or a text: nothing that
this process would run.
"""

from __future__ import annotations

import math
import multiprocessing
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import numpy as np

from gallery.client.photos.child_interrupts import interrupts_blocked
from gallery.client.photos.images import Photo
from gallery.client.photos.preprocessing import LONGEST_SIDE
from gallery.client.photos.sources import unreadable
from gallery.desk.decoder_process import ANSWER, LONGEST_TEXT, serve
from gallery.desk.stages import timed

_LARGEST_SIDE = 2**20
"""Pixels of a photo's side before it was shrunk, far above what is decoded."""


class TimeBudget:
    """Seconds of decoding that are left, such as for the photos of one request."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds


class PhotoDecoder:
    """Decodes photos one at a time in a child process, which is replaced when it fails.

    Parameters
    ----------
    seconds
        Seconds that one photo may take.
    memory
        Bytes of address space that the child may have.
    """

    def __init__(self, seconds: float, memory: int) -> None:
        self._seconds, self._memory = seconds, memory
        self._child: _Child | None = None
        self._one_at_a_time = threading.Lock()

    def decode(self, data: bytes, name: str, budget: TimeBudget | None = None) -> Photo:
        """Decode a photo.

        Parameters
        ----------
        data
            The content of the file.
        name
            The photo's name in messages.
        budget
            The time that several photos may take together.

        Raises
        ------
        UnreadablePhotoError
            If it is no photo, is damaged, or takes too long or too much memory.
        """
        budget = budget or TimeBudget(self._seconds)
        with self._one_at_a_time:
            seconds = min(self._seconds, budget.left)
            if seconds <= 0:
                raise unreadable(name, "the photos before it took too long: send fewer at once")
            try:
                child, started = self._running(), time.monotonic()
            except OSError as error:
                raise unreadable(name, "no process can be started that decodes it") from error
            try:
                with child.killed_after(seconds), timed("decode"):
                    return child.decode(data, name)
            except (EOFError, OSError, _BadAnswerError) as error:
                self._stop()
                raise unreadable(name, child.fate(seconds)) from error
            finally:
                budget.left -= time.monotonic() - started

    def start(self) -> None:
        """Start the child process before the first photo waits for it."""
        with self._one_at_a_time:
            self._running()

    def close(self) -> None:
        """End the child process."""
        with self._one_at_a_time:
            self._stop()

    def _running(self) -> _Child:
        """Return the child, a new one if it ended while nobody asked for anything."""
        if self._child is None or not self._child.is_alive:
            self._stop()
            self._child = _Child(self._memory, 2 * math.ceil(self._seconds))
        return self._child

    def _stop(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.end()


class _BadAnswerError(Exception):
    """The child sent something that is no answer."""


class _Child:
    """The process that decodes, and the pipe to it."""

    def __init__(self, memory: int, seconds: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, memory, seconds), daemon=True)
        with interrupts_blocked():
            self._process.start()
        # So that the pipe ends when either process does.
        theirs.close()
        self._was_late = False

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.is_alive()

    def decode(self, data: bytes, name: str) -> Photo:
        """Have a photo decoded (`UnreadablePhotoError`; others if it breaks)."""
        self._pipe.send_bytes(data)
        fine, height, width, full_width, full_height, reduction = _header(self._pipe)
        if not fine:
            raise unreadable(name, self._pipe.recv_bytes(LONGEST_TEXT).decode("utf-8", "replace"))
        if not (0 < height <= LONGEST_SIDE and 0 < width <= LONGEST_SIDE):
            raise _BadAnswerError
        if not (0 < full_width <= _LARGEST_SIDE and 0 < full_height <= _LARGEST_SIDE):
            raise _BadAnswerError
        if not (math.isfinite(reduction) and reduction >= 1.0):
            raise _BadAnswerError
        pixels = self._pipe.recv_bytes(height * width * 3)
        if len(pixels) != height * width * 3:
            raise _BadAnswerError
        shaped = np.frombuffer(pixels, np.uint8).reshape(height, width, 3)
        return Photo(name, shaped, (full_width, full_height), reduction)

    @contextmanager
    def killed_after(self, seconds: float) -> Iterator[None]:
        """Kill it if what is asked of it meanwhile takes longer; a hung one hears nothing else."""
        timer = threading.Timer(seconds, self._kill_late)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def fate(self, seconds: float) -> str:
        """Say why it gave no answer."""
        if self._was_late:
            return f"it took more than {seconds:.3g} seconds to decode"
        return "the decoder broke on it, or it takes too much memory"

    def end(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.join()
        self._process.close()
        self._pipe.close()

    def _kill_late(self) -> None:
        self._was_late = True
        self._process.kill()


def _header(pipe: Connection) -> tuple[bool, int, int, int, int, float]:
    header = pipe.recv_bytes(ANSWER.size)
    if len(header) != ANSWER.size:
        raise _BadAnswerError
    found: tuple[bool, int, int, int, int, float] = ANSWER.unpack(header)
    return found
