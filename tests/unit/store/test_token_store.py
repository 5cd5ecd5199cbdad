"""Tokens in the database."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from gallery.errors import IntegrityError, TokenExistsError, TokenNotFoundError
from gallery.store import Database, Scope, StoredToken, TokenStore

KIOSK = StoredToken(
    token_id="00112233aabbccdd",
    name="kiosk",
    scope=Scope.SEARCH,
    galleries=frozenset({"staff", "Gäste"}),
    created=1_800_000_000,
    expires=1_900_000_000,
    revoked=None,
    salt=bytes(range(32)),
    digest=bytes(range(32, 64)),
)
OPERATOR = replace(
    KIOSK, token_id="f" * 16, name="operator", scope=Scope.ADMIN, galleries=None, expires=None
)


@pytest.fixture
def tokens(opened: Database) -> TokenStore:
    return TokenStore(opened)


def test_a_new_database_has_no_tokens(tokens: TokenStore) -> None:
    assert tokens.all() == []


def test_tokens_are_read_back_equal_and_sorted(tokens: TokenStore) -> None:
    tokens.add(OPERATOR)
    tokens.add(KIOSK)

    assert tokens.all() == [KIOSK, OPERATOR]


def test_a_revoked_token_stays_and_keeps_the_time_of_its_first_revocation(
    tokens: TokenStore,
) -> None:
    tokens.add(KIOSK)
    tokens.add(OPERATOR)

    assert tokens.revoke("kiosk", 1_850_000_000)
    assert not tokens.revoke("kiosk", 1_860_000_000)

    assert tokens.all() == [replace(KIOSK, revoked=1_850_000_000), OPERATOR]


def test_what_is_not_there_cannot_be_revoked(tokens: TokenStore) -> None:
    with pytest.raises(TokenNotFoundError, match=r"'kiosk'.*TokenStore.all lists"):
        tokens.revoke("kiosk", 1_850_000_000)


@pytest.mark.parametrize("revoked", [False, True])
def test_a_name_is_given_once_even_if_its_token_is_revoked(
    tokens: TokenStore, revoked: bool
) -> None:
    tokens.add(KIOSK)
    if revoked:
        tokens.revoke("kiosk", 1_850_000_000)

    with pytest.raises(TokenExistsError, match="'kiosk'"):
        tokens.add(replace(OPERATOR, name="kiosk"))

    assert len(tokens.all()) == 1


@pytest.mark.parametrize(
    "change", ["scope = 'everything'", "every_gallery = 2", "every_gallery = -1"]
)
def test_a_token_that_does_not_say_what_it_allows_allows_nothing(
    tokens: TokenStore, opened: Database, change: str
) -> None:
    tokens.add(KIOSK)
    with opened.writing() as connection:
        connection.execute(text(f"UPDATE token SET {change}"))

    with pytest.raises(IntegrityError, match="'kiosk'"):
        tokens.all()


def test_lost_limits_leave_a_token_without_galleries(tokens: TokenStore, opened: Database) -> None:
    tokens.add(KIOSK)
    with opened.writing() as connection:
        connection.execute(text("DELETE FROM token_gallery"))

    assert tokens.all() == [replace(KIOSK, galleries=frozenset())]


def test_the_secret_part_of_a_row_is_in_no_repr() -> None:
    shown = repr(KIOSK)

    assert "kiosk" in shown
    assert "salt" not in shown
    assert "digest" not in shown


def test_each_scope_includes_those_before_it() -> None:
    allowed = {scope: {other for other in Scope if scope.allows(other)} for scope in Scope}

    assert allowed == {
        Scope.SEARCH: {Scope.SEARCH},
        Scope.ENROLL: {Scope.SEARCH, Scope.ENROLL},
        Scope.ADMIN: {Scope.SEARCH, Scope.ENROLL, Scope.ADMIN},
    }
