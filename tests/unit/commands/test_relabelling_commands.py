"""The commands that correct who somebody is: rename, merge, assign."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.serving import serving
from tests.unit.commands.conftest import Command


@pytest.fixture
def made(command: Command) -> Command:
    """A gallery for embeddings of 16 values, whose key file opens at once."""
    assert command("key", "new", "--no-passphrase").code == 0
    assert command("init", "--dimension", 16).code == 0
    return command


def labels(made: Command) -> list[str]:
    return [item["label"] for item in made("list", "--json").records]


def test_rename_gives_a_person_another_label(made: Command, people: np.ndarray) -> None:
    made("enroll", "people.npz")

    done = made("rename", "person 1", "Ada Lovelace", "--json")

    assert done.code == 0
    assert [item["label"] for item in done.records] == ["Ada Lovelace"]
    assert "renamed references: 1, of 'Ada Lovelace' now" in done.err
    assert labels(made) == ["person 0", "Ada Lovelace", "person 2", "person 3", "person 4"]
    found = made("identify", "people.npz", "--threshold", 0.01, "--json").records
    assert [item["label"] for item in found] == labels(made)


def test_rename_to_a_label_that_is_taken_points_to_merge(made: Command, people: np.ndarray) -> None:
    made("enroll", "people.npz")

    done = made("rename", "person 1", "person 2")

    assert (done.code, done.out) == (8, "")
    assert "holds references of 'person 2' already; gallery merge makes one person" in done.err


def test_rename_of_nobody_changes_nothing(made: Command, people: np.ndarray) -> None:
    made("enroll", "people.npz")

    assert made("rename", "nobody", "somebody").code == 28
    assert made("rename", "person 1", "").code == 25
    assert "person 1" in labels(made)


def test_merge_makes_one_person_of_two_and_asks_first(made: Command, people: np.ndarray) -> None:
    made("enroll", "people.npz")

    unasked = made("merge", "person 1", "person 0")
    done = made("merge", "person 1", "person 0", "--yes", "--json")

    assert (unasked.code, done.code) == (2, 0)
    assert "--yes" in unasked.err
    assert [item["label"] for item in done.records] == ["person 0"]
    assert labels(made) == ["person 0", "person 0", "person 2", "person 3", "person 4"]


def test_merge_into_nobody_changes_nothing(made: Command, people: np.ndarray) -> None:
    made("enroll", "people.npz")

    assert made("merge", "person 1", "nobody", "--yes").code == 28
    assert made("merge", "person 1", "person 1", "--yes").code == 25
    assert "person 1" in labels(made)


def test_assign_gives_single_references_another_label(made: Command, people: np.ndarray) -> None:
    made("enroll", "people.npz")
    identifiers = [item["reference_id"] for item in made("list", "--json").records]

    done = made("assign", identifiers[3], identifiers[4].upper(), "person 0")
    again = made("assign", identifiers[3], "person 0")
    unknown = made("assign", "person 1", "person 0")

    assert (done.code, again.code, unknown.code) == (0, 0, 28)
    assert "assigned references: 2, of 'person 0' now" in done.err
    assert "assigned references: 0: the label was theirs already" in again.err
    assert labels(made) == ["person 0", "person 1", "person 2", "person 0", "person 0"]


def test_on_a_server_each_is_one_write_in_the_audit_log(
    command: Command, people: np.ndarray, tmp_path: Path
) -> None:
    with serving(f"sqlite:///{tmp_path / 'served.db'}") as server:
        (tmp_path / "token").write_text(server.token("owner"))
        place = ("--server", server.url, "--token-file", "token")
        assert command("key", "new", "--no-passphrase").code == 0
        assert command("init", "--dimension", 16, *place).code == 0
        assert command("enroll", "people.npz", *place).code == 0
        assert command("rename", "person 1", "Ada", *place).code == 0
        assert command("merge", "person 2", "Ada", "--yes", *place).code == 0
        (first, *_) = command("list", "--json", *place).records
        assert command("assign", first["reference_id"], "Ada", *place).code == 0
        log = command("audit", "--json", "--database", f"sqlite:///{tmp_path / 'served.db'}")

    writes = [event for event in log.records if event["action"] == "write"]
    assert [(event["token"], event["blocks"], event["result"]) for event in writes] == [
        ("owner", 1, "ok")
    ] * 4
    assert not any(word in log.out for word in ("Ada", "person"))
