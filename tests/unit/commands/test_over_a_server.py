"""A command does the same, and says the same, on a server as on a database."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from gallery.server import open_service
from gallery.server.gatekeeper import Scope
from gallery.server.http import ServerConfig
from tests.support.serving import Serving, serving
from tests.unit.commands.conftest import Command, Done

GALLERY_VARIABLES = ("GALLERY_SERVER", "GALLERY_TOKEN", "GALLERY_SERVER_CA", "GALLERY_STATE_FILE")


@pytest.fixture
def server(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serving]:
    """A server on an empty database that is not the one of ``--database``."""
    for name in GALLERY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "served").mkdir()
    config = ServerConfig(cache_size=2**24, rate="100000/minute")
    with serving(f"sqlite:///{tmp_path}/served/gallery.db", config) as opened:
        (tmp_path / "token").write_text(opened.token("owner") + "\n")
        yield opened


STORY: tuple[tuple[object, ...], ...] = (
    ("init", "--dimension", 16),
    ("init", "--dimension", 16),
    ("enroll", "people.npz"),
    ("enroll", "people.npz"),
    ("enroll", "small.npz"),
    ("identify", "people.npz", "--threshold", 0.1, "--top", 2, "--json"),
    ("identify", "people.npz", "--threshold", 0.1),
    ("identify", "people.npz"),
    ("identify", "small.npz", "--threshold", 0.1),
    ("info", "--json"),
    ("list", "--json"),
    ("list", "--gallery", "nobody"),
    ("remove", "person 1", "--yes", "--json"),
    ("remove", "person 1", "--yes"),
    ("remove", "person 2"),
    ("compact",),
    ("verify", "--deep"),
    ("verify", "--deep", "--json"),
    ("export", "copy.backup"),
    ("import", "copy.backup"),
    ("info", "--json", "--key", "new.key"),
    ("rekey", "--new-key", "new.key", "--yes"),
    ("info", "--json"),
    ("identify", "people.npz", "--threshold", 0.1, "--json", "--key", "new.key"),
    ("import", "copy.backup", "--gallery", "restored"),
    ("list", "--gallery", "restored", "--json"),
    ("verify", "--gallery", "restored", "--accept-rollback"),
    ("list", "--gallery", "restored", "--json"),
)
EXIT_CODES = {1: 21, 4: 23, 7: 27, 8: 23, 11: 20, 13: 28, 14: 2, 19: 21, 20: 17, 22: 17}
"""By position in the story; all others succeed."""


def tell(command: Command, *place: object) -> list[Done]:
    return [command(*words, *place) for words in STORY]


def without_chance(text: str) -> str:
    """Put one word for what differs from gallery to gallery and moment to moment."""
    text = re.sub(r"\b[0-9a-f]{8,64}\b", "ID", text)
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\+00:00|Z)?", "TIME", text)
    return re.sub(r"http://127\.0\.0\.1:\d+|sqlite:///[\w./-]+", "PLACE", text)


def test_the_whole_story_is_the_same_on_a_server_and_on_a_database(
    command: Command, server: Serving, people: np.ndarray, tmp_path: Path
) -> None:
    np.savez("small.npz", embeddings=people[:, :8], labels=np.array(["a", "b", "c", "d", "e"]))
    assert command("key", "new", "--no-passphrase").code == 0
    assert command("key", "new", "--no-passphrase", "--key", "new.key").code == 0

    local = tell(command, "--database", "sqlite:///gallery.db")
    for made in ("copy.backup", "owner.key.seen", "new.key.seen"):
        (tmp_path / made).unlink(missing_ok=True)
    remote = tell(command, "--server", server.url, "--token-file", "token")

    for number, (words, here, there) in enumerate(zip(STORY, local, remote, strict=True)):
        assert here.code == EXIT_CODES.get(number, 0), (words, here.err)
        assert there.code == here.code, (words, there.err)
        assert without_chance(there.out) == without_chance(here.out), words
        assert without_chance(there.err) == without_chance(here.err), words
    with open_service(server.database) as service:
        assert service.gallery_names() == ["default", "restored"]


def test_variables_name_the_server_and_hold_the_token(
    command: Command, server: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("key", "new", "--no-passphrase")
    monkeypatch.setenv("GALLERY_SERVER", server.url)
    monkeypatch.setenv("GALLERY_TOKEN", server.token("from the environment"))

    assert command("init", "--dimension", 4).code == 0
    assert not Path("gallery.db").exists()
    # What is said on the command line comes first.
    assert command("init", "--dimension", 4, "--database", "sqlite:///own.db").code == 0
    assert Path("own.db").exists()


def test_a_server_on_the_command_line_comes_before_a_database_in_the_environment(
    command: Command, server: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("key", "new", "--no-passphrase")
    monkeypatch.setenv("GALLERY_DATABASE", "sqlite:///other.db")

    place = ("--server", server.url, "--token-file", "token")
    assert command("init", "--dimension", 4, *place).code == 0
    assert not Path("other.db").exists()


def test_a_server_and_a_database_at_once_are_a_mistake(command: Command) -> None:
    place = ("--server", "https://localhost", "--database", "sqlite:///gallery.db")

    done = command("info", *place)

    assert done.code == 2
    assert "not both" in done.err


@pytest.mark.parametrize("token", [None, "", "no token", "efg_0123456789abcdef_" + "A" * 43, "é"])
def test_a_token_that_is_missing_or_wrong_is_refused(
    command: Command, server: Serving, token: str | None
) -> None:
    command("key", "new", "--no-passphrase")
    words: tuple[object, ...] = ("info", "--server", server.url)
    if token is not None:
        Path("bad").write_text(token, encoding="utf-8")
        words = (*words, "--token-file", "bad")

    done = command(*words)

    assert (done.code, done.out) == (61, "")
    assert "token" in done.err
    assert not token or token not in done.err


def test_a_token_file_that_is_not_there_is_an_input_error(command: Command) -> None:
    done = command("info", "--server", "http://127.0.0.1:1", "--token-file", "nowhere")

    assert done.code == 50
    assert "nowhere" in done.err


def test_a_token_of_a_lower_scope_is_refused_what_is_above_it(
    command: Command, server: Serving, people: np.ndarray
) -> None:
    command("key", "new", "--no-passphrase")
    # Before the first request: a token that is made later is known a moment later.
    Path("search").write_text(server.token("kiosk", Scope.SEARCH))
    place = ("--server", server.url, "--token-file")
    assert command("init", "--dimension", 16, *place, "token").code == 0
    refused = command("enroll", "people.npz", *place, "search")

    assert refused.code == 61
    assert "kiosk" in refused.err
    assert command("enroll", "people.npz", *place, "token").code == 0
    found = command("identify", "people.npz", "--threshold", 0.1, *place, "search", "--json")
    assert [item["decision"] for item in found.records] == ["match"] * 5


@contextmanager
def closed_port() -> Iterator[int]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_a_server_that_is_not_there_is_said_to_be(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gallery.client.transport.http_connection._RETRY_SECONDS", 0.3)
    monkeypatch.setenv("GALLERY_TOKEN", "efg_0123456789abcdef_" + "A" * 43)
    command("key", "new", "--no-passphrase")
    with closed_port() as port:
        done = command("info", "--server", f"http://127.0.0.1:{port}")

    assert (done.code, done.out) == (60, "")
    assert "is it running" in done.err


def test_plain_http_to_another_machine_is_refused_unless_it_is_meant(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GALLERY_TOKEN", "efg_0123456789abcdef_" + "A" * 43)
    command("key", "new", "--no-passphrase")

    done = command("info", "--server", "http://faces.example.org")

    assert done.code == 60
    assert "--plain-http" in done.err
