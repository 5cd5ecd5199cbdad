"""The store of the server's tokens: their names and rights, never their secrets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError as UniqueViolation

from gallery.errors import DatabaseError, IntegrityError, TokenExistsError, TokenNotFoundError
from gallery.hints import Hint
from gallery.store.database import Database
from gallery.store.tables import token_gallery_table, token_table


class Scope(StrEnum):
    """Scopes of tokens; each includes those before it.

    ``search`` lets the holder read and search galleries, ``enroll`` write into them, and ``admin``
    make, restore, replace and delete them.
    """

    SEARCH = "search"
    ENROLL = "enroll"
    ADMIN = "admin"

    def allows(self, other: Scope) -> bool:
        """Tell whether this scope includes another."""
        order = list(Scope)
        return order.index(other) <= order.index(self)


@dataclass(frozen=True)
class StoredToken:
    """A token as the database knows it.

    Attributes
    ----------
    token_id
        The identifier, 16 random hexadecimal digits; public.
    name
        The operator's name for it; unique.
    scope
        Its scope.
    galleries
        Names of the galleries that it is for, or None for every gallery of the database.
    created
        Seconds since 1970 UTC.
    expires, revoked
        The same, or None for never.
    salt, digest
        Salt and digest that its secret is checked with, 32 bytes each.
    """

    token_id: str
    name: str
    scope: Scope
    galleries: frozenset[str] | None
    created: int
    expires: int | None
    revoked: int | None
    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)


class TokenStore:
    """The tokens of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, token: StoredToken, deliver: Callable[[], None] | None = None) -> None:
        """Add a token (`TokenExistsError` if its name is taken, by a revoked one too).

        ``deliver`` hands it over: called before the token counts, which it never does if that
        raises.
        """
        try:
            with self._database.writing() as connection:
                _insert(connection, token)
                if deliver is not None:
                    deliver()
        except DatabaseError as error:
            if isinstance(error.__cause__, UniqueViolation):
                raise TokenExistsError(
                    f"{self._database.name} holds a token named {token.name!r} already, in use or "
                    "revoked; choose another name"
                ) from error
            raise

    def all(self) -> list[StoredToken]:
        """Return all tokens, also those that are expired or revoked, sorted by name."""
        with self._database.reading() as connection:
            rows = connection.execute(select(token_table).order_by(token_table.c.name)).all()
            limits = connection.execute(
                select(token_gallery_table.c.token_id, token_gallery_table.c.name)
            )
            galleries: dict[str, set[str]] = defaultdict(set)
            for token_id, name in limits:
                galleries[token_id].add(name)
        return [_token(row, galleries[row.token_id]) for row in rows]

    def revoke(self, name: str, now: int) -> bool:
        """Revoke a token; return whether it was not revoked before.

        Parameters
        ----------
        name
            The token's.
        now
            Seconds since 1970 UTC.

        Raises
        ------
        TokenNotFoundError
            If there is no such token.
        """
        named = token_table.c.name == name
        revoked = (
            update(token_table).where(named, token_table.c.revoked.is_(None)).values(revoked=now)
        )
        with self._database.writing() as connection:
            if connection.execute(revoked).rowcount == 1:
                return True
            if connection.execute(select(token_table.c.name).where(named)).one_or_none() is None:
                raise TokenNotFoundError(
                    f"{self._database.name} holds no token named {name!r}", hint=Hint.LIST_TOKENS
                )
        return False


def _insert(connection: Connection, token: StoredToken) -> None:
    connection.execute(
        insert(token_table).values(
            token_id=token.token_id,
            name=token.name,
            scope=token.scope.value,
            every_gallery=int(token.galleries is None),
            created=token.created,
            expires=token.expires,
            revoked=token.revoked,
            salt=token.salt,
            digest=token.digest,
        )
    )
    if token.galleries:
        rows = [{"token_id": token.token_id, "name": name} for name in sorted(token.galleries)]
        connection.execute(insert(token_gallery_table), rows)


def _token(row: Row[Any], galleries: Iterable[str]) -> StoredToken:
    if row.every_gallery not in (0, 1) or row.scope not in list(Scope):
        raise IntegrityError(
            f"the database does not say what token {row.name!r} allows; revoke it and create "
            "another"
        )
    return StoredToken(
        row.token_id,
        row.name,
        Scope(row.scope),
        None if row.every_gallery else frozenset(galleries),
        row.created,
        row.expires,
        row.revoked,
        row.salt,
        row.digest,
    )
