"""Another passphrase for a key file: the same key, and the old file or the new one."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from gallery.client.keys.keyfile import (
    change_passphrase,
    is_protected,
    read_key_file,
    write_key_file,
)
from gallery.client.keys.keyfile_format import Argon2Parameters
from gallery.client.keys.secrets import GalleryKey
from gallery.errors import (
    KeyFileCorruptedError,
    KeyFileError,
    KeyFileNotFoundError,
    KeyFilePermissionsError,
    PassphraseRequiredError,
    WrongPassphraseError,
)

CHEAP = Argon2Parameters(memory_kib=64, iterations=1, lanes=1)
KEY = GalleryKey(bytes(range(32)), {"standard": b"context of standard"})
OLD, NEW = "correct horse", "battery staple"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A key file that is sealed with the old passphrase."""
    found = tmp_path / "team.key"
    write_key_file(found, KEY, OLD, CHEAP)
    return found


def change(path: Path, old: str | None = OLD, new: str | None = NEW) -> None:
    change_passphrase(path, old, new, CHEAP)


def test_the_same_key_opens_with_the_new_passphrase_alone(path: Path) -> None:
    before = path.read_bytes()

    change(path)

    assert read_key_file(path, NEW).reveal() == KEY.reveal()
    with pytest.raises(WrongPassphraseError):
        read_key_file(path, OLD)
    after = path.read_bytes()
    windows = {before[at : at + 8] for at in range(40, len(before) - 40)}
    assert not any(after[at : at + 8] in windows for at in range(40, len(after) - 40))


def test_a_real_key_stays_the_same(tmp_path: Path, key: GalleryKey) -> None:
    write_key_file(tmp_path / "team.key", key, OLD, CHEAP)

    change_passphrase(tmp_path / "team.key", OLD, NEW)

    assert read_key_file(tmp_path / "team.key", NEW).reveal() == key.reveal()


@pytest.mark.parametrize(("old", "new"), [(OLD, None), (None, NEW), (None, None), (OLD, OLD)])
def test_protection_is_taken_off_and_put_on(
    tmp_path: Path, old: str | None, new: str | None
) -> None:
    path = tmp_path / "team.key"
    write_key_file(path, KEY, old, CHEAP)

    change(path, old, new)

    assert is_protected(path) == (new is not None)
    assert read_key_file(path, new).reveal() == KEY.reveal()


@pytest.mark.parametrize("umask", [0o000, 0o077])
@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_the_file_stays_its_owners_alone(path: Path, umask: int, mode: int) -> None:
    path.chmod(mode)
    before = os.umask(umask)
    try:
        change(path)
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["team.key"]


def test_a_link_is_followed_so_that_no_old_file_stays(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    link = folder / "link.key"
    link.symlink_to(path)

    change(link)

    assert link.is_symlink()
    assert read_key_file(path, NEW).key_id == KEY.key_id
    assert os.listdir(folder) == ["link.key"]


@pytest.mark.parametrize(
    ("old", "error"), [("wrong", WrongPassphraseError), (None, PassphraseRequiredError)]
)
def test_without_the_old_passphrase_nothing_changes(
    path: Path, old: str | None, error: type[KeyFileError]
) -> None:
    before = path.read_bytes()

    with pytest.raises(error):
        change(path, old)

    assert path.read_bytes() == before


def test_a_new_passphrase_is_asked_for_only_when_the_old_one_has_opened_the_file(
    path: Path,
) -> None:
    asked: list[str] = []

    def choose() -> str:
        asked.append("")
        return NEW

    with pytest.raises(WrongPassphraseError):
        change_passphrase(path, lambda: "wrong", choose, CHEAP)
    assert asked == []

    change_passphrase(path, lambda: OLD, choose, CHEAP)
    assert len(asked) == 1
    assert read_key_file(path, NEW).reveal() == KEY.reveal()


def test_a_key_that_took_the_files_place_meanwhile_is_not_overwritten(path: Path) -> None:
    another = GalleryKey(bytes(range(32, 64)), {})

    def choose() -> str:
        path.unlink()
        write_key_file(path, another, OLD, CHEAP)
        return NEW

    with pytest.raises(KeyFileError, match="changed meanwhile"):
        change_passphrase(path, OLD, choose, CHEAP)

    assert read_key_file(path, OLD).reveal() == another.reveal()


def test_files_that_cannot_be_read_are_told_apart(path: Path) -> None:
    with pytest.raises(KeyFileNotFoundError):
        change(path.with_name("missing.key"))
    path.chmod(0o640)
    with pytest.raises(KeyFilePermissionsError):
        change(path)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(KeyFileCorruptedError):
        change(path)


def test_a_passphrase_that_is_not_text_is_refused(path: Path) -> None:
    before = path.read_bytes()

    with pytest.raises(KeyFileError, match="not UTF-8"):
        change(path, new=os.fsdecode(b"caf\xe9"))

    assert path.read_bytes() == before


# --- interruptions --------------------------------------------------------------------------------

STEPS = ["tempfile.mkstemp", "os.fdopen", "os.fsync", "os.replace", "os.unlink"]


def stop_at(monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(f"gallery.client.atomic_file.{step}", stopped)


@pytest.mark.parametrize("step", STEPS)
def test_a_process_that_stops_leaves_the_old_or_the_new_file(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        stop_at(patched, step, KeyboardInterrupt())
        change(path)

    changed = step == "os.unlink"
    assert read_key_file(path, NEW if changed else OLD).reveal() == KEY.reveal()


@pytest.mark.parametrize("step", ["tempfile.mkstemp", "os.fsync", "os.replace"])
def test_a_disk_that_fails_leaves_the_old_file_and_nothing_else(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before = path.read_bytes()

    with monkeypatch.context() as patched, pytest.raises(KeyFileError, match="No space"):
        stop_at(patched, step, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        change(path)

    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["team.key"]


def test_file_and_folder_are_synchronised_around_the_rename(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synchronise(handle: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    def rename(source: str, target: Path) -> None:
        assert Path(source).parent == target.parent
        assert stat.S_IMODE(os.stat(source).st_mode) == 0o600
        steps.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synchronise)
    monkeypatch.setattr(os, "replace", rename)

    change(path)

    assert steps == ["file", "rename", "folder"]


def test_a_key_that_would_not_come_back_is_not_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()
    other = GalleryKey(bytes(32), {})

    def wrong(_: GalleryKey, passphrase: str, hardness: Argon2Parameters) -> bytes:
        from gallery.client.keys.keyfile_format import encode_key

        return encode_key(other, passphrase, hardness)

    monkeypatch.setattr("gallery.client.keys.keyfile.encode_key", wrong)

    with pytest.raises(KeyFileError, match="would not open"):
        change(path)
    assert path.read_bytes() == before
