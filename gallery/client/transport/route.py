"""The way to a server as the environment says it: proxies, and certificates to trust."""

from __future__ import annotations

import ipaddress
import os
import ssl
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any, Final

import httpx

from gallery.errors import ServerError

_PROXY_VARIABLES: Final = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
"""Variables that name the proxy for a server at https; the first that is set counts."""


@dataclass(frozen=True)
class Proxy:
    """A proxy that the environment names.

    Attributes
    ----------
    origin
        Where it is named, in words.
    address
        The address that is named there. It may hold a password.
    """

    origin: str
    address: str = field(repr=False)


def open_client(url: httpx.URL, authorities: Path | None, **options: Any) -> httpx.Client:
    """Return an HTTP client for one server.

    A proxy that the environment names would read a token that goes by plain HTTP, so only https
    goes by one.

    Parameters
    ----------
    url
        The server's address.
    authorities
        PEM file of the certificates to trust instead of the usual ones.
    **options
        As for `httpx.Client`.

    Raises
    ------
    ServerError
        If certificates, or a proxy that the environment names, cannot be used; the message says
        where they are named, not what stands there.
    """
    context, proxy = _trust(authorities), proxy_for(url)
    if proxy is None:
        return _without_cookies(httpx.Client(verify=context, trust_env=False, **options))
    address = proxy.address.strip()
    if "://" not in address:
        address = f"http://{address.removeprefix('//')}"
    try:
        named = httpx.Proxy(address)
        if not named.url.host:
            raise ValueError("it names no host")
        if not 0 < (named.url.port or 1) < 2**16:
            raise ValueError("there is no such port")
        return _without_cookies(
            httpx.Client(verify=context, trust_env=False, proxy=named, **options)
        )
    except ImportError as error:
        raise ServerError(
            f"{proxy.origin} names a SOCKS proxy, for which the package socksio is lacking: pip "
            "install socksio"
        ) from error
    except (httpx.InvalidURL, ValueError) as error:
        raise ServerError(
            f"{proxy.origin} names no proxy that can be used; one looks like "
            "http://proxy.example.org:3128"
        ) from error


def _without_cookies(client: httpx.Client) -> httpx.Client:
    """Have a client keep no cookies: a server could fill its memory, and know the process by it."""
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
    return client


def proxy_for(url: httpx.URL) -> Proxy | None:
    """Return the proxy by which a server is to be reached, if there is one."""
    if url.scheme != "https" or _is_direct(url):
        return None
    for name in _PROXY_VARIABLES:
        if address := _value(name):
            return Proxy(f"the variable {name}", address)
    # Where no variable is set, macOS and Windows have settings of their own.
    found = urllib.request.getproxies().get("https", "").strip()
    return Proxy("the system's setting of a proxy", found) if found else None


def proxy_variables() -> list[str]:
    """Return the names of the variables that say by which way servers are reached, if any do."""
    return [name for name in (*_PROXY_VARIABLES, "no_proxy", "NO_PROXY") if _value(name)]


def trust_variables() -> list[str]:
    """Return the names of the variables that say which certificates are trusted, if any do."""
    return [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if _value(name)]


def _is_direct(url: httpx.URL) -> bool:
    """Tell whether ``NO_PROXY`` has the server: its name, the end of it, or a network."""
    listed = _value("no_proxy") or _value("NO_PROXY")
    entries = [entry.strip() for entry in listed.split(",")]
    if "*" in entries or urllib.request.proxy_bypass(url.netloc.decode("ascii")):
        return True
    try:
        address = ipaddress.ip_address(url.host)
    except ValueError:
        return False
    return any(address in network for network in _networks(entries))


def _networks(entries: Iterable[str]) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    for entry in entries:
        with suppress(ValueError):
            yield ipaddress.ip_network(entry.strip("[]"), strict=False)


def _trust(authorities: Path | None) -> ssl.SSLContext:
    """Return the certificates to trust; without others those that come with httpx."""
    if keys := _value("SSLKEYLOGFILE"):
        with _named("the file of the variable SSLKEYLOGFILE"):
            # OpenSSL writes only when it connects, and calls a full disk a mistake of the server's.
            # A comment is what readers of such files pass over.
            with open(keys, "ab", buffering=0) as log:
                log.write(b"#\n")
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).keylog_filename = keys
    if authorities is not None:
        with _named(f"the certificates in {authorities}"):
            return ssl.create_default_context(cafile=str(authorities))
    if file := _value("SSL_CERT_FILE"):
        with _named("the file of certificates that the variable SSL_CERT_FILE names"):
            return ssl.create_default_context(cafile=file)
    if folder := _value("SSL_CERT_DIR"):
        with _named("the folder of certificates that the variable SSL_CERT_DIR names"):
            # OpenSSL takes a folder that is not there for an empty one, and trusts nobody.
            for path in folder.split(os.pathsep):
                os.listdir(path)
            return ssl.create_default_context(capath=folder)
    return httpx.create_ssl_context(trust_env=False)


@contextmanager
def _named(what: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # an ssl.SSLError is an OSError
        reason = "nothing in it is a certificate" if isinstance(error, ssl.SSLError) else None
        reason = reason or getattr(error, "strerror", None) or "it is no path"
        raise ServerError(f"{what} cannot be used: {reason}") from error


def _value(variable: str) -> str:
    return os.environ.get(variable, "").strip()
