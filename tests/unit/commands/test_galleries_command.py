"""``gallery galleries``: the names of a database's galleries, or of those that a token is for."""

from __future__ import annotations

from pathlib import Path

import pytest

from gallery.server.gatekeeper import Scope
from tests.support.serving import serving
from tests.unit.commands.conftest import Command

NAMES = ["Zoë", "[bold]staff", "default"]


@pytest.fixture
def filled(command: Command) -> Command:
    assert command("key", "new", "--no-passphrase").code == 0
    for name in NAMES:
        words = ("--dimension", 16, "--parameters", "light", "--gallery", name)
        assert command("init", *words).code == 0
    Path("owner.key").unlink()
    return command


def test_all_galleries_of_a_database_are_listed_without_a_key(filled: Command) -> None:
    shown, records = filled("galleries"), filled("galleries", "--json").records

    assert shown.code == 0
    assert shown.out.split()[1:] == ["Zoë", "[bold]staff", "default"]
    assert "3 galleries" in shown.err
    assert records == [{"name": name} for name in sorted(NAMES)]


def test_a_server_lists_those_that_the_token_is_for(
    filled: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(f"sqlite:///{tmp_path}/gallery.db") as server:
        cases: list[tuple[str, ...]] = [("Zoë",), ("nobody",), ()]
        # All come first: what the server does not know yet it looks for once in two seconds.
        tokens = [server.token(f"for {case}", Scope.SEARCH, *case) for case in cases]
        for galleries, token in zip(cases, tokens, strict=True):
            monkeypatch.setenv("GALLERY_TOKEN", token)
            found = filled("galleries", "--json", "--server", server.url).records
            assert {item["name"] for item in found} == set(galleries or NAMES) & set(NAMES)


def test_an_empty_database_has_none_and_a_missing_one_is_not_made(command: Command) -> None:
    assert command("galleries").code == 30
    assert list(Path().iterdir()) == []
    command("token", "create", "--name", "first", "--scope", "admin")

    done = command("galleries")

    assert (done.code, done.out) == (0, "")
    assert "0 galleries" in done.err
