"""The gatekeeper, which issues tokens and admits their holders.

A token is ``efg_`` + its identifier (16 hexadecimal digits) + ``_`` + its secret (43 characters of
base64url: 32 bytes of the operating system's). The database holds the identifier, a random salt,
and HMAC-SHA-256 of the whole token under that salt. A secret of 256 bits cannot be guessed however
fast the hash is. A slow one, as passwords need, would protect nothing more, and would let any
client keep the server busy with made-up tokens.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from gallery.errors import AccessDeniedError, GalleryError
from gallery.hints import Hint
from gallery.messages.naming import check_name, is_copy_name, normal_name
from gallery.store.tables import MAX_TOKEN_NAME, TOKEN_ID_SIZE
from gallery.store.token_store import Scope, StoredToken, TokenStore

__all__ = ["CACHE_SECONDS", "Gatekeeper", "Grant", "Scope", "issue_token"]

CACHE_SECONDS = 2.0
"""Seconds for which tokens are cached: after that a revoked one is refused."""

_SECRET_SIZE = 32
_DIGEST_SIZE = 32
_FORMAT = re.compile(r"efg_([0-9a-f]{16})_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class Grant:
    """The rights of a token's holder.

    Attributes
    ----------
    token_id, name
        Identifier, 16 hexadecimal digits, and name of the token; both are public.
    scope
        What it allows.
    galleries
        Names of the galleries that it is for, or None for every gallery of the database.
    """

    token_id: str
    name: str
    scope: Scope
    galleries: frozenset[str] | None

    def covers(self, gallery: str) -> bool:
        """Tell whether the grant is for the gallery of this name.

        The copy that a key renewal makes of a gallery belongs to the gallery.
        """
        if self.galleries is None or gallery in self.galleries:
            return True
        return any(is_copy_name(gallery, name) for name in self.galleries)


def issue_token(
    store: TokenStore,
    name: str,
    scope: Scope,
    *,
    galleries: Iterable[str] | None = None,
    expires: int | None = None,
    deliver: Callable[[str], None] | None = None,
) -> str:
    """Make a token, and store its salt and digest.

    Parameters
    ----------
    store
        The tokens of a database.
    name
        What the token is called in lists and in the audit log: printable text, unique.
    scope
        What it allows.
    galleries
        Names of the galleries that it is for, which need not be there yet; None for every gallery.
    expires
        Seconds since 1970 UTC from which on it is refused, or None for never.
    deliver
        Called with the token, to hand it over, before it is stored for good. If that raises, there
        is no such token: one that nobody has would be of no use but to somebody who finds it.

    Returns
    -------
    str
        The token. It cannot be had again.

    Raises
    ------
    TokenExistsError
        If the name is taken.
    GalleryError
        If a name cannot be one, or no gallery is left.
    """
    if not name.strip() or len(name) > MAX_TOKEN_NAME or not name.isprintable():
        raise GalleryError(
            f"a token's name must be printable text of 1 to {MAX_TOKEN_NAME} characters"
        )
    # As typed, which may be the name of an old gallery, and as new ones are named.
    limits = (
        None
        if galleries is None
        else frozenset(form for given in galleries for form in (given, normal_name(given)))
    )
    if limits is not None and not limits:
        raise GalleryError("a token that is limited to galleries needs at least one")
    for gallery in limits or ():
        check_name(gallery)
    token_id, salt = secrets.token_hex(TOKEN_ID_SIZE // 2), secrets.token_bytes(_DIGEST_SIZE)
    secret = base64.urlsafe_b64encode(secrets.token_bytes(_SECRET_SIZE)).decode().rstrip("=")
    token = f"efg_{token_id}_{secret}"
    digest = _digest(salt, token)
    created = int(time.time())
    stored = StoredToken(token_id, name, scope, limits, created, expires, None, salt, digest)
    store.add(stored, None if deliver is None else lambda: deliver(token))
    return token


class Gatekeeper:
    """Admits tokens, by what the database held at most a few seconds ago.

    All tokens are read at once and kept for a moment. So a request with a made-up token costs no
    more than another, no number of them keeps the database busy, and whether an identifier is known
    does not show in the time that a refusal takes: a hash is computed and compared in any case.

    Any number of threads may share a gatekeeper.

    Parameters
    ----------
    store
        The tokens of a database.
    cache_seconds
        Seconds for which they are cached: a new token is admitted, and a revoked one refused, after
        that.
        A token that expires is refused at once.
    """

    def __init__(self, store: TokenStore, *, cache_seconds: float = CACHE_SECONDS) -> None:
        self._store = store
        self._cache_seconds = cache_seconds
        self._lock = threading.Lock()
        self._tokens: dict[str, StoredToken] = {}
        self._read_at: float | None = None
        self._dummy = _dummy_token()

    def admit(self, token: str | None) -> Grant:
        """Return the rights of a token's holder.

        Parameters
        ----------
        token
            As the client sent it, or None if it sent none.

        Raises
        ------
        AccessDeniedError
            If the token is missing, malformed, unknown, expired or revoked. The message is the same
            for all; ``reason`` tells, for the log.
        DatabaseError
            If the tokens cannot be read: then nobody is admitted.
        """
        formed = _well_formed(token)
        return self._grant(formed, self._current())

    def admit_cached(self, token: str | None) -> Grant | None:
        """Do as `admit`, without waiting for anything; None if the cached tokens are too old."""
        formed = _well_formed(token)
        return self._grant(formed, self._tokens) if self._is_fresh(time.monotonic()) else None

    def _grant(self, token: str, tokens: Mapping[str, StoredToken]) -> Grant:
        found = tokens.get(token.split("_")[1], self._dummy)
        genuine = hmac.compare_digest(_digest(found.salt, token), found.digest)
        if not genuine or found is self._dummy:
            raise _refused("unknown")
        reason = _refusal_reason(found, time.time())
        if reason is not None:
            raise _refused(reason, found)
        return Grant(found.token_id, found.name, found.scope, found.galleries)

    def _current(self) -> dict[str, StoredToken]:
        with self._lock:
            now = time.monotonic()
            if not self._is_fresh(now):
                self._tokens = {token.token_id: token for token in self._store.all()}
                # The time before reading: a token that is revoked meanwhile is refused in time.
                self._read_at = now
            return self._tokens

    def _is_fresh(self, now: float) -> bool:
        """Tell whether the cached tokens may be used; they are set before the time of reading."""
        read_at = self._read_at
        return read_at is not None and now - read_at < self._cache_seconds


def _well_formed(token: str | None) -> str:
    """Return a token that has the form of one (`AccessDeniedError`)."""
    if token is None:
        raise _refused("missing")
    if _FORMAT.fullmatch(token) is None:
        raise _refused("malformed")
    return token


def _refused(reason: str, token: StoredToken | None = None) -> AccessDeniedError:
    """Return the error for a token that is not admitted; a genuine one is named in it.

    One message for all reasons: an outsider does not learn which tokens there are, or were.
    """
    return AccessDeniedError(
        "the server does not admit this request: its token is missing, unknown, expired or revoked",
        hint=Hint.ASK_FOR_TOKEN,
        reason=reason,
        token_id=token.token_id if token else None,
        token_name=token.name if token else None,
    )


def _digest(salt: bytes, token: str) -> bytes:
    return hmac.digest(salt, token.encode("ascii"), "sha256")


def _refusal_reason(token: StoredToken, now: float) -> str | None:
    """Return the reason why a genuine token is not admitted, or None."""
    if token.revoked is not None:
        return "revoked"
    if token.expires is not None and token.expires <= now:
        return "expired"
    return None


def _dummy_token() -> StoredToken:
    """Return a stored token for unknown identifiers, so that their comparison takes as long."""
    salt, digest = secrets.token_bytes(_DIGEST_SIZE), secrets.token_bytes(_DIGEST_SIZE)
    return StoredToken("", "", Scope.SEARCH, None, 0, 0, 0, salt, digest)
