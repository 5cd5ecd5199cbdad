"""``gallery sync``: plans, questions, reports and exit codes, on pictures and a real model."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.patterns import write_pattern
from tests.support.photos import CHECKOUT, deepface_home
from tests.unit.commands.conftest import Command

__all__ = ["deepface_home"]


class _Terminal(io.StringIO):
    """A terminal at which somebody has typed the answers already."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def synced(command: Command, deepface_home: Path) -> Command:
    """Runs commands on a gallery in step with the folder ``people``: Ada's photo and Grace's."""
    command("key", "new", "--no-passphrase")
    command("init", "--model", "Dlib", "--detector", "skip")
    write_pattern(Path("people/Ada/1.png"), 1)
    write_pattern(Path("people/Grace/1.png"), 2)
    done = command("sync", "people")
    assert (done.code, done.err) == (
        0,
        "2 enrolled, 0 replaced, 0 relabelled, 0 erased, 0 unchanged\n",
    )
    return command


def labels(command: Command) -> list[str]:
    """Return the labels of all references, sorted."""
    return sorted(record["label"] for record in command("list", "--json").records)


def change() -> None:
    """Add a person, change a photo, and rename a folder."""
    write_pattern(Path("people/Edith/1.png"), 3)
    write_pattern(Path("people/Ada/1.png"), 1, version=1)
    Path("people/Grace").rename("people/Grace Hopper")


def test_a_dry_run_says_what_would_be_done_and_does_nothing(synced: Command) -> None:
    change()
    shutil.rmtree("people/Ada")
    before = synced("info", "--json").out, [*Path("owner.key.seen.folders").iterdir()]

    shown, listed = (
        synced("sync", "people", "--dry-run"),
        synced("sync", "people", "--dry-run", "--json"),
    )

    table = list(csv.DictReader(synced("sync", "people", "--dry-run", "--csv").out.splitlines()))

    assert [(row["action"], row["former_label"], row["label"]) for row in table] == [
        ("enroll", "", "Edith"),
        ("relabel", "Grace", "Grace Hopper"),
        ("erase", "", "Ada"),
    ]
    assert (shown.code, listed.code) == (0, 0)
    assert [line.split("  ")[0] for line in shown.out.splitlines()] == [
        "action",
        "enroll",
        "relabel Grace",
        "erase",
    ]
    assert "1 to enroll, 0 to replace, 1 to relabel, 1 to erase, 0 unchanged" in shown.err
    (plan,) = listed.records
    assert [item["label"] for item in plan["enroll"]] == ["Edith"]
    assert [(item["former_label"], item["label"]) for item in plan["relabel"]] == [
        ("Grace", "Grace Hopper")
    ]
    assert [(item["label"], item["path"]) for item in plan["erase"]] == [
        ("Ada", "people/Ada/1.png")
    ]
    after = synced("info", "--json").out, [*Path("owner.key.seen.folders").iterdir()]
    assert after == before


def test_all_that_changed_is_done_and_reported(synced: Command) -> None:
    change()
    table = csv.DictReader(synced("sync", "people", "--dry-run", "--csv").out.splitlines())
    planned = {row["action"]: row["reference_id"] for row in table}

    done = synced("sync", "people", "--json")

    (replaced,) = done.records[0]["replaced"]
    assert planned["replace"] == replaced["reference_id"]

    assert done.code == 0
    (report,) = done.records
    counted = {name: len(value) for name, value in report.items() if isinstance(value, list)}
    assert counted["enrolled"] == 2
    assert (counted["replaced"], counted["relabelled"], counted["erased"]) == (1, 1, 0)
    assert "2 enrolled, 1 replaced, 1 relabelled, 0 erased" in done.err
    assert labels(synced) == ["Ada", "Edith", "Grace Hopper"]


