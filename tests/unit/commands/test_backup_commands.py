"""`gallery export` and `gallery import`: exit codes, words, and what they leave."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

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
    copy = (*ELSEWHERE, "--gallery", "copy")
    exported("import", "gallery.backup", *copy)

    here = exported("identify", "people.npz", "--threshold", 0.1, "--json")
    there = exported("identify", "people.npz", "--threshold", 0.1, "--json", *copy)

    assert without(there.records, *DATED) == without(here.records, *DATED)
    assert exported("list", "--json", *copy).out == exported("list", "--json").out
    (found,), (original,) = (exported("info", "--json", *at).records for at in (copy, ()))
    assert (original.pop("lineage"), len(found.pop("lineage"))) == (None, 32)
    own = ("gallery", *DATED)
    assert without([found], *own) == without([original], *own)
    assert exported("verify", "--deep", *copy).code == 0


DATED = ("signed", "age_seconds")


def without(records: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    """Return records without some of their fields."""
    return [{name: value for name, value in item.items() if name not in names} for item in records]


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

    assert command("info", "--gallery", "staff", *ELSEWHERE).code == 46
    assert command("verify", "--gallery", "staff", "--accept-rollback", *ELSEWHERE).code == 0
    assert command("info", "--gallery", "staff", *ELSEWHERE).code == 0
    assert command("info", "--gallery", "staff").code == 46
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


@pytest.mark.parametrize("late", [False, True], ids=["the newest state", "an older state"])
def test_that_a_restored_gallery_takes_the_place_of_another_has_to_be_meant(
    exported: Command, people: np.ndarray, late: bool
) -> None:
    if late:
        np.savez("late.npz", embeddings=people[:1] + 1.0, labels=np.array(["late"]))
        exported("enroll", "late.npz")

    done = exported("import", "gallery.backup", *ELSEWHERE)

    assert done.code == 0
    assert "--accept-rollback" in done.err
    refused = exported("info", *ELSEWHERE)
    assert refused.code == 46
    assert "restored from a backup" in refused.err
    assert "--accept-rollback" in refused.err
    assert exported("info").code == 0
    assert exported("verify", "--accept-rollback", *ELSEWHERE).code == 0
    assert exported("info", "--json", *ELSEWHERE).records[0]["references"] == 5
    assert exported("info").code == 46


def test_a_restored_gallery_is_used_at_once_where_nothing_was_seen_in_its_place(
    exported: Command,
) -> None:
    lost = ("--state-file", "another.seen")
    done = exported("import", "gallery.backup", *ELSEWHERE, *lost)
    assert "--accept-rollback" not in done.err
    assert exported("info", *ELSEWHERE, *lost).code == 0

    elsewhere = (*ELSEWHERE, "--gallery", "default", *lost)
    assert exported("identify", "people.npz", "--threshold", 0.1, *elsewhere).code == 0
    assert exported("info", *lost).code == 46


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
