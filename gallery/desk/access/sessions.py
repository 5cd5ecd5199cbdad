"""Sessions of browsers: an address with a secret is exchanged for a cookie."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from gallery.desk.access.scopes import OWNER, DeskScope, Holder
from gallery.desk.elapsed_time import elapsed_seconds
from gallery.desk.errors import NotAllowedError, NotSignedInError

_MOST = 16
"""Sessions that one token, or the owner, has at a time; the oldest of the same gives way."""


@dataclass(frozen=True)
class _Session:
    holder: Holder
    ends: float
    token: str | None = field(repr=False)


class Sessions:
    """Sessions of browsers, in memory alone: they end with the process.

    Parameters
    ----------
    seconds
        How long a session lasts.
    clock
        Seconds that only grow.

    Attributes
    ----------
    launch_secret
        The secret in the printed address: 32 random bytes in base64url.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = elapsed_seconds) -> None:
        self.launch_secret = secrets.token_urlsafe(32)
        self._seconds, self._clock = seconds, clock
        self._forms_key = secrets.token_bytes(32)
        self._sessions: dict[str, _Session] = {}
        self._changing = threading.Lock()

    def enter(self, secret: str) -> str:
        """Exchange the launch secret for a session of the owner; return its identifier.

        Raises
        ------
        NotSignedInError
            If it is another secret.
        """
        if not hmac.compare_digest(secret.encode(), self.launch_secret.encode()):
            raise NotSignedInError("this address is not the one that the desk printed")
        return self._begin(Holder(OWNER, DeskScope.MANAGE), None)

    def enter_as(self, holder: Holder, token: str) -> str:
        """Begin a session with the rights of a token; return its identifier."""
        return self._begin(holder, token)

    def holder(self, identifier: str) -> Holder:
        """Return the holder of a session (`NotSignedInError`)."""
        return self._session(identifier).holder

    def token_of(self, identifier: str) -> str | None:
        """Return the token that a session began with, which may be revoked by now."""
        return self._session(identifier).token

    def leave(self, identifier: str) -> None:
        """End a session."""
        with self._changing:
            self._sessions.pop(identifier, None)

    def form_token(self, identifier: str) -> str:
        """Return the token that each form of a session carries, which other sites cannot know."""
        return hmac.new(self._forms_key, identifier.encode(), hashlib.sha256).hexdigest()

    def check_form_token(self, identifier: str, given: str) -> None:
        """Check that a request comes from a page of this session (`NotAllowedError`)."""
        if not hmac.compare_digest(given.encode(), self.form_token(identifier).encode()):
            raise NotAllowedError("this request does not come from a page of the desk: reload it")

    def _begin(self, holder: Holder, token: str | None) -> str:
        identifier, now = secrets.token_urlsafe(32), self._clock()
        session = _Session(replace(holder, session=identifier), now + self._seconds, token)
        with self._changing:
            for old in [key for key, item in self._sessions.items() if item.ends < now]:
                del self._sessions[old]
            same = [key for key, item in self._sessions.items() if item.token == token]
            if len(same) >= _MOST:
                del self._sessions[same[0]]
            self._sessions[identifier] = session
        return identifier

    def _session(self, identifier: str) -> _Session:
        found = self._sessions.get(identifier)
        if found is None or found.ends < self._clock():
            self.leave(identifier)
            raise NotSignedInError("this browser is not signed in, or not any more")
        return found
