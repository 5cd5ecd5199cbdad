"""Frames of videos: pictures with the moments at which they are shown."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from gallery.errors import VideoError

PIXEL_LIMIT: Final = 40_000_000
"""Pixels of a frame; 8K has 35 million. At 3 bytes each that is 120 MB, besides the decoder's."""

_QUALITY: Final = 95
"""Of frames as JPEG files."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame of a video.

    Attributes
    ----------
    seconds
        When it is shown: seconds from the beginning of a file, or since 1970 UTC of a live source.
    pixels
        uint8, shape (height, width, 3), in the order red, green, blue.
    """

    seconds: float
    pixels: npt.NDArray[np.uint8]


def check_span(every: float) -> None:
    """Refuse what is no span of seconds from frame to frame (`ValueError`)."""
    if not 0.0 < every < float("inf"):
        raise ValueError(f"frames are looked at every so many seconds, above 0, not every {every}")


def open_capture(address: str | int, limits: Sequence[tuple[str, int]] = ()) -> Any:
    """Open a video with OpenCV: a path or URL by its FFmpeg, a number as a camera of the machine.

    Parameters
    ----------
    address
        The path, the URL, or the number.
    limits
        Names of OpenCV's properties, and values to open it with.
    """
    # FFmpeg prints what it thinks of a video, for each frame of it; -8 is its word for nothing.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    import cv2

    with _silence(cv2):
        if isinstance(address, int):
            return cv2.VideoCapture(address)
        chosen = [part for name, value in limits for part in (getattr(cv2, name), value)]
        return cv2.VideoCapture(address, cv2.CAP_FFMPEG, chosen)


def check_size(capture: Any, name: str) -> None:
    """Raise `VideoError` if an open video claims more pixels than are decoded."""
    import cv2

    width, height = (
        int(capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
    )
    if width * height > PIXEL_LIMIT:
        raise VideoError(
            f"The video {name} has frames of {width} x {height} pixels, more than the"
            f" {PIXEL_LIMIT // 10**6} million that are decoded"
        )


def grab(capture: Any) -> bool:
    """Take the next frame of a video, without its pixels; return whether there was one."""
    import cv2

    with _silence(cv2):
        return bool(capture.grab())


def retrieve(capture: Any) -> npt.NDArray[np.uint8] | None:
    """Return the pixels of the frame that was grabbed last, or None if it cannot be decoded."""
    import cv2

    try:
        with _silence(cv2):
            done, pixels = capture.retrieve()
    except cv2.error:
        return None
    if not done or pixels is None or pixels.ndim != 3 or pixels.size > 3 * PIXEL_LIMIT:
        return None
    return np.ascontiguousarray(pixels[:, :, ::-1])


def encode_frame(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Return a frame as the bytes of a JPEG file."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


def decode_frame(jpeg: bytes) -> npt.NDArray[np.uint8]:
    """Return the pixels of a frame that `encode_frame` has encoded."""
    from PIL import Image

    with Image.open(io.BytesIO(jpeg)) as picture:
        return np.asarray(picture.convert("RGB"))


@contextmanager
def _silence(cv2: Any) -> Iterator[None]:
    """Keep OpenCV's own log, which is one for the process, from the terminal."""
    logging = cv2.utils.logging
    before = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        logging.setLogLevel(before)
