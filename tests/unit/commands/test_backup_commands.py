"""`gallery export` and `gallery import`: exit codes, words, and what they leave."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pytest

from tests.unit.commands.conftest import Command

ELSEWHERE = ("--database", "sqlite:///elsewhere.db")


@pytest.fixture
def enrolled(made: Command, people: np.ndarray) -> Command:
    """Runs the command line, with five people in the gallery."""
    assert made("enroll", "people.npz").code == 0
    return made


@pytest.fixture
def exported(enrolled: Command) -> Command:
    """Runs the command line, with a backup of the gallery in ``gallery.backup``."""
    assert enrolled("export", "gallery.backup").code == 0
    return enrolled


def test_export_and_import_are_quiet_on_standard_output(enrolled: Command) -> None:
    written = enrolled("export", "gallery.backup")
    restored = enrolled("import", "gallery.backup", *ELSEWHERE)

    assert (written.code, written.out) == (0, "")
    assert (restored.code, restored.out) == (0, "")
    assert "'default' written to gallery.backup" in written.err
    assert "'default' restored from gallery.backup into sqlite:///elsewhere.db" in restored.err
    assert stat.S_IMODE(os.stat("gallery.backup").st_mode) == 0o600


def test_quiet_says_nothing(enrolled: Command) -> None:
    assert enrolled("export", "gallery.backup", "--quiet").err == ""
    assert enrolled("import", "gallery.backup", *ELSEWHERE, "--quiet").err == ""


def test_a_gallery_is_the_same_on_another_database(exported: Command) -> None:
    exported("import", "gallery.backup", *ELSEWHERE)

    here = exported("identify", "people.npz", "--threshold", 0.1, "--json")
    there = exported("identify", "people.npz", "--threshold", 0.1, "--json", *ELSEWHERE)

    assert there.records == here.records
    assert exported("list", "--json", *ELSEWHERE).out == exported("list", "--json").out
    assert exported("info", "--json", *ELSEWHERE).out == exported("info", "--json").out
    assert exported("verify", "--deep", *ELSEWHERE).code == 0


def test_a_gallery_is_imported_once(exported: Command) -> None:
    exported("import", "gallery.backup", *ELSEWHERE)

    for arguments, advice in [
        (ELSEWHERE, "--gallery"),
        ((), "--gallery"),
        ((*ELSEWHERE, "--gallery", "twin"), "--database"),
    ]:
        again = exported("import", "gallery.backup", *arguments)
        assert again.code == 21
        assert advice in again.err
        assert again.out == ""


def test_a_gallery_gets_another_name_only_if_one_is_given(command: Command) -> None:
    command("key", "new")
    command("init", "--dimension", 16, "--gallery", "staff")
    command("export", "staff.backup", "--gallery", "staff")

    command("import", "staff.backup", *ELSEWHERE)
    command("import", "staff.backup", "--database", "sqlite:///b.db", "--gallery", "default")
    command("import", "staff.backup", "--database", "sqlite:///c.db", "--gallery", "team")

    assert command("info", "--gallery", "staff", *ELSEWHERE).code == 0
    assert command("info", "--database", "sqlite:///b.db").code == 0
    assert command("info", "--gallery", "team", "--database", "sqlite:///c.db").code == 0


def test_an_existing_file_is_not_overwritten(exported: Command) -> None:
    before = Path("gallery.backup").read_bytes()

    again = exported("export", "gallery.backup")

    assert again.code == 57
    assert "not overwritten" in again.err
    assert Path("gallery.backup").read_bytes() == before


def test_a_damaged_backup_makes_no_database(exported: Command) -> None:
    whole = Path("gallery.backup").read_bytes()
    middle = len(whole) // 2
    damaged = {
        "truncated": whole[:-1],
        "changed": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        "longer": whole + b"\0",
        "foreign": b"no backup",
    }

    for name, data in damaged.items():
        Path(name).write_bytes(data)
        done = exported("import", name, *ELSEWHERE)
        assert done.code == 56, name
        assert name in done.err
        assert "Traceback" not in done.err
        assert not Path("elsewhere.db").exists()


def test_another_key_makes_no_database(exported: Command) -> None:
    exported("key", "new", "--key", "other.key")

    done = exported("import", "gallery.backup", "--key", "other.key", *ELSEWHERE)

    assert done.code == 17
    assert "--key" in done.err
    assert not Path("elsewhere.db").exists()


def test_going_back_to_an_older_state_has_to_be_meant(
    exported: Command, people: np.ndarray
) -> None:
    now = exported("import", "gallery.backup", "--database", "sqlite:///now.db")
    np.savez("late.npz", embeddings=people[:1] + 1.0, labels=np.array(["late"]))
    exported("enroll", "late.npz")

    done = exported("import", "gallery.backup", *ELSEWHERE)

    assert "--accept-rollback" not in now.err
    assert done.code == 0
    assert "--accept-rollback" in done.err
    assert exported("info", *ELSEWHERE).code == 46
    assert exported("verify", "--accept-rollback", *ELSEWHERE).code == 0
    assert exported("info", "--json", *ELSEWHERE).records[0]["references"] == 5


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["export"], 2, "FILE"),
        (["export", "."], 2, "directory"),
        (["export", "missing/gallery.backup"], 56, "cannot write"),
        (["export", "new.backup", "--gallery", "x"], 20, "no gallery"),
        (["export", "new.backup", "--database", "sqlite:///missing.db"], 30, "missing.db"),
        (["import", "missing.backup"], 2, "does not exist"),
        (["import", "."], 2, "directory"),
        (["import", "gallery.backup", "--key", "missing.key"], 11, "gallery key new"),
        (["import", "gallery.backup", "--gallery", "", *ELSEWHERE], 3, "printable"),
        (["import", "gallery.backup", "--database", "sqlite:///missing/x.db"], 30, "folder"),
    ],
)
def test_mistakes_have_words_and_exit_codes(
    exported: Command, arguments: list[str], code: int, words: str
) -> None:
    done = exported(*arguments)

    assert done.code == code
    assert words in done.err
    assert done.out == ""
    assert "Traceback" not in done.err
    assert not Path("new.backup").exists()


@pytest.mark.parametrize("name", ["export", "import"])
def test_help_has_examples(command: Command, name: str) -> None:
    done = command(name, "--help")

    assert done.code == 0
    assert "Example" in done.out
    assert "--passphrase-file" in done.out
