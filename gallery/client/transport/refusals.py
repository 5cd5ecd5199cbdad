"""Answers that are no gallery server's, and connections that fail: what each means, in words."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from typing import Final

import httpx

from gallery.client.transport.route import proxy_for, proxy_variables, trust_variables
from gallery.errors import GalleryError, RequestTooLargeError, ServerBusyError, ServerError
from gallery.hints import Hint

MESSAGE: Final = "application/vnd.encrypted-face-gallery.message"
STREAM: Final = "application/vnd.encrypted-face-gallery.stream"

_OWN_TYPES: Final = frozenset({MESSAGE, STREAM, "application/octet-stream", ""})

_BUSY: Final = frozenset({429, 502, 503, 504})
"""Statuses of a reverse proxy whose server is away, and of a server with too many connections."""

_LONGEST_ADDRESS: Final = 200

_BROKEN: Final = re.compile("disconnected|closed connection")
"""Texts of httpx's protocol errors for connections that end too early."""


class DroppedError(ServerError):
    """A connection to a server could not be made, or broke; another try may do better."""


# --- answers --------------------------------------------------------------------------------------


def check_answer(answer: httpx.Response, *, empty: bool) -> None:
    """Check that an answer is of the kind that a gallery server gives.

    Parameters
    ----------
    answer
        A successful answer, of which only the head is looked at.
    empty
        Whether it is to say no more than that something was done.

    Raises
    ------
    ServerError
        If something else than a gallery server answers: a login page, or a redirect to one.
    """
    if empty:
        own = answer.status_code == httpx.codes.NO_CONTENT
    else:
        nothing = answer.headers.get("Content-Length", "").strip() == "0"  # no message is empty
        own = answer.status_code == httpx.codes.OK and _media_type(answer) in _OWN_TYPES
        own = own and not nothing
    if not own:
        raise foreign_answer(answer)


def foreign_answer(answer: httpx.Response) -> GalleryError:
    """Return the error for an answer that no gallery server gives: most often that of a proxy."""
    status, sent = answer.status_code, _kind(answer)
    if answer.is_redirect or 300 <= status < 400:
        return ServerError(
            f"the address of the server sends on to {_location(answer)} (HTTP status {status}): a "
            "login page of a network or proxy, or the server has moved"
        )
    if answer.is_success:
        return ServerError(
            f"the address of the server leads to no gallery server: it sent {sent} with HTTP "
            f"status {status}, as login pages of networks and proxies do"
        )
    if status == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
        return RequestTooLargeError(
            "a proxy before the server takes no request of this size (HTTP status 413): the "
            "operator has to raise its limit, which nginx calls client_max_body_size and sets to "
            "1 MB"
        )
    if status in _BUSY:
        return ServerBusyError(
            f"the server, or a proxy before it, is busy or restarting (HTTP status {status}, "
            f"{sent})"
        )
    if status in (401, 403, 407):
        return ServerError(
            f"a proxy before the server does not let this request pass (HTTP status {status}, "
            f"{sent}): it wants a login of its own"
        )
    return ServerError(
        f"the server, or a proxy before it, answered with HTTP status {status}, {sent}, which this "
        "program does not understand; is its address that of a gallery server?"
    )


def _media_type(answer: httpx.Response) -> str:
    return str(answer.headers.get("Content-Type", "")).partition(";")[0].strip().lower()


def _kind(answer: httpx.Response) -> str:
    kind = _media_type(answer)
    if kind in ("text/html", "application/xhtml+xml"):
        return "a web page"
    return f"content of the type {_printable(kind)}" if kind else "content of no type"


def _location(answer: httpx.Response) -> str:
    # Without what follows the path: links of login pages hold identifiers of sessions.
    address = str(answer.headers.get("Location", "")).partition("?")[0]
    return _printable(address) if address else "nowhere"


def _printable(text: str) -> str:
    """Return text of an unknown sender without what steers a terminal."""
    shown = "".join(char if char.isascii() and char.isprintable() else "?" for char in text)
    return shown[:_LONGEST_ADDRESS]


# --- connections ----------------------------------------------------------------------------------


def failed_connection(url: str, error: httpx.TransportError) -> ServerError:
    """Return the error for a connection that failed: a `DroppedError` if another try may succeed.

    Parameters
    ----------
    url
        The server's address.
    error
        What happened.
    """
    causes = list(_causes(error))
    text = f"no answer from the server {url}"
    if isinstance(error, httpx.ProxyError):
        proxy = proxy_for(httpx.URL(url))
        through = proxy.origin if proxy else "the environment"
        return ServerError(f"{text}: the proxy that {through} names refuses: {_shown(error)}")
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _untrusted(text, cause)
    if _speaks_no_tls(causes):
        return ServerError(
            f"{text}: the program there does not speak TLS as it should ({_shown(error)}); is its "
            "address http instead of https, or its port another?"
        )
    if isinstance(error, httpx.RemoteProtocolError) and not _BROKEN.search(str(error)):
        return ServerError(
            f"{text}: the program there does not speak HTTP as it should ({_shown(error)}); is its "
            "port another?"
        )
    if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol):
        return ServerError(f"{text}: {_shown(error)}")
    if isinstance(error, httpx.ConnectError):
        right = " and ".join(["its address", *proxy_variables()])
        if any(_is_unknown_name(cause) for cause in causes):
            return ServerError(f"{text}: no machine of that name is known; check {right}")
        return DroppedError(f"{text}: {_shown(error)}; is it running? Check {right}, too")
    # So ends a server that speaks TLS what begins without it.
    plain = "; is its address https instead of http?" if url.startswith("http:") else ""
    return DroppedError(
        f"{text}: {_shown(error).rstrip('.')}{plain}; what was finished before is kept",
        hint=Hint.TRY_AGAIN,
    )


_OTHER_NAME: Final = frozenset({62, 64})
"""OpenSSL's errors for a certificate of another name, or of another address (X509_V_ERR)."""

_NOT_YET, _NO_LONGER = 9, 10
"""OpenSSL's errors for a certificate before and after the time of its validity."""


def _untrusted(text: str, error: ssl.SSLCertVerificationError) -> ServerError:
    code = error.verify_code
    if code in _OTHER_NAME:
        return ServerError(
            f"{text}: its certificate is for another name than this; give the address by the name "
            "that it is for"
        )
    if code in (_NOT_YET, _NO_LONGER):
        when = "is not valid yet" if code == _NOT_YET else "has expired"
        return ServerError(
            f"{text}: its certificate {when}, by the clock of this machine; have it renewed, or "
            "set the clock"
        )
    return ServerError(
        f"{text}: its certificate is not trusted here{_by(trust_variables())}",
        hint=Hint.TRUST_AUTHORITY,
    )


def _by(names: list[str]) -> str:
    return f", by {' and '.join(names)}" if names else ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _speaks_no_tls(causes: list[BaseException]) -> bool:
    # A connection that ends in the middle of a handshake is only broken.
    return any(
        isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError)
        for cause in causes
    )


def _is_unknown_name(cause: BaseException) -> bool:
    return isinstance(cause, socket.gaierror) and cause.errno != socket.EAI_AGAIN


def _shown(error: httpx.TransportError) -> str:
    return _printable(str(error)) or type(error).__name__
