"""The download of one file from the first address that answers: bounded in time, all or nothing.

DeepFace downloads by itself where a file is missing, but without an end where packets are dropped,
with progress bars on the terminal, and it takes an error page for weights. So it never gets to.
"""

from __future__ import annotations

import http.client
import queue
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO, Final

from gallery.client.atomic_file import atomic_write

DownloadProgress = Callable[[int, int | None], None]
"""Called with the bytes received so far and the total, or None where the server does not say."""

OPEN_SECONDS: Final = 6.0
"""Seconds in which one address must begin its answer, name lookup and all redirects included."""

_READ_SECONDS: Final = 10.0
_GRACE_SECONDS: Final = 30.0
_SLOWEST_BYTES_PER_SECOND: Final = 16 * 1024
_LARGEST_BYTES: Final = 4 * 1024**3
_CHUNK: Final = 1 << 18


class DownloadError(Exception):
    """No address gave the file; the message says why, for each."""


def fetch(urls: Sequence[str], target: Path, progress: DownloadProgress | None = None) -> None:
    """Write what the first answering one of `urls` sends to `target`, atomically.

    Raises
    ------
    DownloadError
        No address gave a whole file. Nothing is left behind, not even a part of it.
    OSError
        The target's folder cannot be written to.
    """
    reasons = []
    for url in urls:
        try:
            with atomic_write(target, overwrite=True) as out:
                _receive(url, out, progress)
            return
        except (DownloadError, urllib.error.URLError, http.client.HTTPException, OSError) as error:
            reasons.append(f"{url}: {_reason(error)}")
            if isinstance(error, urllib.error.HTTPError):
                error.close()  # It is an open answer, too.
    raise DownloadError("; ".join(reasons))


def _receive(url: str, out: BinaryIO, progress: DownloadProgress | None) -> None:
    started = time.monotonic()
    received = 0
    with _open(url) as response:
        if response.headers.get_content_type() == "text/html":
            raise DownloadError("the server sent a web page instead of the file")
        length = response.headers.get("Content-Length")
        total = int(length) if length and length.isdigit() else None
        # read1 returns what is there; read would wait for a full chunk however slowly it drips in.
        while chunk := response.read1(_CHUNK):
            received += len(chunk)
            if received > _LARGEST_BYTES:
                raise DownloadError("the file is implausibly large")
            allowed = _GRACE_SECONDS + received / _SLOWEST_BYTES_PER_SECOND
            if time.monotonic() - started > allowed:
                raise DownloadError("the connection is too slow")
            out.write(chunk)
            if progress is not None:
                progress(received, total)
    if received == 0 or (total is not None and received != total):
        raise DownloadError(f"the connection ended after {received} of {total or 'unknown'} bytes")


def _open(url: str) -> http.client.HTTPResponse:
    """Open `url` within `OPEN_SECONDS`.

    A socket's timeout bounds one connection attempt, not the name lookup, nor the attempts at a
    host's other addresses. Hence a thread that may be left behind: it ends on its own later.
    """
    answers: queue.SimpleQueue[http.client.HTTPResponse | BaseException] = queue.SimpleQueue()
    abandoned = threading.Event()

    def request() -> None:
        # The addresses are those of the model tables, and hashes decide what is taken.
        wanted = urllib.request.Request(  # noqa: S310
            url, headers={"User-Agent": "encrypted-face-gallery"}
        )
        try:
            response = urllib.request.urlopen(  # noqa: S310
                wanted,
                timeout=_READ_SECONDS,
                context=tls_context(),
            )
        except BaseException as error:
            answers.put(error)
            return
        if abandoned.is_set():
            response.close()
        else:
            answers.put(response)

    threading.Thread(target=request, name="open-url", daemon=True).start()
    try:
        answer = answers.get(timeout=OPEN_SECONDS)
    except queue.Empty:
        raise DownloadError(f"no answer within {OPEN_SECONDS:g} seconds") from None
    finally:
        abandoned.set()
    if isinstance(answer, BaseException):
        raise answer
    return answer


def tls_context() -> ssl.SSLContext:
    """Return a context that checks certificates against the authorities of this machine."""
    context = ssl.create_default_context()
    # Python from python.org on macOS comes without certificates; DeepFace's requests brings some.
    if find_spec("certifi") is not None:
        import certifi

        with suppress(OSError):
            context.load_verify_locations(certifi.where())
    return context


def _reason(error: BaseException) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return str(error) or type(error).__name__
