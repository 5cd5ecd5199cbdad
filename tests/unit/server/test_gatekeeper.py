"""The gatekeeper: who is admitted, and what a refusal tells."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from gallery.errors import AccessDeniedError, DatabaseError, GalleryError
from gallery.messages.naming import copy_name
from gallery.server.gatekeeper import Gatekeeper, Grant, Scope, issue_token
from gallery.store import Database, TokenStore, open_database


@pytest.fixture
def opened(database: str) -> Iterator[Database]:
    with open_database(database, create=True) as made:
        yield made


@pytest.fixture
def tokens(opened: Database) -> TokenStore:
    return TokenStore(opened)


@pytest.fixture
def gatekeeper(tokens: TokenStore) -> Gatekeeper:
    """One that asks the database each time."""
    return Gatekeeper(tokens, cache_seconds=0)


def refusal(gatekeeper: Gatekeeper, token: str | None) -> AccessDeniedError:
    with pytest.raises(AccessDeniedError) as caught:
        gatekeeper.admit(token)
    return caught.value


def test_a_token_is_granted_what_it_was_made_for(
    tokens: TokenStore, gatekeeper: Gatekeeper
) -> None:
    limited = issue_token(tokens, "kiosk", Scope.SEARCH, galleries=["staff", "visitors"])
    unlimited = issue_token(tokens, "operator", Scope.ADMIN, expires=int(time.time()) + 60)

    kiosk, operator = gatekeeper.admit(limited), gatekeeper.admit(unlimited)

    assert kiosk == Grant(limited[4:20], "kiosk", Scope.SEARCH, frozenset({"staff", "visitors"}))
    assert operator == Grant(unlimited[4:20], "operator", Scope.ADMIN, None)


def test_a_token_that_could_not_be_handed_over_is_none(
    tokens: TokenStore, gatekeeper: Gatekeeper
) -> None:
    lost: list[str] = []

    def lose(token: str) -> None:
        lost.append(token)
        raise OSError

    with pytest.raises(OSError):
        issue_token(tokens, "kiosk", Scope.ADMIN, deliver=lose)

    assert tokens.all() == []
    assert refusal(gatekeeper, lost[0]).reason == "unknown"
    assert issue_token(tokens, "kiosk", Scope.ADMIN, deliver=lost.append) == lost[1]
    assert gatekeeper.admit(lost[1]).name == "kiosk"


def test_tokens_have_a_form_by_which_a_leaked_one_is_found(tokens: TokenStore) -> None:
    made = [issue_token(tokens, f"token {number}", Scope.SEARCH) for number in range(20)]

    assert all(re.fullmatch(r"efg_[0-9a-f]{16}_[A-Za-z0-9_-]{43}", token) for token in made)
    assert len({token[4:20] for token in made}) == len({token[21:] for token in made}) == 20


def test_every_outsider_is_told_the_same(tokens: TokenStore, gatekeeper: Gatekeeper) -> None:
    good = issue_token(tokens, "good", Scope.ADMIN)
    revoked = issue_token(tokens, "revoked", Scope.ADMIN)
    tokens.revoke("revoked", 1)
    expired = issue_token(tokens, "expired", Scope.ADMIN, expires=int(time.time()))
    presented: dict[str, list[Any]] = {
        "missing": [None],
        "malformed": ["", "good", good[:-1], good + "A", good.upper(), f" {good}", f"{good}\n"],
        "unknown": [
            "efg_" + "0" * 16 + good[20:],
            revoked[:21] + good[21:],
            good[:-2] + ("AA" if good[-2:] != "AA" else "BB"),
        ],
        "revoked": [revoked],
        "expired": [expired],
    }

    refusals = {
        reason: [refusal(gatekeeper, token) for token in listed]
        for reason, listed in presented.items()
    }

    for reason, errors in refusals.items():
        assert {error.reason for error in errors} == {reason}
    everything = [error for errors in refusals.values() for error in errors]
    assert len({str(error) for error in everything}) == 1
    named = {error.token_name for error in everything}
    assert named == {None, "revoked", "expired"}
    assert refusals["revoked"][0].token_id == revoked[4:20]


@given(st.text() | st.text("efg_0123456789abcdef", max_size=80))
def test_no_other_text_is_a_token(words: str) -> None:
    class NoTokens:
        def all(self) -> list[object]:
            return []

    error = refusal(Gatekeeper(NoTokens()), words)  # type: ignore[arg-type]

    assert error.reason in ("malformed", "unknown")
    assert len(words) < 8 or words not in str(error)


def test_no_token_is_stored_or_told(
    tokens: TokenStore, gatekeeper: Gatekeeper, opened: Database, database: str
) -> None:
    made = [issue_token(tokens, name, Scope.SEARCH) for name in ("kept", "revoked")]
    tokens.revoke("revoked", 1)
    told = [repr(gatekeeper.admit(made[0])), repr(refusal(gatekeeper, made[1]))]
    told += map(repr, tokens.all())
    opened.purge()
    stored = Path(database.removeprefix("sqlite:///")).read_bytes()

    for token in made:
        secret = token[21:]
        assert all(secret not in words for words in told)
        assert secret.encode() not in stored
        assert token[4:20].encode() in stored


def test_within_its_time_the_gatekeeper_does_not_ask_the_database_again(
    tokens: TokenStore, opened: Database
) -> None:
    token = issue_token(tokens, "kiosk", Scope.SEARCH)
    keeping, asking = Gatekeeper(tokens, cache_seconds=3600), Gatekeeper(tokens, cache_seconds=0)
    keeping.admit(token)

    tokens.revoke("kiosk", 1)

    assert keeping.admit(token).name == "kiosk"
    assert refusal(asking, token).reason == "revoked"


def test_without_waiting_it_tells_only_what_it_has_read_just_now(tokens: TokenStore) -> None:
    token = issue_token(tokens, "kiosk", Scope.SEARCH)
    keeping, asking = Gatekeeper(tokens, cache_seconds=3600), Gatekeeper(tokens, cache_seconds=0)
    assert keeping.admit_cached(token) is None, "nothing was read yet"

    assert keeping.admit(token) == keeping.admit_cached(token) == asking.admit(token)

    assert asking.admit_cached(token) is None
    for gatekeeper in (keeping, asking):
        with pytest.raises(AccessDeniedError):
            gatekeeper.admit_cached("no token")
    with pytest.raises(AccessDeniedError):
        keeping.admit_cached(token[:-1] + ("A" if token[-1] != "A" else "B"))


def test_a_token_expires_on_time_whatever_is_cached(
    tokens: TokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    expires = int(time.time()) + 3600
    token = issue_token(tokens, "kiosk", Scope.SEARCH, expires=expires)
    gatekeeper = Gatekeeper(tokens, cache_seconds=3600)

    monkeypatch.setattr(time, "time", lambda: expires - 0.001)
    assert gatekeeper.admit(token).name == "kiosk"
    monkeypatch.setattr(time, "time", lambda: float(expires))
    assert refusal(gatekeeper, token).reason == "expired"


def test_nobody_is_admitted_where_the_tokens_cannot_be_read(
    tokens: TokenStore, gatekeeper: Gatekeeper, opened: Database
) -> None:
    token = issue_token(tokens, "kiosk", Scope.SEARCH)
    gatekeeper.admit(token)
    with opened.writing() as connection:
        connection.execute(text("DROP TABLE token_gallery"))

    with pytest.raises(DatabaseError):
        gatekeeper.admit(token)


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "x" * 101])
def test_names_that_no_list_could_show_are_refused(tokens: TokenStore, name: str) -> None:
    with pytest.raises(GalleryError, match="name"):
        issue_token(tokens, name, Scope.SEARCH)
    with pytest.raises(GalleryError, match="name"):
        issue_token(tokens, "kiosk", Scope.SEARCH, galleries=["staff", name * 2])
    assert tokens.all() == []


def test_a_token_for_no_gallery_is_refused_and_not_taken_for_one_for_all(
    tokens: TokenStore,
) -> None:
    with pytest.raises(GalleryError, match="at least one"):
        issue_token(tokens, "kiosk", Scope.SEARCH, galleries=[])


def grant_for(*galleries: str) -> Grant:
    return Grant("0" * 16, "kiosk", Scope.ENROLL, frozenset(galleries))


def test_a_grant_covers_its_galleries_alone() -> None:
    grant = grant_for("staff", "visitors")

    assert grant.covers("staff")
    assert grant.covers("visitors")
    assert not any(grant.covers(name) for name in ("", "Staff", "staff ", "staff2", "guests"))
    assert not grant_for().covers("staff")
    assert Grant("0" * 16, "operator", Scope.SEARCH, None).covers("guests")


@given(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=200),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=200),
    st.binary(min_size=16, max_size=16),
)
def test_a_grant_covers_the_copies_that_renewals_make_of_its_galleries(
    gallery: str, other: str, key_id: bytes
) -> None:
    copy = copy_name(gallery, key_id)

    assert grant_for(gallery).covers(copy)
    assert not grant_for(other).covers(copy) or other in (gallery, copy)


def test_what_only_looks_like_a_copy_is_not_covered() -> None:
    grant = grant_for("staff")

    for name in (
        "staff (renewal 0001020)",
        "staff (renewal 0001020G)",
        "staff (renewal 0001020A)",
        "staff  (renewal 00010203)",
        "staff (renewal 00010203)\n",
        "staff (renewal 00010203) (renewal 00010203)",
        " (renewal 00010203)",
    ):
        assert not grant.covers(name), name
