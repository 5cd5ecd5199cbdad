"""Photos on the web: fetched within limits, and never from an address inside of a network.

A URL may come from somebody else: who can have this machine ask its own network reaches cameras,
routers and the metadata services of clouds. So every address that a name stands for is checked, the
connection goes to the address that was checked, and each redirect is checked anew.
"""

from __future__ import annotations

import base64
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit, urlunsplit

from gallery.client.photos.download import tls_context
from gallery.errors import UnreadablePhotoError
from gallery.hints import Hint
from gallery.url_masking import masked_url

LARGEST_BYTES: Final = 64 * 1024**2
"""Larger photos are not fetched."""

SECONDS: Final = 30.0
"""Seconds that one photo may take, with all redirects, once its host's name is known."""

REDIRECTS: Final = 5
"""The most redirects that are followed."""

_SILENT_SECONDS: Final = 10.0
_CHUNK: Final = 1 << 16
_PORTS: Final = {"http": 80, "https": 443}
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_KEPT: Final = "/%:=&?~#+!$,;'@()*[]"
"""Characters of a path and a query that are not escaped."""

# The global unicast range of IPv6 (RFC 4291), and the prefix by which translators reach IPv4.
_UNICAST: Final = ipaddress.ip_network("2000::/3")
_TRANSLATED: Final = ipaddress.ip_network("64:ff9b::/96")

_Address = tuple[int, tuple[str, int]]


class _FetchError(Exception):
    """A photo cannot be fetched; the message is the reason."""

    def __init__(self, reason: str, hint: Hint | None = None) -> None:
        super().__init__(reason)
        self.hint = hint


@dataclass(frozen=True)
class PhotoUrl:
    """The address of a photo on the web, ``http`` or ``https``.

    Attributes
    ----------
    url
        The address; a user and a password in it are sent to its host alone.
    allow_private
        Whether the host may be inside of a network, such as a camera, or this machine itself.
    """

    url: str
    allow_private: bool = False

    def __str__(self) -> str:
        """Return the address as messages name it: without passwords and what may be one."""
        return masked_url(self.url)


def is_url(text: str) -> bool:
    """Whether a text is an address of the web, not a path."""
    return text.lower().startswith(("http://", "https://"))


def fetch_photo(photo: PhotoUrl) -> bytes:
    """Return the file that an address leads to; no proxy is asked.

    Raises
    ------
    UnreadablePhotoError
        The address is malformed or leads into a network, or the file is missing, too large or too
        slow to come.
    """
    try:
        return _followed(photo)
    except _FetchError as error:
        raise _refusal(photo, str(error), error.hint) from error
    except ssl.SSLCertVerificationError as error:
        raise _refusal(photo, f"its certificate is not trusted ({error.verify_message})") from error
    except TimeoutError as error:
        raise _refusal(photo, "the server does not answer in time") from error
    except socket.gaierror as error:
        raise _refusal(photo, f"its host is not known ({error.strerror})") from error
    except OSError as error:
        raise _refusal(photo, f"{error.strerror or error}") from error
    except (http.client.HTTPException, ValueError) as error:
        said = f"the server gives no sensible answer ({type(error).__name__})"
        raise _refusal(photo, said) from error


def _refusal(photo: PhotoUrl, reason: str, hint: Hint | None = None) -> UnreadablePhotoError:
    return UnreadablePhotoError(f"The photo {photo} cannot be fetched: {reason}", hint=hint)


def _followed(photo: PhotoUrl) -> bytes:
    target = _parsed(photo.url)
    login = _login_of(target)
    with _Deadline(SECONDS) as deadline:
        for _ in range(REDIRECTS + 1):
            with _answer_of(target, login, photo.allow_private, deadline) as answer:
                location = answer.getheader("Location")
                if answer.status not in _MOVED or location is None:
                    return _body_of(answer, deadline)
                following = _parsed(location, target.geturl())
            if (target.scheme, following.scheme) == ("https", "http"):
                raise _FetchError("it leads from https to http")
            if _origin_of(following) != _origin_of(target):
                login = None
            target = following
    raise _FetchError(f"it leads on more than {REDIRECTS} times")


def _parsed(url: str, base: str = "") -> SplitResult:
    """Return the parts of an address, which may be relative to another one, in ASCII."""
    try:
        parts = urlsplit(urljoin(base, url))
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode("ascii")
    except ValueError as error:  # a bad port or bracket; UnicodeError is one too
        raise _FetchError("the address is not well-formed") from error
    if parts.scheme not in _PORTS or not host or port == 0:
        raise _FetchError("the address must be http:// or https://, with a host")
    named = f"[{host}]" if ":" in host else host
    user, at, _ = parts.netloc.rpartition("@")
    place = f"{user}{at}{named}" if port is None else f"{user}{at}{named}:{port}"
    path, query = (quote(part, safe=_KEPT) for part in (parts.path or "/", parts.query))
    return SplitResult(parts.scheme, place, path, query, "")


