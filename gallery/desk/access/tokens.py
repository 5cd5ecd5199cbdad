"""Tokens of the desk's API, in a file of the owner's that holds their hashes.

A token is ``efd_``, its identifier (16 hexadecimal digits), ``_`` and 32 random bytes in base64url.
A secret of 256 bits cannot be guessed however fast its hash is, so SHA-256 is enough.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from gallery.client.atomic_file import atomic_write
from gallery.desk.access.scopes import OWNER, DeskScope, Holder
from gallery.desk.errors import DeskError, NotSignedInError
from gallery.messages.naming import check_name, normal_name

_FORMAT = re.compile(r"efd_([0-9a-f]{16})_[A-Za-z0-9_-]{43}")
_VERSION = 2
"""Since 2 a token names galleries; those of version 1 are for all."""

MAX_TOKEN_NAME: Final = 200
"""Characters of a name."""


class TokenFileError(DeskError):
    """The file of tokens cannot be read or written."""

    status = 503


@dataclass(frozen=True)
class DeskToken:
    """A token as the file knows it.

    Attributes
    ----------
    token_id
        16 hexadecimal digits.
    name
        The owner's name for it.
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
    galleries
        Names of those that it may use; empty for all.
    """

    token_id: str
    name: str
    scope: DeskScope
    digest: str
    created: int
    expires: int | None = None
    revoked: bool = False
    galleries: tuple[str, ...] = ()

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
            if document["version"] not in (1, _VERSION):
                raise TokenFileError(
                    f"the desk's token file {self.path} has version {document['version']}, which "
                    "this program does not know"
                )
            # Those of version 1 name no galleries.
            rest: dict[str, Any] = {"galleries": []} if document["version"] == 1 else {}
            return tuple(_token({**rest, **item}) for item in document["tokens"])
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise TokenFileError(
                f"cannot read the desk's token file {self.path}: {error.strerror}"
            ) from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise TokenFileError(
                f"the desk's token file {self.path} is damaged: delete it, and make tokens anew"
            ) from error

    def issue(
        self,
        name: str,
        scope: DeskScope,
        expires: int | None = None,
        *,
        galleries: tuple[str, ...] = (),
        deliver: Callable[[str], None] | None = None,
    ) -> str:
        """Make a token and return it; the file keeps its hash alone.

        Parameters
        ----------
        name
            Its name, printable text; no valid token may have the name, and the owner's
            browser has `OWNER`.
        scope
            What it allows.
        expires
            Seconds since 1970 UTC, or None.
        galleries
            Names of those that it may use; empty for all.
        deliver
            Given the token before it is kept; if that fails, none is made.

        Raises
        ------
        TokenFileError
            If the name is taken or cannot be one, or the file cannot be read or written.
        GalleryError
            If a gallery cannot have such a name.
        """
        _check_name(name)
        for gallery in galleries:
            check_name(gallery)
        # As typed, and as new galleries are named.
        forms = (form for given in galleries for form in (given, normal_name(given)))
        usable = tuple(dict.fromkeys(forms))
        now, identifier = self._clock(), secrets.token_hex(8)
        token = f"efd_{identifier}_{secrets.token_urlsafe(32)}"
        made = DeskToken(
            identifier, name, scope, _digest(token), int(now), expires, galleries=usable
        )
        with self._changing():
            tokens = self.all()
            if any(item.name == name and item.is_valid(now) for item in tokens):
                raise TokenFileError(f"there is a valid token {name!r} already: revoke it first")
            if deliver is not None:
                deliver(token)
            self._write((*tokens, made))
        return token

    def revoke(self, name_or_id: str) -> DeskToken:
        """Revoke a token that is valid, by its name or identifier (`TokenFileError`)."""
        now = self._clock()
        with self._changing():
            tokens = self.all()
            found = [
                item
                for item in tokens
                if item.is_valid(now) and name_or_id in (item.token_id, item.name)
            ]
            if len(found) != 1:
                there = "no valid token" if not found else "more than one valid token"
                raise TokenFileError(f"there is {there} {name_or_id!r} in {self.path}")
            revoked = replace(found[0], revoked=True)
            self._write(tuple(revoked if item is found[0] else item for item in tokens))
        return revoked

    def holder(self, token: str) -> Holder:
        """Return the holder of a token.

        Raises
        ------
        NotSignedInError
            If it is unknown, revoked or expired.
        """
        if _FORMAT.fullmatch(token):
            digest = _digest(token)
            for item in self.all():
                if hmac.compare_digest(item.digest, digest) and item.is_valid(self._clock()):
                    return _holder(item)
        raise NotSignedInError("the token is unknown, expired or revoked")

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Keep other processes from changing the file meanwhile (`TokenFileError`)."""
        import fcntl  # not on every system

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(
                self.path.with_name(self.path.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o600
            )
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _write(self, tokens: tuple[DeskToken, ...]) -> None:
        document = {"version": _VERSION, "tokens": [asdict(item) for item in tokens]}
        try:
            with atomic_write(self.path, overwrite=True) as file:
                file.write(json.dumps(document, indent=1).encode())
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> TokenFileError:
        return TokenFileError(f"cannot write the desk's token file {self.path}: {error.strerror}")


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > MAX_TOKEN_NAME or not name.isprintable():
        raise TokenFileError(
            f"a token's name must be printable text of 1 to {MAX_TOKEN_NAME} characters"
        )
    if _is_owners(name):
        raise TokenFileError(
            f"no token can have the name {name!r}: in the log of decisions it stands for the "
            "browser that was opened with the desk's own address; choose another name"
        )


def _is_owners(name: str) -> bool:
    return name.strip().casefold() == OWNER


def _holder(token: DeskToken) -> Holder:
    # Former versions gave tokens this name, too.
    name = f"{token.name} ({token.token_id})" if _is_owners(token.name) else token.name
    return Holder(name, token.scope, galleries=token.galleries, token_id=token.token_id)


def _token(item: dict[str, Any]) -> DeskToken:
    """Return the token of one item of the file; `TypeError`, `ValueError` or `KeyError` if none."""
    galleries, expires = item["galleries"], item["expires"]
    if (
        not all(isinstance(item[field], str) for field in ("token_id", "name", "scope", "digest"))
        or not item["digest"].isascii()
        or not isinstance(item["created"], int)
        or not (expires is None or isinstance(expires, int))
        or not isinstance(item["revoked"], bool)
        or not isinstance(galleries, list)
        or not all(isinstance(gallery, str) for gallery in galleries)
    ):
        raise TypeError("a field is of another kind")
    return DeskToken(**{**item, "scope": DeskScope(item["scope"]), "galleries": tuple(galleries)})


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
