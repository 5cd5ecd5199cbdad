"""Database URLs: their parts, and the errors of those that cannot be meant."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import quote, unquote

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from gallery.errors import DatabaseError
from gallery.url_masking import masked_url

_DRIVER_OPTIONS = frozenset(
    ("cached_statements", "check_same_thread", "isolation_level", "timeout", "uri")
)
_FILE_OPTIONS = frozenset(("cache", "immutable", "mode", "nolock", "psow", "vfs"))
"""Options of SQLite's own file URLs; without ``uri`` they would mean nothing."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+._-]*")
_STRAY_AT = re.compile(r"[^:/?#]*@[^:/?#]*:[^@]*[/?#][^@]*@.*", re.DOTALL)
"""A user, a host and its port, and an ``@`` after them, which would make another host of it."""

_FORMS = "sqlite:///gallery.db or postgresql+psycopg://user@host/database"
_OTHER_NAMES = {"postgres": "postgresql+psycopg", "sqlite3": "sqlite"}
"""Schemes that other programs take, and what they are called here."""

_TRUE = ("true", "1", "yes", "on", "y", "t")


def parse_url(url: str) -> URL:
    """Parse a database URL.

    Raises
    ------
    DatabaseError
        If it is not one, or does not say clearly what it means: an unescaped ``@`` in a password,
        or a question mark in a file's name. The message never holds the URL's password.
    """
    text = url.strip()
    scheme, separator, rest = text.partition("://")
    if not separator or not _SCHEME.fullmatch(scheme):
        # Text that is no URL is not repeated: nobody can tell where in it a password is.
        raise DatabaseError(
            "the database URL cannot be parsed, for it does not begin with a name and ://; give "
            f"one like {_FORMS}"
        )
    if "\0" in text:
        raise DatabaseError("the database URL holds a zero character")
    other = _OTHER_NAMES.get(scheme.lower())
    if other is not None:
        raise DatabaseError(
            f"the database URL begins with {scheme}://, which is not known here: write {other}://"
        )
    try:
        parsed = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise DatabaseError(
            f"the database URL {masked_url(text)} cannot be parsed; give one like {_FORMS}"
        ) from error
    if parsed.get_backend_name() == "sqlite":
        _check_sqlite(parsed, rest)
        # SQLAlchemy decodes names of files from version 2.1 on.
        parsed = parsed.set(database=unquote(rest.partition("?")[0][1:]))
        return parsed
    if (
        "@" in (parsed.host or "")
        or (parsed.password and not parsed.host and "@" in rest)
        or _STRAY_AT.fullmatch(rest)
    ):
        raise DatabaseError(
            f"the database URL {masked_url(text)} has more than one @: write those in the user's "
            "name and the password as %40, and / as %2F, : as %3A, % as %25"
        )
    # The driver that this scheme stands for depends on the version of SQLAlchemy.
    return parsed.set(drivername="postgresql+psycopg") if scheme == "postgresql" else parsed


def sqlite_file(url: URL) -> Path | None:
    """Return the file of an SQLite database; None for other databases, and for what has no file."""
    name = url.database
    if url.get_backend_name() != "sqlite" or not name:
        return None
    if not (name.startswith("file:") and _is_set(url, "uri")):
        return Path(name)
    if url.query.get("mode") == "memory" or "vfs" in url.query:
        return None
    name = name.removeprefix("file:")
    if name.startswith("//"):  # an empty host, or this one
        name = "/" + name[2:].partition("/")[2]
    return Path(os.fsdecode(unquote(name, errors="surrogateescape")))


def may_be_written(url: URL) -> bool:
    """Tell whether an SQLite URL leaves it open to write the file."""
    return url.query.get("mode") != "ro" and not _is_set(url, "immutable")


def secrets_of(url: URL) -> list[str]:
    """Return the parts of a URL that a message must not repeat, longest first."""
    shown = masked_url(url.render_as_string(hide_password=True))
    values = [value for item in url.query.values() for value in _texts(item)]
    hidden = [value for value in values if quote(value) not in shown and value not in shown]
    passwords = [str(url.password or ""), (url.username or "").partition(":")[2]]
    for password in filter(None, passwords):
        hidden += [password, quote(password, safe="")]
    return sorted((value for value in hidden if len(value) > 1), key=len, reverse=True)


def _check_sqlite(parsed: URL, rest: str) -> None:
    if parsed.host or parsed.username or parsed.password:
        raise DatabaseError(
            "the URL of an SQLite database names no host: write three slashes before a name, as in "
            "sqlite:///gallery.db, and four before a path from the root, as in "
            "sqlite:////srv/gallery.db"
        )
    name, mark, options = rest.partition("?")
    known = _DRIVER_OPTIONS | _FILE_OPTIONS if _is_set(parsed, "uri") else _DRIVER_OPTIONS
    given = [item.partition("=") for item in options.split("&")] if mark else []
    if all(equals and option in known for option, equals, _ in given):
        return
    shown = masked_url(f"sqlite://{name}{mark}{options}").partition("?")[2]
    example = (
        # A part that had to be masked was meant as an option, and not as a part of the name.
        f", as in {masked_url(f'sqlite://{quote(unquote(name + mark + options))}')}"
        if shown == options
        else ""
    )
    raise DatabaseError(
        f"the database URL holds a question mark, and {shown!r} after it is no option of "
        f"SQLite's; a question mark in a file's name is written as %3F{example}"
    )


def _is_set(url: URL, option: str) -> bool:
    return any(value.lower() in _TRUE for value in _texts(url.query.get(option, "")))


def _texts(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value