def _login_of(target: SplitResult) -> str | None:
    if target.username is None:
        return None
    pair = f"{unquote(target.username)}:{unquote(target.password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode("ascii")


def _origin_of(target: SplitResult) -> tuple[str, str | None, int]:
    return target.scheme, target.hostname, target.port or _PORTS[target.scheme]


@contextmanager
def _answer_of(
    target: SplitResult, login: str | None, allow_private: bool, deadline: _Deadline
) -> Iterator[http.client.HTTPResponse]:
    scheme, host, port = _origin_of(target)
    connection = http.client.HTTPConnection(host or "", port)
    connection.default_port = _PORTS[scheme]
    connected = _connect(_addresses(host or "", port, allow_private), deadline)
    try:
        if scheme == "https":
            connected = tls_context().wrap_socket(
                connected, server_hostname=host, do_handshake_on_connect=False
            )
        connection.sock = connected
        deadline.watch(connected)
        headers = {"User-Agent": "encrypted-face-gallery", "Accept": "image/*"}
        if login is not None:
            headers["Authorization"] = login
        wanted = urlunsplit(("", "", target.path, target.query, ""))
        try:
            if isinstance(connected, ssl.SSLSocket):
                connected.do_handshake()
            connection.request("GET", wanted, headers=headers)
            with connection.getresponse() as answer:
                yield answer
        except (OSError, http.client.HTTPException):
            deadline.check()
            raise
    finally:
        connected.close()


def _body_of(answer: http.client.HTTPResponse, deadline: _Deadline) -> bytes:
    if answer.status != http.client.OK:
        raise _FetchError(f"the server answers {answer.status} {answer.reason}".rstrip()[:80])
    too_large = f"it has more than {LARGEST_BYTES // 1024**2} MiB"
    length = answer.getheader("Content-Length", "")
    if length.isdigit() and int(length) > LARGEST_BYTES:
        raise _FetchError(too_large)
    content = bytearray()
    while chunk := answer.read1(_CHUNK):
        content += chunk
        if len(content) > LARGEST_BYTES:
            raise _FetchError(too_large)
    deadline.check()
    if length.isdigit() and len(content) != int(length):
        raise _FetchError(f"the connection ended after {len(content)} of {length} bytes")
    return bytes(content)


def _addresses(host: str, port: int, allow_private: bool) -> list[_Address]:
    """Return the addresses of a host, none of which may be inside of a network unless allowed."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for *_, address in found:
        if not (allow_private or is_public(str(address[0]))):
            raise _FetchError(
                "its host is this machine, or inside of a network", Hint.ALLOW_PRIVATE_ADDRESS
            )
    # All of a socket's address, since that of IPv6 has a zone besides.
    return [(family, address) for family, _, _, _, address in found]  # type: ignore[misc]


def is_public(text: str) -> bool:
    """Whether an address is somebody's out in the world, and no form of one that is not."""
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast
    if address.ipv4_mapped is not None:
        return is_public(str(address.ipv4_mapped))
    if address in _TRANSLATED:
        return is_public(str(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)))
    if address.sixtofour is not None:
        return is_public(str(address.sixtofour))
    return address in _UNICAST and address.is_global and address.teredo is None


def _connect(addresses: list[_Address], deadline: _Deadline) -> socket.socket:
    """Connect to the first address that answers; a name may stand for any number that do not."""
    refused: OSError = OSError("its host has no address")
    for family, address in addresses:
        connected = socket.socket(family, socket.SOCK_STREAM)
        try:
            connected.settimeout(min(_SILENT_SECONDS, deadline.left()))
            connected.connect(address)
            connected.settimeout(_SILENT_SECONDS)
            return connected
        except OSError as error:
            connected.close()
            deadline.check()
            refused = error
    raise refused


class _Deadline:
    """Ends a connection when its time is over, however little of it comes at a time."""

    def __init__(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._ends = time.monotonic() + seconds
        self._over = False
        self._watched: socket.socket | None = None

    def __enter__(self) -> _Deadline:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def watch(self, connected: socket.socket) -> None:
        """End this connection when the time is over."""
        self._watched = connected
        self.check()

    def left(self) -> float:
        """Return the seconds that are left (`TimeoutError` if there are none)."""
        self.check()
        return self._ends - time.monotonic()

    def check(self) -> None:
        """Raise `TimeoutError` if the time is over."""
        if self._over or time.monotonic() >= self._ends:
            raise TimeoutError

    def _end(self) -> None:
        self._over = True
        if self._watched is not None:
            with suppress(OSError):
                self._watched.shutdown(socket.SHUT_RDWR)
