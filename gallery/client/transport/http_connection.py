"""A connection to a server over HTTP: addresses, limits, repetition and reported errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

import httpx
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_random_exponential,
)

from gallery import __version__
from gallery.client.keys.secrets import Secret
from gallery.client.transport.access_token import AccessToken
from gallery.client.transport.refusals import (
    MESSAGE,
    STREAM,
    DroppedError,
    check_answer,
    failed_connection,
    foreign_answer,
)
from gallery.client.transport.route import open_client
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
from gallery.url_masking import masked_url

T = TypeVar("T")

_LARGEST_REPORT = 64 * 1024
"""Most bytes that are read of what says that something was done, or why not."""

_TIMEOUT = httpx.Timeout(300.0, connect=10.0)
_SLOW = httpx.Timeout(3600.0, connect=10.0)
"""For what may take as long as writing all tables of a large database anew."""

_RETRY_SECONDS = 20.0
_UNKNOWN_ROUTE: Final = (404, 405)
"""The status of answers to requests of a later version; no gallery has this error."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Connection(Secret):
    """Asks one server, as often as it takes where asking twice is the same as asking once.

    May be shared between threads.

    Parameters
    ----------
    url, token, authorities, plain_http, waiting
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
        self,
        url: str,
        token: AccessToken,
        authorities: Path | None,
        plain_http: bool,
        waiting: Callable[[str], None] | None = None,
    ) -> None:
        self._url, self._waiting = _checked(url, plain_http), waiting
        self._http = open_client(
            httpx.URL(self._url),
            authorities,
            base_url=f"{self._url}/v1/",
            headers={
                "Authorization": f"Bearer {token.reveal()}",
                "User-Agent": f"encrypted-face-gallery/{__version__}",
                "Accept-Encoding": "identity",
            },
            timeout=_TIMEOUT,
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
            "POST", address, empty=True, content=content, headers=headers, timeout=_SLOW
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
            method, address, empty=True, content=message, headers=headers, timeout=_SLOW
        ) as answer:
            _Incoming(answer).read(_LARGEST_REPORT)

    def _repeated(self, once: Callable[[], T]) -> T:
        retrying = Retrying(
            retry=retry_if_exception_type((DroppedError, ServerBusyError)),
            wait=wait_random_exponential(0.2, max=5),
            stop=stop_after_delay(_RETRY_SECONDS),
            before_sleep=self._tell,
            reraise=True,
        )
        return retrying(once)

    def _tell(self, state: RetryCallState) -> None:
        """Say, once for a request, that it is repeated and why."""
        failed = state.outcome and state.outcome.exception()
        if self._waiting is not None and state.attempt_number == 1 and failed is not None:
            reason = failed.message if isinstance(failed, GalleryError) else str(failed)
            self._waiting(f"{reason}; asking again for up to {_RETRY_SECONDS:g} s")

    @contextmanager
    def _answered(
        self, method: str, address: str, *, empty: bool = False, **content: Any
    ) -> Iterator[httpx.Response]:
        """Give the answer to a request; raise the error that it reports, or that it is none."""
        try:
            with self._http.stream(method, address, **content) as answer:
                if not answer.is_success:
                    raise _reported(answer)
                check_answer(answer, empty=empty)
                yield answer
        except httpx.TransportError as error:
            raise failed_connection(self._url, error) from error


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
        parsed.host.encode("idna")
    except (httpx.InvalidURL, UnicodeError) as error:
        # Its message may hold a password that it took for a port.
        raise ServerError(f"the address of the server is not a URL: {masked_url(url)}") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ServerError("the address of a server looks like https://faces.example.org")
    if parsed.port is not None and not 0 < parsed.port < 2**16:
        raise ServerError(
            f"the address of the server names the port {parsed.port}; ports are numbers from 1 to "
            "65535"
        )
    if parsed.userinfo or parsed.query or parsed.fragment:
        raise ServerError(
            "the address of a server has no user, query or fragment", hint=Hint.TOKEN_APART
        )
    if parsed.scheme == "http" and parsed.host not in _LOOPBACK and not plain_http:
        raise ServerError(
            f"the server {masked_url(url)} is on another machine and its address is plain http, so "
            "others on the way could read the token",
            hint=Hint.USE_HTTPS,
        )
    return url.rstrip("/")


def _reported(answer: httpx.Response) -> GalleryError:
    """Return the error that an answer reports."""
    try:
        found = json.loads(_Incoming(answer).read(_LARGEST_REPORT))
        failure = Failure(str(found["title"]), str(found["detail"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return foreign_answer(answer)
    if answer.status_code in _UNKNOWN_ROUTE and failure.kind == ServerError.__name__:
        return ServerError(
            "the server does not know a request of this program: it is older than this program, or "
            "its address has a path that is not its own"
        )
    return failure.error()
