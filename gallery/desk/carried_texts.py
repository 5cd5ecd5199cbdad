"""Texts that one page leaves for the next: a search, or what was done.

They name people. An address that held one would stay in the browser's history, so that it has a
random identifier instead, and the text stays here until the desk is locked.
"""

from __future__ import annotations

import secrets
import threading

_MOST = 256
"""Texts that are kept at a time; the oldest gives way."""


class CarriedTexts:
    """Texts by identifiers that nobody can guess. Thread-safe."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._changing = threading.Lock()

    def keep(self, text: str) -> str:
        """Keep a text; return its identifier, 22 letters of base64url."""
        identifier = secrets.token_urlsafe(16)
        with self._changing:
            self._texts[identifier] = text
            if len(self._texts) > _MOST:
                del self._texts[next(iter(self._texts))]
        return identifier

    def find(self, identifier: str) -> str:
        """Return a text, or an empty one if it is not known any more."""
        return self._texts.get(identifier, "")
