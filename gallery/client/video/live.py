"""A live source: a camera of the machine or an address of the network, read for as long as it runs.

A thread takes every frame, so that none waits in a buffer and gets old, and keeps the newest one
only. Where the source ends or fails it is opened again, after pauses that grow.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Generator
from typing import Any, Final
from urllib.parse import urlsplit

from gallery.client.photos.deepface_runtime import require_modules
from gallery.client.video.devices import NUMBERS, obstacle_of
from gallery.client.video.frames import Frame, check_size, check_span, grab, open_capture, retrieve
from gallery.errors import VideoError
from gallery.url_masking import masked_url

SCHEMES: Final = ("rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "udp", "tcp", "srt")
"""Schemes of the addresses of live sources."""

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
"""Seconds before a source that failed is opened again: the first time, and at most."""

_LIMITS: Final = (
    ("CAP_PROP_OPEN_TIMEOUT_MSEC", 10_000),
    ("CAP_PROP_READ_TIMEOUT_MSEC", 5_000),
)
"""Time in which an address must answer, and send its next frame."""
_WAKE: Final = 0.2
_JOIN_SECONDS: Final = 15.0
"""Seconds that the end waits for a read, which has those limits: a process that ends while OpenCV
reads is aborted."""


class LiveSource:
    """A camera, or a stream of the network.

    Parameters
    ----------
    address
        The number of a camera of this machine, or a URL (`SCHEMES`).
    every
        Seconds from one frame that is looked at to the next; above 0.
    told
        Called with a line when the source is lost, and when it is back.

    Attributes
    ----------
    doubt
        Nothing; files have doubts.

    Raises
    ------
    VideoError
        The address is of no kind that is understood.
    MissingDependencyError
        OpenCV is not installed.
    """

    live: Final = True

    def __init__(
        self, address: int | str, every: float, told: Callable[[str], None] | None = None
    ) -> None:
        check_span(every)
        _check_address(address)
        self._address = address
        self.name = f"camera {address}" if isinstance(address, int) else masked_url(address)
        self.every = every
        self.doubt = ""
        require_modules(("cv2",), "Reading a camera")
        self._told = told or (lambda text: None)
        self._newest: Frame | None = None
        self._failed: VideoError | None = None
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        # A wall clock that is set must not move tracks: what passes is measured by the other one.
        self._beginning = time.time() - time.monotonic()
        self._due = 0.0

    def frames(self) -> Generator[Frame, None, None]:
        """Yield the newest frame each time that `every` seconds have passed, until it is stopped.

        Raises
        ------
        VideoError
            It could not be opened at the beginning, or its frames are too large.
        """
        reader = threading.Thread(target=self._read, name="camera", daemon=True)
        reader.start()
        try:
            while True:
                with self._changed:
                    # Awake now and then, so that an interruption is not kept waiting.
                    while self._newest is None and self._failed is None:
                        if self._stopped.is_set():
                            return
                        self._changed.wait(_WAKE)
                    if self._stopped.is_set():
                        return
                    frame, self._newest = self._newest, None
                    failed = self._failed
                if frame is None:
                    assert failed is not None
                    raise failed
                yield frame
        finally:
            self._stopped.set()
            reader.join(_JOIN_SECONDS)

    def stop(self) -> None:
        """End `frames`, from a signal or another thread."""
        self._stopped.set()

    def steps(self) -> int:
        """Return 0: it has no end."""
        return 0

    # --- in the thread that reads -----------------------------------------------------------------

    def _read(self) -> None:
        try:
            self._read_on()
        except VideoError as error:
            self._fail(error)
        except Exception as error:  # whatever a driver or a decoder does: nobody waits for ever
            self._fail(VideoError(f"{self.name} failed: {type(error).__name__}"))

    def _read_on(self) -> None:
        """Read until it is stopped; open the source again where it ends or fails."""
        pause, lost = FIRST_PAUSE, None
        while not self._stopped.is_set():
            began = time.monotonic()
            frames = self._read_once(lost)
            if not frames and lost is None:
                raise VideoError(f"{self.name} cannot be opened: {self._likely()}")
            if frames and time.monotonic() - began > LONGEST_PAUSE:
                # Sources that come and go at once are asked less and less often, and told of.
                pause = FIRST_PAUSE
            if self._stopped.is_set():
                return
            if frames:
                lost = time.monotonic()
                self._told(f"{self.name} was lost; trying to reach it again")
            self._stopped.wait(pause * random.uniform(0.8, 1.2))  # noqa: S311
            pause = min(LONGEST_PAUSE, 2.0 * pause)

    def _read_once(self, lost: float | None) -> int:
        """Read until the source ends or fails; return how many frames came."""
        capture = open_capture(self._address, _LIMITS)
        frames = 0
        try:
            if not capture.isOpened():
                return 0
            check_size(capture, self.name)
            while not self._stopped.is_set() and grab(capture):
                if not frames and lost is not None:
                    self._told(f"{self.name} is back after {time.monotonic() - lost:.0f} seconds")
                frames += 1
                self._keep(capture)
        finally:
            capture.release()
        return frames

    def _keep(self, capture: Any) -> None:
        now = time.monotonic()
        if now < self._due:
            return
        pixels = retrieve(capture)
        if pixels is None:
            return
        self._due = max(self._due + self.every, now + self.every / 2.0)
        with self._changed:
            self._newest = Frame(self._beginning + now, pixels)
            self._changed.notify_all()

    def _likely(self) -> str:
        if isinstance(self._address, int):
            return obstacle_of(self._address)
        return "no video is served there"

    def _fail(self, error: VideoError) -> None:
        with self._changed:
            self._failed = error
            self._changed.notify_all()


def _check_address(address: object) -> None:
    """Refuse what is neither a number of a camera nor an address of a stream."""
    if isinstance(address, str):
        understood = urlsplit(address).scheme.lower() in SCHEMES
    else:
        understood = type(address) is int and address in NUMBERS
    if not understood:
        name = masked_url(address) if isinstance(address, str) else address
        raise VideoError(
            f"{name!r} is no address of a camera: give the number of one of this machine, such as"
            f" 0, or a URL that begins with {', '.join(SCHEMES[:-1])} or {SCHEMES[-1]}"
        )
