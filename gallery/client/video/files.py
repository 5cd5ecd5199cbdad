"""A video file: its frames at regular intervals, and its damage."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

from gallery.client.photos.containers import HEAD_BYTES, READ, is_container
from gallery.client.photos.deepface_runtime import require_modules
from gallery.client.regular_file import first_bytes, open_regular
from gallery.client.video.frames import Frame, check_size, check_span, grab, open_capture, retrieve
from gallery.errors import VideoError

_WHOLE: Final = 0.9
"""Of the frames that a header claims, which some formats guess: with fewer, the file is cut off."""


class VideoFile:
    """A video in a file.

    Parameters
    ----------
    path
        The file.
    every
        Seconds from one frame that is looked at to the next; above 0.

    Attributes
    ----------
    doubt
        After the frames were read: what is wrong with the file, or nothing.

    Raises
    ------
    VideoError
        It cannot be read, is no video of a kind that is read, or is damaged from the beginning.
    MissingDependencyError
        OpenCV is not installed.
    """

    live: Final = False

    def __init__(self, path: str | os.PathLike[str], every: float) -> None:
        check_span(every)
        self.name = str(path)
        self.every = every
        self.doubt = ""
        require_modules(("cv2",), "Reading videos")
        try:
            head = first_bytes(Path(path), HEAD_BYTES)
        except OSError as error:
            raise self._unreadable(error.strerror or type(error).__name__) from error
        if not head:
            raise self._unreadable("it is empty")
        if not is_container(head):
            raise self._unreadable(f"it is no video of a kind that is read here: {READ}")

    def frames(self) -> Generator[Frame, None, None]:
        """Yield the first frame, and after each the first that comes `every` seconds later."""
        import cv2

        try:
            opened = open_regular(self.name)
        except OSError as error:
            raise self._unreadable(error.strerror or type(error).__name__) from error
        with opened:
            # By its number: OpenCV ends the process at names that are no UTF-8.
            capture = open_capture(f"/dev/fd/{opened.fileno()}")
            try:
                if not capture.isOpened():
                    raise self._unreadable("it is damaged or truncated, or of an unknown codec")
                check_size(capture, self.name)
                claimed = capture.get(cv2.CAP_PROP_FRAME_COUNT)
                grabbed = yield from self._sampled(capture)
            finally:
                capture.release()
        if not grabbed:
            raise self._unreadable("no frame of it can be decoded: it is damaged or truncated")
        if claimed > 0 and grabbed < _WHOLE * claimed:
            self.doubt = (
                f"{grabbed:,} of about {claimed:,.0f} frames could be read: it is damaged or"
                " truncated"
            )

    def steps(self) -> int:
        """Return about how many frames `frames` yields; 0 where the file does not say."""
        with open_regular(self.name) as opened:
            capture = open_capture(f"/dev/fd/{opened.fileno()}")
            try:
                return max(0, round(_seconds(capture) / self.every))
            finally:
                capture.release()

    def _sampled(self, capture: Any) -> Generator[Frame, None, int]:
        import cv2

        rate = capture.get(cv2.CAP_PROP_FPS)
        grabbed, due, last = 0, 0.0, -1.0
        while grab(capture):
            seconds = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
            if seconds <= last and rate > 0.0:  # a container without moments
                seconds = max(last, grabbed / rate)
            grabbed, last = grabbed + 1, seconds
            if seconds + 1e-6 < due:
                continue
            pixels = retrieve(capture)
            if pixels is not None:
                yield Frame(seconds, pixels)
                due = max(due + self.every, seconds + self.every / 2.0)
        return grabbed

    def _unreadable(self, reason: str) -> VideoError:
        return VideoError(f"The video {self.name} cannot be read: {reason}")


def _seconds(capture: Any) -> float:
    import cv2

    rate, count = (capture.get(item) for item in (cv2.CAP_PROP_FPS, cv2.CAP_PROP_FRAME_COUNT))
    return count / rate if rate > 0.0 and 0.0 < count < 1e9 else 0.0