def test_thumbnails_go_with_their_references(synced: Command) -> None:
    gallery_id = synced("info", "--json").records[0]["gallery_id"]
    folder = Path("owner.key.desk-thumbnails", gallery_id)
    folder.mkdir(parents=True)
    by_label = {item["label"]: item["reference_id"] for item in synced("list", "--json").records}
    for reference_id in by_label.values():
        (folder / f"{reference_id}.thumbnail").write_bytes(b"sealed")
    shutil.rmtree("people/Ada")

    assert synced("sync", "people", "--yes").code == 0

    assert [path.stem for path in folder.iterdir()] == [by_label["Grace"]]


def test_without_a_terminal_nothing_is_erased_unless_it_is_said(synced: Command) -> None:
    shutil.rmtree("people/Grace")

    refused = synced("sync", "people")

    assert refused.code == 2
    assert "say --yes" in refused.err
    assert labels(synced) == ["Ada", "Grace"]
    done = synced("sync", "people", "--yes")
    assert done.code == 0
    assert "erased references: 1 (1 of 'Grace')" in done.err
    assert labels(synced) == ["Ada"]


@pytest.mark.parametrize(("answer", "left"), [("y\n", ["Ada"]), ("n\n", ["Ada", "Grace"])])
def test_at_a_terminal_it_is_asked_with_counts_and_names(
    synced: Command, monkeypatch: pytest.MonkeyPatch, answer: str, left: list[str]
) -> None:
    shutil.rmtree("people/Grace")
    monkeypatch.setattr(sys, "stdin", _Terminal(answer))

    done = synced("sync", "people")

    assert "Erase 1 reference from gallery 'default' for good" in done.err
    assert "1 of 'Grace'" in done.err
    assert done.code == (0 if answer == "y\n" else 1)
    assert labels(synced) == left


def test_an_empty_folder_is_refused_unless_it_is_insisted_on(synced: Command) -> None:
    shutil.rmtree("people")
    Path("people").mkdir()

    done = synced("sync", "people", "--yes")

    assert done.code == 58
    assert "people holds no photos" in done.err
    assert "--remove-all erases them" in done.err
    assert labels(synced) == ["Ada", "Grace"]
    assert synced("sync", "people", "--yes", "--remove-all").code == 0
    assert labels(synced) == []


def test_photos_that_fail_leave_what_they_were_and_give_exit_code_1(synced: Command) -> None:
    Path("people/Ada/1.png").write_bytes(Path("people/Ada/1.png").read_bytes()[:4000])

    done = synced("sync", "people")

    assert done.code == 1
    assert "left as it is: people/Ada/1.png: " in done.err
    assert "1 failed" in done.err
    assert labels(synced) == ["Ada", "Grace"]


def test_what_is_known_of_a_folder_follows_the_state_file(synced: Command, tmp_path: Path) -> None:
    other = tmp_path / "state"
    shutil.rmtree("people/Grace")

    done = synced("sync", "people", "--state-file", other, "--yes")

    assert done.code == 0
    assert labels(synced) == ["Ada", "Grace"]
    assert [path.suffix for path in sorted((tmp_path / "state.folders").iterdir())] == [
        ".ledger",
        ".lock",
    ]


@pytest.mark.parametrize("option", ["--dry-run", "--remove-all"])
def test_a_watch_takes_no_option_that_does_nothing_there(synced: Command, option: str) -> None:
    assert synced("sync", "people", "--watch", option).code == 2


def test_a_watch_follows_changes_until_it_is_told_to_end(synced: Command) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "gallery", "sync", "people", "--watch", "--yes", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )
    try:
        assert process.stderr is not None
        assert process.stdout is not None
        assert process.stderr.readline() == "following people\n"
        Path("people/Grace").rename("people/Grace Hopper")
        report = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert [item["label"] for item in report["relabelled"]] == ["Grace Hopper"]
    assert out == ""
    lines = err.splitlines()
    assert lines[-1] == "ended; what was finished before is kept"
    assert process.returncode == 0
    assert labels(synced) == ["Ada", "Grace Hopper"]
    # Whoever looks while a folder is being renamed may find it nowhere, and looks again.
    assert "0 enrolled, 0 replaced, 1 relabelled, 0 erased" in lines[-2]
