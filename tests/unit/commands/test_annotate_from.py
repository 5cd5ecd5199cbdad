"""``gallery annotate --from``: many people are annotated at once, as a table says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.unit.commands.conftest import Command


@pytest.fixture
def enrolled(command: Command, people: np.ndarray) -> Command:
    """Five people of a team, of whom one has an end."""
    command("key", "new", "--no-passphrase")
    command("init", "--dimension", 16, "--threshold", 0.01)
    command("enroll", "people.npz", "--attribute", "team=day")
    command("annotate", "person 1", "--expires", "2999-01-31")
    return command


def known(enrolled: Command) -> dict[str, tuple[dict[str, str], str | None]]:
    found = enrolled("people", "--json").records
    return {item["label"]: (item["attributes"], item["expires"]) for item in found}


def test_each_person_gets_what_the_table_says(enrolled: Command, tmp_path: Path) -> None:
    # As a spreadsheet saves it where commas are decimal: a column and a line without anything.
    table = (
        "\ufeffName;id;team;expires;\r\n"
        "person 0;4711;night;2999-06-30;\r\n"
        "person 1;'=1+1;;never;\r\n"
        ";;;;\r\n"
        "nobody;4712;;;\r\n"
    )
    (tmp_path / "staff.csv").write_text(table, "utf-8")
    before = known(enrolled)

    planned = enrolled("annotate", "--from", "staff.csv", "--dry-run")
    assert known(enrolled) == before
    done = enrolled("annotate", "--from", "staff.csv", "--json")
    again = enrolled("annotate", "--from", "staff.csv")

    assert (planned.code, done.code, again.code) == (1, 1, 1)
    assert [line.split() for line in planned.out.splitlines()] == [
        ["label", "what", "is", "becomes"],
        ["person", "0", "id", "(none)", "4711"],
        ["person", "0", "team", "day", "night"],
        ["person", "0", "expires", "never", "2999-06-30T00:00:00+00:00"],
        ["person", "1", "id", "(none)", "=1+1"],
        ["person", "1", "expires", "2999-01-31T00:00:00+00:00", "never"],
    ]
    assert "people that would be changed: 2" in planned.err
    assert "labels are taken from the column 'Name'" in done.err
    assert "people changed: 2\n" in done.err
    assert "people of the table who are not enrolled: 1, the first is 'nobody'" in done.err
    assert [item["label"] for item in done.records] == ["person 0", "person 1"]
    assert "people changed: 0: all of that was so already" in again.err
    after = known(enrolled)
    assert after["person 0"] == ({"id": "4711", "team": "night"}, "2999-06-30T00:00:00+00:00")
    assert after["person 1"] == ({"id": "=1+1", "team": "day"}, None)
    assert after["person 2"] == before["person 2"]


def test_empty_fields_take_away_only_when_that_is_said(enrolled: Command, tmp_path: Path) -> None:
    (tmp_path / "staff.csv").write_text("label,team,expires\nperson 1,,\nperson 2,night,\n")

    enrolled("annotate", "--from", "staff.csv")
    left = known(enrolled)
    done = enrolled("annotate", "--from", "staff.csv", "--unset-empty")

    assert left["person 1"] == ({"team": "day"}, "2999-01-31T00:00:00+00:00")
    assert (done.code, "people changed: 1\n" in done.err) == (0, True)
    assert known(enrolled)["person 1"] == ({}, None)
    assert known(enrolled)["person 2"] == ({"team": "night"}, None)


def test_what_would_be_too_much_for_one_changes_nobody(enrolled: Command, tmp_path: Path) -> None:
    enrolled("annotate", "person 1", "--attribute", f"note={'x' * 1500}")
    file = tmp_path / "staff.csv"
    for second, told in (
        (f"person 1,{'y' * 600}", "'person 1': the attributes of a person take"),
        (f"person 1,{'y' * 2100}", "line 3: the attributes of a person take"),
    ):
        file.write_text(f"label,id\nperson 0,1\n{second}\n")
        done = enrolled("annotate", "--from", "staff.csv")
        assert (done.code, done.out, told in done.err) == (38, "", True), done.err
    assert known(enrolled)["person 0"] == ({"team": "day"}, None)


def test_a_table_goes_with_nothing_else(command: Command, tmp_path: Path) -> None:
    (tmp_path / "staff.csv").write_text("label,id\nperson 1,1\n")
    for words, told in (
        (["person 1", "--from", "staff.csv"], "--from goes with no label"),
        (["--from", "staff.csv", "--unset", "id"], "--from goes with no label"),
        (["person 1", "--unset", "id", "--dry-run"], "go with --from"),
        (["--unset", "id"], "name the people, or give a table"),
    ):
        done = command("annotate", *words)
        assert (done.code, told in done.err) == (2, True), words


def test_a_list_of_people_is_no_table_of_attributes(enrolled: Command, tmp_path: Path) -> None:
    listed = enrolled("people", "--csv").out
    (tmp_path / "staff.csv").write_text(listed)

    done = enrolled("annotate", "--from", "staff.csv")

    titles = [
        title for title in listed.splitlines()[0].split(",") if title not in ("label", "expires")
    ]
    assert done.code == 50
    assert f"no attributes: {', '.join(titles)}; take them out" in done.err
