"""Masking of URLs, so that no password is printed, logged or sent with one.

A URL may be mistyped, and a password in it may hold what should have been escaped. So where two
readings are possible, the one that hides more is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

MASK = "***"

_SCHEME = re.compile(r"\s*[A-Za-z][A-Za-z0-9+._-]*")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+._-]*://\S+")
_END = re.compile(r"[.,;:!)\]}>'\"]*$")
"""Punctuation that ends the sentence or quotation in which a URL stands, not the URL."""

_WELL_FORMED = re.compile(
    r"""(?:[^@:/?\#]*(?P<password>:[^@/?\#]*)?@)?  # user and password
        (?:\[[^]@/]*\]|[^@:/?\#\[\]%]*)(?::\d*)?   # host and port
        (?:/[^@?]*)?(?:\?.*)?                      # path and query
    """,
    re.VERBOSE | re.DOTALL,
)

_TWO_WAYS = re.compile(r"[^@/?#]+/[^@?#]*[?#].*@.*", re.DOTALL)
"""A query with an ``@``, or a password with all that; each reading shows what the other hides."""

_PUBLIC = re.compile(
    "application_name|cache|cached_statements|channel_binding|check_same_thread|client_encoding|"
    "connect_timeout|dbname|gssencmode|host|hostaddr|immutable|isolation_level|keepalives|mode|"
    "nolock|port|psow|sslmode|target_session_attrs|timeout|uri|user|vfs",
    re.IGNORECASE,
)
"""Names of a query whose values may be shown; there may be secrets in any other."""

_USER = re.compile(r"(?P<name>.*?)(?::|%(?:25)*3A).*", re.DOTALL | re.IGNORECASE)
"""A user with a password, also after a colon that was escaped."""

_WEB = ("http", "https", "socks4", "socks4a", "socks5", "socks5h", "tcp", "tls")
"""Schemes whose user may be a token in itself."""


def masked_url(url: str) -> str:
    """Return a URL, or what was meant as one, without its password and other secrets.

    Parameters
    ----------
    url
        Any text.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or not _SCHEME.fullmatch(scheme):
        scheme, separator, rest = "", "", url
    kind = scheme.strip().lower()
    if separator and _TWO_WAYS.fullmatch(rest):
        return f"{scheme}{separator}{MASK}"
    is_file = kind.partition("+")[0] == "sqlite" and "@" not in rest.partition("/")[0]
    if is_file:
        user, rest = "", rest  # its name may hold any character
    else:
        user, rest = _without_password(rest, bare=not separator, web=kind in _WEB)
    address, mark, query = rest.partition("?")
    if kind in _WEB:
        address = re.sub("(;[^;=/]*=).+", rf"\g<1>{MASK}", address)
    if not is_file and "#" in address + query:
        address, mark, query = address.partition("#")[0], "#", MASK
    elif mark:
        given = query.split("&")
        items = [_item(item, kind) for item in given]
        if items != given:  # what has no name may belong to a value that is masked
            items = [item if "=" in item else MASK for item in items]
        query = "&".join(items)
    return f"{scheme}{separator}{user}{address}{mark}{query}"


def masked_text(text: str, known: Iterable[str] = ()) -> str:
    """Return a text in which every URL is masked.

    Parameters
    ----------
    text
        Such as an error's message.
    known
        URLs that may stand in it, also where they hold spaces, and so have no visible end.
    """
    for url in known:
        for form in {url, repr(url)[1:-1]}:
            if form and (hidden := masked_url(form)) != form:
                text = text.replace(form, hidden)
    return _URL.sub(_masked_match, text)


def _masked_match(found: re.Match[str]) -> str:
    url = found[0]
    end = _END.search(url)
    cut = len(url) if end is None else end.start()
    return masked_url(url[:cut]) + url[cut:]


def _without_password(rest: str, *, bare: bool, web: bool) -> tuple[str, str]:
    """Return the user, as far as it may be shown, with the ``@``, and the rest of the address."""
    address, well_formed = rest.partition("?")[0], _WELL_FORMED.fullmatch(rest) is not None
    plain = "@" in address or ":" not in address or "@" not in rest
    if well_formed and plain and not web:
        cut = address.rfind("@")
    elif "@" in rest:
        # Something in the password may not be escaped: it ends at the last @ that there is.
        cut = rest.rfind("@")
    elif bare or well_formed:
        return "", rest
    else:
        # A port that is no number may be a password whose host was left out.
        host, colon, left = rest.partition(":")
        word = re.match(r"[^/?]*", left)
        return "", f"{host}{colon}{MASK}{left[word.end() if word else 0 :]}" if colon else rest
    if cut < 0:
        return "", rest
    user, found = rest[:cut], _USER.fullmatch(rest[:cut])
    shown = MASK if web or bare else f"{found['name']}:{MASK}" if found else user
    return f"{shown}@", rest[cut + 1 :]


def _item(item: str, scheme: str) -> str:
    name, equals, value = item.partition("=")
    if not equals:
        return item if scheme.partition("+")[0] == "sqlite" else MASK
    # Another value may follow one that is public, after a separator of another kind of URL.
    public = _PUBLIC.fullmatch(unquote(name)) and not re.search("[;=]", unquote(value))
    return item if public or not value else f"{name}={MASK}"
