"""Details of people on the command line: attributes, expiry, thresholds with names."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.commands.conftest import Command


@pytest.fixture
def made(command: Command) -> Command:
    """A gallery for embeddings of 16 values, whose key file opens at once."""
    assert command("key", "new", "--no-passphrase").code == 0
    assert command("init", "--dimension", 16, "--threshold", 0.01).code == 0
    return command


@pytest.fixture
def enrolled(made: Command, people: np.ndarray) -> Command:
    """The same with five people, one of whom has expired."""
    made("enroll", "people.npz", "--attribute", "team=day")
    made("annotate", "person 1", "--attribute", "id=4711", "--expires", "2020-01-31")
    return made


def attributes(made: Command) -> dict[str, dict[str, str]]:
    return {item["label"]: item["attributes"] for item in made("people", "--json").records}


def test_enroll_gives_all_of_its_people_attributes_and_an_end(
    made: Command, people: np.ndarray
) -> None:
    done = made("enroll", "people.npz", "--attribute", "id=a=b", "--expires", "2999-01-31")

    assert done.code == 0
    first, *others = made("people", "--json").records
    assert len(others) == 4
    assert first["attributes"] == {"id": "a=b"}
    assert (first["expires"], first["expired"]) == ("2999-01-31T00:00:00+00:00", False)


def test_enroll_again_adds_to_those_who_are_there(enrolled: Command) -> None:
    done = enrolled("enroll", "people.npz", "--attribute", "team=night", "--expires", "30d")

    assert "0 enrolled, 5 enrolled before" in done.err
    assert {item["team"] for item in attributes(enrolled).values()} == {"night"}
    assert not any(item["expired"] for item in enrolled("people", "--json").records)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--expires", "2020-01-31"], 2, "in the past"),
        (["--expires", "soon"], 2, "an ISO date such as 2027-01-31 (its beginning in UTC)"),
        (["--expires", "never"], 2, "give 90m"),
        (["--attribute", "id"], 2, "'id' is not NAME=VALUE"),
        (["--attribute", "id=1", "--attribute", "id=2"], 2, "'id' is given twice"),
        (["--attribute", "id="], 38, "'id' is empty; gallery annotate --unset takes one away"),
        (["--attribute", f"note={'x' * 2100}"], 38, "at most 2,048"),
    ],
)
def test_what_is_no_attribute_or_date_enrolls_nobody(
    made: Command, people: np.ndarray, words: list[str], code: int, told: str
) -> None:
    done = made("enroll", "people.npz", *words)

    assert (done.code, done.out) == (code, "")
    assert told in done.err
    assert made("list", "--json").records == []


def test_annotate_changes_what_is_said_and_nothing_else(enrolled: Command) -> None:
    done = enrolled(
        "annotate", "person 1", "person 2",
        "--attribute", "desk=12", "--unset", "team", "--expires", "never", "--json",
    )  # fmt: skip
    again = enrolled("annotate", "person 2", "--attribute", "desk=12")

    assert (done.code, again.code) == (0, 0)
    assert [item["label"] for item in done.records] == ["person 1", "person 2"]
    assert "people changed: 2" in done.err
    assert "people changed: 0: all of that was so already" in again.err
    found = attributes(enrolled)
    assert found["person 1"] == {"desk": "12", "id": "4711"}
    assert found["person 2"] == {"desk": "12"}
    assert found["person 3"] == {"team": "day"}
    assert {item["expires"] for item in enrolled("people", "--json").records} == {None}


def test_annotate_refuses_what_cannot_be_meant(enrolled: Command) -> None:
    for words, code, told in (
        (["person 1"], 2, "say what to change"),
        (["person 1", "--attribute", "id=1", "--unset", "id"], 2, "given and unset at once"),
        (["nobody", "--unset", "id"], 28, "no reference named 'nobody'"),
        (["person 1", "--attribute", "a\tb=1"], 38, "control characters"),
    ):
        done = enrolled("annotate", *words)
        assert (done.code, done.out) == (code, ""), words
        assert told in done.err


def test_people_are_found_by_attributes_and_by_expiry(enrolled: Command) -> None:
    by_id = enrolled("people", "--attribute", "id=4711", "--json").records
    by_both = enrolled("people", "--attribute", "id=4711", "--attribute", "team=x", "--json")
    expired = enrolled("people", "--expired")

    assert [item["label"] for item in by_id] == ["person 1"]
    assert by_both.records == []
    assert "2020-01-31T00:00:00+00:00 (expired)  id=4711; team=day" in expired.out
    assert "1 person, 1 reference, 1 expired" in expired.err


def test_who_has_expired_is_shown_and_no_match(enrolled: Command) -> None:
    table = enrolled("identify", "people.npz")
    records = enrolled("identify", "people.npz", "--json", "--exit-code")
    one = enrolled("match", "people.npz", "person 1", "--json", "--exit-code")

    assert records.code == one.code == 10
    first, expired, *_ = records.records
    assert (first["decision"], first["expired"], first["attributes"]) == (
        "match", False, {"team": "day"},
    )  # fmt: skip
    assert (expired["decision"], expired["label"], expired["expired"]) == ("non-match", None, True)
    assert expired["candidates"][0] == {
        "label": "person 1",
        "reference_id": expired["candidates"][0]["reference_id"],
        "distance": expired["distance"],
        "attributes": {"id": "4711", "team": "day"},
        "expires": "2020-01-31T00:00:00+00:00",
        "expired": True,
    }
    (line,) = (line for line in table.out.splitlines() if "id=4711" in line)
    assert "non-match, expired" in line
    told = "expired: probe 1 shows 'person 1', who is no match since 2020-01-31T00:00:00+00:00"
    for done in (table, records, one):
        assert told in done.err
    assert [item["expired"] for item in one.records] == [False, True, False, False, False]


def test_who_has_expired_is_erased_when_that_is_said(enrolled: Command) -> None:
    unasked = enrolled("remove", "--expired")
    done = enrolled("remove", "--expired", "--yes", "--json")
    again = enrolled("remove", "--expired", "--yes")

    assert (unasked.code, done.code, again.code) == (2, 0, 0)
    assert [item["label"] for item in done.records] == ["person 1"]
    assert "erased references: 1 (1 of 'person 1')" in done.err
    assert "nobody has expired; nothing was changed" in again.err
    assert len(enrolled("list", "--json").records) == 4


def test_names_and_expiry_can_be_said_at_once(enrolled: Command) -> None:
    done = enrolled("remove", "person 0", "--expired", "--yes")

    assert "(1 of 'person 0', 1 of 'person 1')" in done.err


def test_thresholds_with_names_are_set_shown_used_and_taken_back(enrolled: Command) -> None:
    made = enrolled("threshold", "set", 1.9, "--name", "watch list")
    shown = enrolled("threshold", "show")
    found = enrolled("identify", "people.npz", "--threshold", "watch list", "--json").records
    record = enrolled("threshold", "show", "--json").records[0]
    one = enrolled("threshold", "show", "--name", "watch list", "--json").records[0]
    gone = enrolled("threshold", "reset", "--name", "watch list")
    unknown = enrolled("identify", "people.npz", "--threshold", "watch list")

    assert "the threshold 'watch list' of gallery 'default' is 1.9 now, sealed" in made.err
    first, second = shown.out.splitlines()
    assert first == "0.01 (set for the gallery at its creation)"
    assert second.startswith("1.9 (set as 'watch list' on 20")
    assert {item["threshold"] for item in found} == {1.9}
    assert (record["threshold"], record["named"]["watch list"]["threshold"]) == (0.01, 1.9)
    assert (one["threshold"], one["named"]) == (1.9, {})
    assert "there is no threshold 'watch list' any more" in gone.err
    assert (unknown.code, unknown.out) == (39, "")
    assert "no threshold named 'watch list': none of its has a name" in unknown.err
    assert "gallery threshold show says which there are" in unknown.err


def test_names_are_shown_where_searches_have_no_threshold(command: Command) -> None:
    command("key", "new", "--no-passphrase")
    command("init", "--dimension", 16)
    assert command("threshold", "show").code == 27
    command("threshold", "set", 0.3, "--name", "door")

    done = command("threshold", "show")

    assert done.code == 0
    assert done.out.startswith("0.3 (set as 'door' on")
    assert "searches need a threshold each, or one of these names" in done.err


@pytest.mark.parametrize("value", ["-1", "nan", "inf"])
def test_what_is_no_threshold_is_refused(enrolled: Command, value: str) -> None:
    done = enrolled("identify", "people.npz", "--threshold", value)

    assert (done.code, done.out) == (2, "")
    assert "must be a number of at least 0" in done.err
