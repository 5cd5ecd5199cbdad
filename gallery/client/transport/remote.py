"""The keyless side on another machine, reached over HTTP."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
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
from gallery.errors import GalleryError, MalformedMessageError, ServerBusyError, ServerError
from gallery.messages import (
    BlockIndices,
    BlockReferences,
    BlockResult,
    BlockUpdate,
    EncryptedBlock,
    Failure,
    GalleryContent,
    GalleryDescription,
    GalleryNames,
    GalleryRedescription,
    GalleryReplacement,
    GalleryUpdate,
    Manifest,
    SearchRequest,
    SearchResult,
)
from gallery.messages.stream import read_stream, write_stream

T = TypeVar("T")

MESSAGE = "application/vnd.encrypted-face-gallery.message"
STREAM = "application/vnd.encrypted-face-gallery.stream"
LARGEST_MESSAGE = 1024**3
"""Most bytes of one message of a server that are read: several of the largest blocks there are."""

_LARGEST_REPORT = 64 * 1024
"""Most bytes that are read of what says that something was done, or why not."""

_TIMEOUT = httpx.Timeout(300.0, connect=10.0)
_SLOW = httpx.Timeout(3600.0, connect=10.0)
"""For what may take as long as writing all tables of a large database anew."""

_RETRY_SECONDS = 20.0
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


class RemoteService(Secret):
    """Implements `gallery.protocol.GalleryService` by asking a server.

    Requests that a broken connection or a busy server kept from being done are sent again for some
    seconds, if doing them twice is the same as doing them once: reading, searching, and writes,
    which the server recognises by the manifest that they lead to. The answer to a search is
    received whole before any of it is given out. May be shared between threads.

    Parameters
    ----------
    url
        Address of the server, such as ``https://faces.example.org``.
    token
        What the server admits its holder for.
    authorities
        PEM file of the certificates to trust instead of the usual ones.
    plain_http
        Whether plain HTTP to another machine is meant: whoever is in between reads the token.

    Raises
    ------
    ServerError
        Here if the address is not one, and by every method if the server cannot be reached or
        answers something else than this program expects.
    AccessDeniedError
        By every method, if the token does not allow it.
    ServerBusyError
        By every method, if the server has been at one of its limits for too long.
    """

    def __init__(
        self,
        url: str,
        token: AccessToken,
        *,
        authorities: Path | None = None,
        plain_http: bool = False,
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
        """Close all connections."""
        self._http.close()

    def create_gallery(self, description: GalleryDescription, manifest: Manifest) -> None:
        """Make an empty gallery; `GalleryExistsError` if its name is taken."""
        self._put("POST", "galleries", GalleryContent(description, manifest).to_bytes())

    def gallery_names(self) -> list[str]:
        """Return the names of all galleries that the token is for, sorted."""
        return list(GalleryNames.from_bytes(self._get("galleries")).names)

    def describe(self, name: str) -> GalleryDescription:
        """Return the description of the gallery of that name."""
        return GalleryDescription.from_bytes(self._get(f"descriptions/{_quoted(name)}"))

    def manifest(self, gallery_id: bytes) -> Manifest:
        """Return the newest manifest."""
        return Manifest.from_bytes(self._get(f"galleries/{gallery_id.hex()}/manifest"))

    def block(self, gallery_id: bytes, index: int) -> EncryptedBlock:
        """Return the newest version of a block; `MissingBlockError` if there is none."""
        return EncryptedBlock.from_bytes(self._get(f"galleries/{gallery_id.hex()}/blocks/{index}"))

    def stored_blocks(self, gallery_id: bytes) -> tuple[int, ...]:
        """Return the indices of all blocks that are stored, ascending, named or not."""
        return BlockIndices.from_bytes(self._get(f"galleries/{gallery_id.hex()}/blocks")).indices

    def references(self, gallery_id: bytes, index: int) -> BlockReferences:
        """Return the references of the newest version of a block; `MissingBlockError` likewise."""
        address = f"galleries/{gallery_id.hex()}/blocks/{index}/references"
        return BlockReferences.from_bytes(self._get(address))

    def write(self, gallery_id: bytes, update: GalleryUpdate) -> None:
        """Apply an update whole; `WriteConflictError` if the gallery is at another version."""
        self._put("POST", f"galleries/{gallery_id.hex()}/updates", update.to_bytes())

    def purge(self) -> None:
        """Remove every trace of replaced and erased data from the database's files."""
        self._put("POST", "purge", b"")

    def restore(
        self, description: GalleryDescription, manifest: Manifest, blocks: Iterable[BlockUpdate]
    ) -> None:
        """Make a gallery with content, whole or not at all."""
        content = GalleryContent(description, manifest).to_bytes()

        def messages() -> Iterator[bytes]:
            yield content
            yield from (item.to_bytes() for item in blocks)

        headers = {"Content-Type": STREAM}
        with self._answered(
            "POST",
            "restore",
            content=write_stream(messages()),
            headers=headers,
            timeout=_SLOW,
        ) as answer:
            _Incoming(answer).read(_LARGEST_REPORT)

    def replace(
        self,
        old_gallery_id: bytes,
        old_version: int,
        description: GalleryDescription,
        version: int,
    ) -> None:
        """Let a gallery take the place of an old one, which is erased, in one step."""
        message = GalleryReplacement(old_version, description, version).to_bytes()
        address = f"galleries/{old_gallery_id.hex()}/replacement"
        self._put("PUT", address, message, repeatable=False)

    def redescribe(self, former_mac: bytes, description: GalleryDescription) -> None:
        """Put a new description in the place of the one that has the given MAC."""
        message = GalleryRedescription(former_mac, description).to_bytes()
        address = f"galleries/{description.gallery_id.hex()}/description"
        self._put("PUT", address, message, repeatable=False)

    def delete(self, gallery_id: bytes) -> None:
        """Erase a gallery."""
        self._put("DELETE", f"galleries/{gallery_id.hex()}", b"", repeatable=False)

    def search(self, request: SearchRequest) -> SearchResult:
        """Compare probes with every position of every block, as of one manifest."""
        address, body = f"galleries/{request.gallery_id.hex()}/search", request.to_bytes()
        return self._repeated(lambda: self._search(address, body))

    def _search(self, address: str, body: bytes) -> SearchResult:
        headers = {"Content-Type": MESSAGE}
        with self._answered("POST", address, content=body, headers=headers) as answer:
            messages = read_stream(_Incoming(answer), LARGEST_MESSAGE)
            manifest = Manifest.from_bytes(next(messages, b""))
            blocks: list[BlockResult] = []
            for message in messages:
                if len(blocks) == len(manifest.entries):
                    raise MalformedMessageError("the server answered more blocks than there are")
                blocks.append(BlockResult.from_bytes(message))
        return SearchResult(manifest, iter(blocks))

    def _get(self, address: str) -> bytes:
        def once() -> bytes:
            with self._answered("GET", address) as answer:
                return _Incoming(answer).read(LARGEST_MESSAGE)

        return self._repeated(once)

    def _put(self, method: str, address: str, body: bytes, *, repeatable: bool = True) -> None:
        headers = {"Content-Type": MESSAGE}

        def once() -> None:
            with self._answered(
                method, address, content=body, headers=headers, timeout=_SLOW
            ) as answer:
                _Incoming(answer).read(_LARGEST_REPORT)

        if repeatable:
            self._repeated(once)
        else:
            once()

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
            raise _DroppedError(
                f"no answer from the server {self._url}: {_reason(error)}"
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


def _quoted(name: str) -> str:
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
            "the address of a server has no user, query or fragment; the token goes into "
            "GALLERY_TOKEN or a token file"
        )
    if parsed.scheme == "http" and parsed.host not in _LOOPBACK and not plain_http:
        raise ServerError(
            f"the server {url} is on another machine and its address is plain http, so others on "
            "the way could read the token; use https, or say --plain-http"
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
    return failure.error()


def _reason(error: httpx.TransportError) -> str:
    text = str(error) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return (
            "its certificate is not trusted here; name a file with its authority's certificate "
            "with --server-ca"
        )
    if isinstance(error, httpx.ConnectError):
        return f"{text}; is it running, and is the address right?"
    return f"{text}; run the command again, what was finished is kept"
