"""The commands that look after a gallery: remove, compact, verify after a rollback."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from tests.unit.commands.conftest import Command


def test_remove_erases_and_says_what(made: Command, people: np.ndarray) -> None:
    made("enroll", "people.npz")

    done = made("remove", "person 1", "person 3", "--yes", "--json")

    assert done.code == 0
    assert [item["label"] for item in done.records] == ["person 1", "person 3"]
    assert [item["label"] for item in made("list", "--json").records] == [
        "person 0",
        "person 2",
        "person 4",
    ]


def test_remove_asks_first_and_refuses_where_nobody_answers(
    made: Command, people: np.ndarray
) -> None:
    made("enroll", "people.npz")

    done = made("remove", "person 1")

    assert done.code == 2
    assert "--yes" in done.err
    assert len(made("list", "--json").records) == 5


def test_removing_somebody_unknown_has_its_own_exit_code(made: Command) -> None:
    assert made("remove", "nobody", "--yes").code == 28


def test_compact_is_quiet_where_nothing_is_to_do(made: Command, people: np.ndarray) -> None:
    made("enroll", "people.npz")

    done = made("compact")

    assert (done.code, done.out) == (0, "")
    assert "dropped blocks: 0, left: 1" in done.err


def test_enroll_replace_updates_a_person(made: Command, people: np.ndarray) -> None:
    made("enroll", "people.npz")
    np.savez("newer.npz", embeddings=people[:1] * 0.5 + 1, labels=np.array(["person 0"]))

    assert made("enroll", "newer.npz", "--replace").code == 0

    records = made("identify", "people.npz", "--threshold", 0.01, "--json").records
    assert [item["decision"] for item in records] == ["non-match"] + ["match"] * 4
    assert made("info", "--json").records[0]["references"] == 5


def test_yesterdays_database_is_refused_until_it_is_accepted(
    made: Command, people: np.ndarray
) -> None:
    made("enroll", "people.npz")
    shutil.copy("gallery.db", "yesterday.db")
    made("remove", "person 1", "--yes")
    for file in Path().glob("gallery.db*"):
        file.unlink()
    shutil.copy("yesterday.db", "gallery.db")

    refused = made("identify", "people.npz", "--threshold", 0.1)
    accepted = made("verify", "--accept-rollback")
    searched = made("identify", "people.npz", "--threshold", 0.1, "--json")

    assert refused.code == 46
    assert "gallery verify --accept-rollback" in refused.err
    assert (refused.out, accepted.code, searched.code) == ("", 0, 0)
    assert Path("owner.key.seen").exists()
