"""Videos for tests, made of pictures; a camera of the network that comes and goes."""

from __future__ import annotations

import io
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from gallery.client import Frame

Picture = npt.NDArray[np.uint8]
"""Pixels of shape (height, width, 3), red, green, blue."""

_CODECS = {".avi": "MJPG", ".mp4": "mp4v", ".mkv": "mp4v", ".ts": "mp2v"}


def write_video(path: Path, pictures: Sequence[Picture], rate: float) -> Path:
    """Write pictures of one size as a video, so many a second."""
    height, width = pictures[0].shape[:2]
    codec = cv2.VideoWriter.fourcc(*_CODECS[path.suffix])
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, codec, rate, (width, height))
    assert writer.isOpened()
    for picture in pictures:
        writer.write(np.ascontiguousarray(picture[:, :, ::-1]))
    writer.release()
    return path


def plain(grey: int, side: int = 64) -> Picture:
    """Return a picture of one grey."""
    return np.full((side, side, 3), grey, np.uint8)


def blocks(seed: int, side: int = 160) -> Picture:
    """Return a pattern of black and white squares, which a model of random weights tells apart."""
    squares = np.random.default_rng(seed).random((8, 8, 3)) < 0.25
    return np.repeat(np.repeat(squares * np.uint8(255), side // 8, axis=0), side // 8, axis=1)


@dataclass
class Pictures:
    """A source of frames out of memory; ``live`` or not."""

    pictures: Sequence[Picture]
    live: bool
    every: float = 0.5
    name: str = "pictures"
    doubt: str = ""

    def frames(self) -> Generator[Frame, None, None]:
        for number, picture in enumerate(self.pictures):
            yield Frame(number * self.every, picture)

    def steps(self) -> int:
        return len(self.pictures)


@dataclass
class NetworkCamera:
    """Serves motion JPEG: a list of pictures for each connection, then it hangs up.

    Attributes
    ----------
    url
        Its address.
    connections
        The pictures of each connection; further ones get none.
    held
        Whether the last connection stays open, and goes on with its last picture.
    sent
        Set when the last picture was sent.
    """

    connections: Sequence[Sequence[Picture]]
    held: bool = False
    url: str = ""
    sent: threading.Event = field(default_factory=threading.Event)
    closing: threading.Event = field(default_factory=threading.Event)
    count: int = 0

    @contextmanager
    def serving(self) -> Iterator[NetworkCamera]:
        """Serve until the end of the block."""
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                number, camera.count = camera.count, camera.count + 1
                if number >= len(camera.connections):
                    self.send_error(503)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                pictures = camera.connections[number]
                try:
                    for picture in pictures:
                        self._send(picture)
                    if number == len(camera.connections) - 1:
                        camera.sent.set()
                        while camera.held and not camera.closing.wait(0.05):
                            self._send(pictures[-1])
                except OSError:  # the client has hung up
                    return

            def _send(self, picture: Picture) -> None:
                jpeg = io.BytesIO()
                Image.fromarray(picture).save(jpeg, "JPEG", quality=95)
                part = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"
                self.wfile.write(part % len(jpeg.getvalue()) + jpeg.getvalue() + b"\r\n")

            def log_message(self, format: str, *args: object) -> None:
                """Keep the test's output clean."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.url = f"http://127.0.0.1:{server.server_port}/stream"
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            try:
                yield self
            finally:
                self.closing.set()
                server.shutdown()
                thread.join()
