"""Database URLs: each names the one database that it says, or is refused with what to write."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gallery.errors import DatabaseError
from gallery.server import open_service
from gallery.store import Database
from gallery.store.database_url import parse_url, secrets_of, sqlite_file


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _whose_files_all_may_read() -> Iterator[None]:
    former = os.umask(0)
    yield
    os.umask(former)


def refusal(url: str) -> str:
    with pytest.raises(DatabaseError) as caught, open_service(url, create=True):
        pass
    return str(caught.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("gallery.db", "sqlite:///gallery.db"),
        ("sqlite:gallery.db", "sqlite:///gallery.db"),
        ("sqlite://gallery.db", "three slashes"),
        ("sqlite://srv/gallery.db", "sqlite:////srv"),
        ("sqlite://", "name a file"),
        ("sqlite:///", "name a file"),
        ("sqlite:///.", "is a folder"),
        ("sqlite3:///gallery.db", "write sqlite://"),
        ("postgres://owner@host/faces", r"write postgresql+psycopg://"),
        ("POSTGRES://owner@host/faces", r"write postgresql+psycopg://"),
        ("postgresql+psycopg2://owner@host/faces", r"write postgresql+psycopg://"),
        ("postgresql+psycopg://owner:pass@word@host/faces", "%40"),
        ("postgresql+psycopg://owner:pass/word@x@host/faces", "%40"),
        ("postgresql+psycopg://owner:word/faces", "cannot be parsed"),
        ("postgresql+psycopg://owner@host:5432/faces?passfile=a@b", "%40"),
        ("'sqlite:///gallery.db'", "does not begin with a name"),
        ("host=localhost password=a://b", "does not begin with a name"),
        ("postgresql+psycopg_async://owner@host/faces", "asynchronous"),
        ("mysql://owner@host/faces", "no driver"),
        ("sqlite:///a?b.db", "sqlite:///a%3Fb.db"),
        ("sqlite:////srv/a?b.db", "sqlite:////srv/a%3Fb.db"),
        ("sqlite:///a?b=c.db", "'b=***' after it is no option"),
        ("sqlite:///gallery.db?mode=ro", "no option"),
        ("sqlite:///gallery\0.db", "zero character"),
    ],
)
def test_a_url_that_cannot_be_meant_is_refused_with_what_to_write(
    url: str, words: str, tmp_path: Path
) -> None:
    assert words in refusal(url)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:///a%3Fb.db", "a?b.db"),
        ("sqlite:///a@b:c.db", "a@b:c.db"),
        ("sqlite:///a#b.db", "a#b.db"),
        ("sqlite:///a%25b.db", "a%b.db"),
        ("sqlite:///a b.db?timeout=5", "a b.db"),
        (" sqlite:///gallery.db\n", "gallery.db"),
        ("sqlite:///file:a.db?uri=true", "a.db"),
        ("sqlite:///file:a%253Fb.db?uri=true&mode=rwc", "a?b.db"),
        ("sqlite:///file:a.db", "file:a.db"),
    ],
)
def test_a_database_is_made_in_the_file_that_its_url_names_and_for_its_owner_alone(
    url: str, name: str, tmp_path: Path
) -> None:
    with open_service(url, create=True):
        files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}

    assert {name, f"{name}-wal", f"{name}-shm"} == set(files)
    assert set(files.values()) == {0o600}
    assert [path.name for path in tmp_path.iterdir()] == [name]
    with open_service(url) as service:
        assert service.gallery_names() == []


def test_databases_whose_names_differ_after_a_question_mark_are_never_one_file() -> None:
    for name in ("eu", "us"):
        with open_service(f"sqlite:///team%3F{name}.db", create=True):
            pass

    assert {"team?eu.db", "team?us.db"} == {path.name for path in Path().iterdir()}
    assert all("%3F" in refusal(f"sqlite:///team?{name}.db") for name in ("eu", "us"))


@pytest.mark.parametrize("url", ["sqlite:///file:missing.db?uri=true", "sqlite:///missing.db"])
def test_a_missing_file_is_not_made_by_opening_it(url: str, tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="there is no database"), open_service(url):
        pass

    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_there_keeps_the_mode_that_its_owner_gave_it(tmp_path: Path) -> None:
    url, path = "sqlite:///shared.db", tmp_path / "shared.db"
    with open_service(url, create=True):
        pass
    path.chmod(0o660)

    with open_service(url, create=True):
        modes = {stat.S_IMODE(item.stat().st_mode) for item in tmp_path.iterdir()}

    assert modes == {0o660}


def test_a_drivers_complaint_does_not_repeat_a_secret() -> None:
    # The driver repeats the value of an option that it cannot read.
    url = "postgresql+psycopg://owner:S3cret@127.0.0.1:9/faces?connect_timeout=S3cret"
    with closing(Database(url)) as opened, pytest.raises(DatabaseError) as caught:
        opened.revision()

    url, _, reason = str(caught.value).partition(": ")
    assert "owner:***@" in url
    assert reason.endswith("connect_timeout: '***'")


@pytest.mark.parametrize("user", ["owner:S3cret", "owner%3AS3cret", "owner%3aS3cret"])
def test_a_drivers_complaint_about_a_user_does_not_repeat_a_password(user: str) -> None:
    parsed = parse_url(f"postgresql+psycopg://{user}@127.0.0.1:9/faces")

    assert "S3cret" in secrets_of(parsed)


def test_an_option_that_cannot_be_read_is_said_to_be_so() -> None:
    assert "cannot be used" in refusal("sqlite:///gallery.db?timeout=soon")


def test_a_user_of_a_server_may_have_the_servers_name() -> None:
    """As hosted databases have it."""
    parsed = parse_url("postgresql://owner@server:word@host:5432/faces")

    assert (parsed.username, parsed.password, parsed.host) == ("owner@server", "word", "host")


def test_the_driver_of_postgresql_need_not_be_named() -> None:
    parsed = parse_url("postgresql://owner@host/faces")

    assert parsed.drivername == "postgresql+psycopg"


def test_only_a_file_has_a_path() -> None:
    assert sqlite_file(parse_url("postgresql+psycopg://owner@host/faces")) is None
    assert sqlite_file(parse_url("sqlite:///file:x?mode=memory&uri=true")) is None
    assert sqlite_file(parse_url("sqlite:///file:///srv/x.db?uri=1")) == Path("/srv/x.db")
