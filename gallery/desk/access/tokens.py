"""Tokens of the desk's API, in a file of the owner's that holds their hashes.

A token is ``efd_``, its identifier (16 hexadecimal digits), ``_`` and 32 random bytes in base64url.
A secret of 256 bits cannot be guessed however fast its hash is, so SHA-256 is enough.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from gallery.client.atomic_file import atomic_write
from gallery.desk.access.scopes import DeskScope, Holder
from gallery.desk.errors import DeskError, NotSignedInError

_FORMAT = re.compile(r"efd_([0-9a-f]{16})_[A-Za-z0-9_-]{43}")
_VERSION = 1


class TokenFileError(DeskError):
    """The file of tokens cannot be read or written."""


@dataclass(frozen=True)
class DeskToken:
    """A token as the file knows it.

    Attributes
    ----------
    token_id
        16 hexadecimal digits.
    name
        What the owner calls it.
    scope
        What it allows.
    digest
        SHA-256 of the token, 64 hexadecimal digits.
    created
        Seconds since 1970 UTC.
    expires
        The same, or None if it does not expire.
    revoked
        Whether it is of no use any more.
    """

    token_id: str
    name: str
    scope: DeskScope
    digest: str
    created: int
    expires: int | None = None
    revoked: bool = False

    def is_valid(self, now: float) -> bool:
        """Tell whether it may be used at a time."""
        return not self.revoked and (self.expires is None or now < self.expires)


class TokenFile:
    """The tokens of a desk.

    Parameters
    ----------
    path
        The file, which is made with the first token and is for its owner alone.
    clock
        Seconds since 1970 UTC.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self.path, self._clock = path, clock

    def all(self) -> tuple[DeskToken, ...]:
        """Return all tokens, the oldest first (`TokenFileError`)."""
        try:
            document = json.loads(self.path.read_bytes())
            if document["version"] != _VERSION:
                raise TokenFileError(
                    f"the desk's token file {self.path} has version {document['version']}, which "
                    "this program does not know"
                )
            return tuple(
                DeskToken(**{**item, "scope": DeskScope(item["scope"])})
                for item in document["tokens"]
            )
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise TokenFileError(
                f"cannot read the desk's token file {self.path}: {error.strerror}"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise TokenFileError(
                f"the desk's token file {self.path} is damaged: delete it, and make tokens anew"
            ) from error

    def issue(
        self,
        name: str,
        scope: DeskScope,
        expires: int | None = None,
        *,
        deliver: Callable[[str], None] | None = None,
    ) -> str:
        """Make a token and return it; the file keeps its hash alone.

        Parameters
        ----------
        name
            What it is called; no valid token may have the name.
        scope
            What it allows.
        expires
            Seconds since 1970 UTC, or None.
        deliver
            Given the token before it is kept; if that fails, none is made.

        Raises
        ------
        TokenFileError
            If the name is taken, or the file cannot be read or written.
        """
        now = self._clock()
        if any(item.name == name and item.is_valid(now) for item in self.all()):
            raise TokenFileError(f"there is a valid token {name!r} already: revoke it first")
        identifier = secrets.token_hex(8)
        token = f"efd_{identifier}_{secrets.token_urlsafe(32)}"
        made = DeskToken(identifier, name, scope, _digest(token), int(now), expires)
        if deliver is not None:
            deliver(token)
        self._write((*self.all(), made))
        return token

    def revoke(self, name_or_id: str) -> DeskToken:
        """Revoke a token that is valid, by its name or identifier (`TokenFileError`)."""
        tokens = self.all()
        found = [
            item for item in tokens if not item.revoked and name_or_id in (item.token_id, item.name)
        ]
        if len(found) != 1:
            there = "no valid token" if not found else "more than one valid token"
            raise TokenFileError(f"there is {there} {name_or_id!r} in {self.path}")
        revoked = replace(found[0], revoked=True)
        self._write(tuple(revoked if item is found[0] else item for item in tokens))
        return revoked

    def holder(self, token: str) -> Holder:
        """Return whose token it is.

        Raises
        ------
        NotSignedInError
            If it is unknown, revoked or expired.
        """
        match = _FORMAT.fullmatch(token)
        digest = _digest(token)
        for item in self.all() if match else ():
            if hmac.compare_digest(item.digest, digest) and item.is_valid(self._clock()):
                return Holder(item.name, item.scope)
        raise NotSignedInError("the token is unknown, expired or revoked")

    def _write(self, tokens: tuple[DeskToken, ...]) -> None:
        document = {"version": _VERSION, "tokens": [asdict(item) for item in tokens]}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with atomic_write(self.path, overwrite=True) as file:
                file.write(json.dumps(document, indent=1).encode())
        except OSError as error:
            raise TokenFileError(
                f"cannot write the desk's token file {self.path}: {error.strerror}"
            ) from error


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
