"""A connection to a server over HTTP: addresses, trust, limits, repetition and reported errors."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

import httpx
from tenacity import (
    Retrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_random_exponential,
)

from gallery import __version__
from gallery.client.keys.secrets import Secret
from gallery.errors import (
    GalleryError,
    GalleryNotFoundError,
    MalformedMessageError,
    ServerBusyError,
    ServerError,
    WriteConflictError,
)
from gallery.hints import Hint
from gallery.messages import Failure
from gallery.messages.stream import Readable

T = TypeVar("T")

MESSAGE: Final = "application/vnd.encrypted-face-gallery.message"
STREAM: Final = "application/vnd.encrypted-face-gallery.stream"
_LARGEST_REPORT = 64 * 1024
"""Most bytes that are read of what says that something was done, or why not."""

_TIMEOUT = httpx.Timeout(300.0, connect=10.0)
_SLOW = httpx.Timeout(3600.0, connect=10.0)
"""For what may take as long as writing all tables of a large database anew."""

_RETRY_SECONDS = 20.0
_UNKNOWN_ROUTE: Final = (404, 405)
"""What a server answers to a request that came with a later version; no gallery has this error."""

_BUSY = (502, 503, 504)
"""Statuses of a reverse proxy whose server is away, and of a server with too many connections."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class AccessToken(Secret):
    """A token of a server, which must not be printed or stored by accident."""

    def __init__(self, token: str) -> None:
        self._token = token

    def reveal(self) -> str:
        """Return the token itself, to send it to its server and for nothing else."""
        return self._token


class Connection(Secret):
    """Asks one server, as often as it takes where asking twice is the same as asking once.

    May be shared between threads.

    Parameters
    ----------
    url, token, authorities, plain_http
        As for a `RemoteService`.

    Raises
    ------
    ServerError
        Here if the address is not one, and by every method if the server cannot be reached or
        answers something else than this program expects.
    GalleryError
        By every method: what the server reports.
    """

    def __init__(
        self, url: str, token: AccessToken, authorities: Path | None, plain_http: bool
    ) -> None:
        self._url = _checked(url, plain_http)
        self._http = httpx.Client(
            base_url=f"{self._url}/v1/",
            headers={
                "Authorization": f"Bearer {token.reveal()}",
                "User-Agent": f"encrypted-face-gallery/{__version__}",
                "Accept-Encoding": "identity",
            },
            timeout=_TIMEOUT,
            verify=_trust(authorities),
            # A proxy that the environment names would read a token that goes by plain HTTP.
            trust_env=self._url.startswith("https:"),
        )

    def close(self) -> None:
        """Close all sockets."""
        self._http.close()

    def get(self, address: str, largest: int) -> bytes:
        """Return the message at an address, which has ``largest`` bytes at most.

        Raises
        ------
        MalformedMessageError
            If it is longer; no more of it is received.
        """

        def once() -> bytes:
            with self._answered("GET", address) as answer:
                message = _Incoming(answer).read(largest + 1)
            if len(message) > largest:
                raise MalformedMessageError(
                    f"the server's answer is longer than the {largest} bytes that it can have"
                )
            return message

        return self._repeated(once)

    def send(self, method: str, address: str, message: bytes) -> None:
        """Send a message, to which there is no answer but that it was done."""
        self._repeated(lambda: self._send(method, address, message))

    def change(
        self,
        method: str,
        address: str,
        message: bytes,
        in_effect: Callable[[], bool],
        *,
        erases: bool,
    ) -> None:
        """Ask for what cannot be done twice, until it is known to be done once.

        A try whose answer was lost may have been done. Then the next one is refused, as one that
        comes too late, and the state of the gallery tells whether that was ours.

        Parameters
        ----------
        method, address, message
            As for `send`.
        in_effect
            Tells whether the gallery is as the change leaves it.
        erases
            Whether traces must be gone from the database's files before it counts as done.
        """
        tries = 0

        def once() -> None:
            nonlocal tries
            tries += 1
            try:
                self._send(method, address, message)
            except (GalleryNotFoundError, WriteConflictError):
                if tries == 1 or not in_effect():
                    raise
                if erases:  # the lost answer may have been that traces are left
                    self._send("POST", "purge", b"")

        self._repeated(once)

    def send_stream(self, address: str, content: Iterator[bytes]) -> None:
        """Send a stream, once, to which there is no answer but that it was done."""
        headers = {"Content-Type": STREAM}
        with self._answered(
            "POST", address, content=content, headers=headers, timeout=_SLOW
        ) as answer:
            _Incoming(answer).read(_LARGEST_REPORT)

    def ask(self, address: str, message: bytes, read: Callable[[Readable], T]) -> T:
        """Send a message, and return what a function reads out of the answer to it."""
        headers = {"Content-Type": MESSAGE}

        def once() -> T:
            with self._answered("POST", address, content=message, headers=headers) as answer:
                return read(_Incoming(answer))

        return self._repeated(once)

    def _send(self, method: str, address: str, message: bytes) -> None:
        headers = {"Content-Type": MESSAGE}
        with self._answered(
            method, address, content=message, headers=headers, timeout=_SLOW
        ) as answer:
            _Incoming(answer).read(_LARGEST_REPORT)

    def _repeated(self, once: Callable[[], T]) -> T:
        retrying = Retrying(
            retry=retry_if_exception_type((_DroppedError, ServerBusyError)),
            wait=wait_random_exponential(0.2, max=5),
            stop=stop_after_delay(_RETRY_SECONDS),
            reraise=True,
        )
        return retrying(once)

    @contextmanager
    def _answered(self, method: str, address: str, **content: Any) -> Iterator[httpx.Response]:
        """Give the answer to a request; raise the error that it reports."""
        try:
            with self._http.stream(method, address, **content) as answer:
                if not answer.is_success:
                    raise _reported(answer)
                yield answer
        except httpx.TransportError as error:
            reason, hint = _reason(error)
            raise _DroppedError(
                f"no answer from the server {self._url}: {reason}", hint=hint
            ) from error


