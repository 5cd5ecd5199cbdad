"""A desk that is started by its name alone: it makes nothing beside galleries that are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from gallery.errors import GalleryNotFoundError, KeyFileNotFoundError
from tests.unit.commands.conftest import Command

KEY = Path("data") / "encrypted-face-gallery" / "gallery.key"


@pytest.fixture
def usual(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """A user whose key file is in the usual place, and whose passphrase is nowhere."""
    assert command("key", "new").code == 0
    (tmp_path / KEY).parent.mkdir(parents=True)
    (tmp_path / "owner.key").rename(tmp_path / KEY)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("GALLERY_KEY")
    return command


def test_a_gallery_of_another_name_was_meant(
    usual: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert usual("init", "--dimension", 8, "--gallery", "faces").code == 0
    monkeypatch.delenv("GALLERY_PASSPHRASE")

    done = usual("desk", "--port", 0)

    assert done.code == GalleryNotFoundError.exit_code
    assert "no gallery named 'default'" in done.err
    assert "gallery galleries lists" in done.err


def test_a_new_key_would_not_open_the_gallery_that_is_there(
    usual: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert usual("init", "--dimension", 8).code == 0
    monkeypatch.delenv("GALLERY_PASSPHRASE")
    (tmp_path / KEY).unlink()

    done = usual("desk", "--port", 0)

    assert done.code == KeyFileNotFoundError.exit_code
    assert not (tmp_path / KEY).exists()


@pytest.mark.parametrize("option", ["--tokens-only", "--ask-passphrase"])
def test_a_desk_for_others_or_of_a_script_makes_nothing(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for name in ("GALLERY_KEY", "GALLERY_PASSPHRASE"):
        monkeypatch.delenv(name)

    assert command("desk", "--port", 0, option).code == KeyFileNotFoundError.exit_code
    assert list(tmp_path.iterdir()) == []
