"""The file of the desk's tokens: what it keeps, and what it refuses."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gallery.desk.access.scopes import DeskScope
from gallery.desk.access.tokens import TokenFile, TokenFileError
from gallery.desk.errors import NotSignedInError


@pytest.fixture
def tokens(tmp_path: Path) -> TokenFile:
    """A file of tokens that is not there yet, at the time 1,000."""
    return TokenFile(tmp_path / "tokens", clock=lambda: 1000.0)


def test_a_token_names_its_holder(tokens: TokenFile) -> None:
    token = tokens.issue("kiosk", DeskScope.IDENTIFY)

    holder = tokens.holder(token)

    assert (holder.name, holder.scope, holder.is_limited) == ("kiosk", DeskScope.IDENTIFY, True)


def test_the_file_holds_no_token_and_is_its_owners_alone(tokens: TokenFile) -> None:
    token = tokens.issue("kiosk", DeskScope.IDENTIFY)

    assert token.rpartition("_")[2] not in tokens.path.read_text()
    assert stat.S_IMODE(tokens.path.stat().st_mode) == 0o600


def test_a_token_ends_when_it_expires_or_is_revoked(tokens: TokenFile) -> None:
    short, long = (
        tokens.issue(name, DeskScope.ENROLL, expires) for name, expires in (("a", 999), ("b", 1001))
    )

    assert tokens.holder(long).name == "b"
    tokens.revoke("b")

    for token in (short, long, "efd_0123456789abcdef_" + "x" * 43, "", "efg_"):
        with pytest.raises(NotSignedInError):
            tokens.holder(token)


@pytest.mark.parametrize("name", ["owner", " Owner", "OWNER "])
def test_no_token_has_the_name_of_the_owners_browser(tokens: TokenFile, name: str) -> None:
    with pytest.raises(TokenFileError, match="choose another name"):
        tokens.issue(name, DeskScope.MANAGE)


def test_a_token_of_a_former_version_is_not_taken_for_the_owners_browser(
    tokens: TokenFile,
) -> None:
    token = tokens.issue("door", DeskScope.ENROLL)
    tokens.path.write_text(tokens.path.read_text().replace('"door"', '"Owner"'))

    assert tokens.holder(token).name == f"Owner ({tokens.all()[0].token_id})"
    assert tokens.revoke("Owner").name == "Owner"


@pytest.mark.parametrize("name", ["", " ", "a\nb", "\x1b[31m", "x" * 201])
def test_a_name_must_be_printable(tokens: TokenFile, name: str) -> None:
    with pytest.raises(TokenFileError, match="printable text"):
        tokens.issue(name, DeskScope.IDENTIFY)


def test_a_token_that_could_not_be_delivered_is_not_made(tokens: TokenFile) -> None:
    def lost(_: str) -> None:
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        tokens.issue("kiosk", DeskScope.IDENTIFY, deliver=lost)

    assert tokens.all() == ()


def test_a_name_is_free_again_once_its_token_is_revoked(tokens: TokenFile) -> None:
    tokens.issue("kiosk", DeskScope.IDENTIFY)
    with pytest.raises(TokenFileError, match="'kiosk' already"):
        tokens.issue("kiosk", DeskScope.ENROLL)
    tokens.revoke("kiosk")

    tokens.issue("kiosk", DeskScope.ENROLL)

    assert [item.revoked for item in tokens.all()] == [True, False]


def test_a_name_of_an_expired_token_can_be_used_and_revoked_again(tokens: TokenFile) -> None:
    tokens.issue("kiosk", DeskScope.IDENTIFY, 999)
    leaked = tokens.issue("kiosk", DeskScope.IDENTIFY)

    tokens.revoke("kiosk")

    with pytest.raises(NotSignedInError):
        tokens.holder(leaked)


def test_tokens_that_are_made_at_once_are_all_kept(tokens: TokenFile) -> None:
    def make(number: int) -> None:
        # As another process has it, with a file of its own.
        TokenFile(tokens.path, clock=lambda: 1000.0).issue(str(number), DeskScope.IDENTIFY)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(make, range(16)))

    assert {item.name for item in tokens.all()} == {str(number) for number in range(16)}


def test_a_token_is_for_all_galleries_or_for_some(tokens: TokenFile) -> None:
    anywhere = tokens.holder(tokens.issue("a", DeskScope.IDENTIFY))
    visitors = tokens.holder(tokens.issue("b", DeskScope.IDENTIFY, galleries=("visitors",)))

    assert [holder.may_use("staff") for holder in (anywhere, visitors)] == [True, False]
    assert visitors.may_use("visitors")


def test_a_file_of_version_1_is_for_all_galleries(tokens: TokenFile) -> None:
    token = tokens.issue("old", DeskScope.IDENTIFY)
    document = json.loads(tokens.path.read_text())
    for item in document["tokens"]:
        del item["galleries"]
    tokens.path.write_text(json.dumps({**document, "version": 1}))

    assert tokens.holder(token).may_use("staff")
    tokens.issue("new", DeskScope.IDENTIFY)
    assert json.loads(tokens.path.read_text())["version"] == 2


def test_a_name_that_is_not_there_cannot_be_revoked(tokens: TokenFile) -> None:
    with pytest.raises(TokenFileError, match="no valid token 'a'"):
        tokens.revoke("a")


@pytest.mark.parametrize(
    "content", ["", "[]", '{"version": 2}', '{"version": 3}', '{"version": 1, "tokens": [1]}']
)
def test_a_damaged_file_is_named(tokens: TokenFile, content: str) -> None:
    tokens.path.write_text(content)

    with pytest.raises(TokenFileError, match=tokens.path.name):
        tokens.all()


def test_a_file_that_no_json_reader_gets_to_the_end_of_is_damaged(tokens: TokenFile) -> None:
    tokens.path.write_text("[" * 200_000)

    with pytest.raises(TokenFileError, match="damaged"):
        tokens.all()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("token_id", 5),
        ("name", None),
        ("scope", "everything"),
        ("scope", []),
        ("digest", "é" * 64),
        ("digest", 0),
        ("created", "today"),
        ("expires", "2030-01-01"),
        ("expires", 1e9),
        ("revoked", None),
        ("revoked", 0),
        ("galleries", "staff"),
        ("galleries", None),
        ("galleries", [1]),
    ],
)
def test_a_token_with_a_field_of_another_kind_is_damaged(
    tokens: TokenFile, field: str, value: object
) -> None:
    token = tokens.issue("kiosk", DeskScope.IDENTIFY, galleries=("staff",))
    document = json.loads(tokens.path.read_text())
    document["tokens"][0][field] = value
    tokens.path.write_text(json.dumps(document))

    with pytest.raises(TokenFileError, match="damaged"):
        tokens.holder(token)


def test_a_token_whose_galleries_are_lost_is_not_for_all(tokens: TokenFile) -> None:
    token = tokens.issue("kiosk", DeskScope.IDENTIFY, galleries=("staff",))
    document = json.loads(tokens.path.read_text())
    del document["tokens"][0]["galleries"]
    tokens.path.write_text(json.dumps(document))

    with pytest.raises(TokenFileError, match="damaged"):
        tokens.holder(token)


def test_scopes_include_those_before_them() -> None:
    allowed = {(one, other) for one in DeskScope for other in DeskScope if one.includes(other)}

    assert len(allowed) == 6
    assert (DeskScope.MANAGE, DeskScope.IDENTIFY) in allowed
    assert (DeskScope.IDENTIFY, DeskScope.ENROLL) not in allowed