class _DroppedError(ServerError):
    """The connection to a server could not be made, or broke."""


class _Incoming:
    """The body of an answer as something that can be read piece by piece."""

    def __init__(self, answer: httpx.Response) -> None:
        self._chunks = answer.iter_raw()
        self._rest = bytearray()

    def read(self, size: int) -> bytes:
        """Return the next bytes, fewer than ``size`` only at the end."""
        while len(self._rest) < size and (chunk := next(self._chunks, None)) is not None:
            self._rest += chunk
        taken = bytes(self._rest[:size])
        del self._rest[:size]
        return taken


def quoted(name: str) -> str:
    """Return a name as one segment of an address."""
    # A segment of dots alone would be taken for a step in the path.
    return quote(name, safe="").replace(".", "%2E")


def _checked(url: str, plain_http: bool) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ServerError(f"the address of the server is not a URL: {error}") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ServerError("the address of a server looks like https://faces.example.org")
    if parsed.userinfo or parsed.query or parsed.fragment:
        raise ServerError(
            "the address of a server has no user, query or fragment", hint=Hint.TOKEN_APART
        )
    if parsed.scheme == "http" and parsed.host not in _LOOPBACK and not plain_http:
        raise ServerError(
            f"the server {url} is on another machine and its address is plain http, so others on "
            "the way could read the token",
            hint=Hint.USE_HTTPS,
        )
    return url.rstrip("/")


def _trust(authorities: Path | None) -> ssl.SSLContext | bool:
    if authorities is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(authorities))
    except (OSError, ssl.SSLError) as error:
        raise ServerError(
            f"the certificates in {authorities} cannot be used: {error.strerror or error}"
        ) from error


def _reported(answer: httpx.Response) -> GalleryError:
    """Return the error that an answer reports."""
    try:
        found = json.loads(_Incoming(answer).read(_LARGEST_REPORT))
        failure = Failure(str(found["title"]), str(found["detail"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        if answer.status_code in _BUSY:
            return ServerBusyError("the server, or what stands before it, is busy or restarting")
        return ServerError(
            f"the server answered with HTTP status {answer.status_code} and nothing that this "
            "program knows; is its address that of a gallery server?"
        )
    if answer.status_code in _UNKNOWN_ROUTE and failure.kind == ServerError.__name__:
        return ServerError(
            "the server does not know a request of this program; it is older than this program"
        )
    return failure.error()


def _reason(error: httpx.TransportError) -> tuple[str, Hint | None]:
    text = str(error) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "its certificate is not trusted here", Hint.TRUST_AUTHORITY
    if isinstance(error, httpx.ConnectError):
        return f"{text}; is it running, and is the address right?", None
    return f"{text}; what was finished before is kept", Hint.TRY_AGAIN
