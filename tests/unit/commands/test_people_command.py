"""``gallery people``: one row a person."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from gallery.client.integrity.labels import LabelSealer
from tests.unit.commands.conftest import Command


@pytest.fixture
def made(command: Command) -> Command:
    """A gallery for embeddings of 16 values, whose key file opens at once."""
    assert command("key", "new", "--no-passphrase").code == 0
    assert command("init", "--dimension", 16).code == 0
    return command


def enroll(made: Command, embeddings: np.ndarray, labels: list[str]) -> None:
    np.savez("some.npz", embeddings=embeddings, labels=np.array(labels))
    assert made("enroll", "some.npz").code == 0


def test_people_are_listed_with_counts_and_times(made: Command, people: np.ndarray) -> None:
    enroll(made, people, ["Grace", "Ada", "Ada", "Zoë", "Ada"])

    done, records = made("people"), made("people", "--json").records

    header, *rows = done.out.splitlines()
    assert re.split("  +", header) == ["label", "references", "first enrolled", "last enrolled"]
    assert [row.split()[:2] for row in rows] == [["Ada", "3"], ["Grace", "1"], ["Zoë", "1"]]
    assert "3 people, 5 references\n" in done.err
    assert [record["references"] for record in records] == [3, 1, 1]
    for record in records:
        assert record["undated"] == 0
        first = datetime.fromisoformat(record["first_enrolled"])
        assert timedelta(0) <= datetime.now(UTC) - first < timedelta(minutes=10)
        assert record["last_enrolled"] >= record["first_enrolled"]


def test_people_are_chosen_by_a_pattern_as_references_are(
    made: Command, people: np.ndarray
) -> None:
    enroll(made, people[:3], ["Grace", "Ada", "Alan [2]"])

    for pattern, expected in (("A*", ["Ada", "Alan [2]"]), ("Alan [2]", ["Alan [2]"])):
        for name in ("people", "list"):
            records = made(name, "--label", pattern, "--json").records
            assert sorted(item["label"] for item in records) == expected


def test_what_is_not_known_is_said(
    made: Command, people: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal = LabelSealer.seal
    with monkeypatch.context() as earlier:
        earlier.setattr(LabelSealer, "seal", lambda self, *given: seal(self, *given[:3]))
        enroll(made, people[:2], ["Ada", "Grace"])
    enroll(made, people[2:3], ["Ada"])

    done, (ada, grace) = made("people"), made("people", "--json").records

    assert "2 undated: enrolled by an earlier version" in done.err
    _, of_ada, of_grace = done.out.splitlines()
    assert re.fullmatch(r"Ada +2  before 20\S+  20\S+", of_ada)
    assert re.fullmatch(r"Grace +1  not known +not known", of_grace)
    assert (ada["undated"], grace["undated"]) == (1, 1)
    assert (grace["first_enrolled"], grace["last_enrolled"]) == (None, None)


def test_an_empty_gallery_has_no_rows(made: Command) -> None:
    done = made("people")

    assert (done.code, done.out) == (0, "")
    assert "0 people, 0 references" in done.err


def test_duplicates_are_the_closest_pairs(made: Command, people: np.ndarray) -> None:
    embeddings = np.vstack([people, people[:1] + 0.001])
    enroll(made, embeddings, [*"ABCDE", "A again"])

    done = made("duplicates", "--threshold", 0.01, "--top", 2)
    first, second = made("duplicates", "--threshold", 0.01, "--top", 2, "--json").records

    assert re.split("  +", done.out.splitlines()[0]) == [
        "decision",
        "distance",
        "label",
        "other label",
    ]
    assert done.out.splitlines()[1].split()[0::2] == ["match", "A", "again"]
    assert "6 references compared, 1 of 2 pairs match" in done.err
    assert (first["label"], first["other_label"], first["decision"]) == ("A", "A again", "match")
    assert second["decision"] == "non-match"
    assert first["distance"] < second["distance"]
