"""Tables of people, by which many are annotated at once: ``gallery annotate --from``."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.client import DetailsChange, PersonDetails
from gallery.commands.people_table import read_people_table
from gallery.errors import GalleryError
from tests.unit.commands.conftest import Command

VISIBLE = st.characters(codec="utf-8", categories=["L", "N", "P", "S"])
# An apostrophe is left out where it would be taken for the one that precedes a formula, and so are
# titles with semicolons, which may be taken for what stands between fields.
TEXTS = st.text(VISIBLE, min_size=1, max_size=20).filter(
    lambda text: text[0] != "'" and ";" not in text
)
RESERVED = {"label", "expires", "references", "undated", "expired", "attributes"}


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


@pytest.mark.parametrize(
    ("table", "code", "told"),
    [
        ("", 50, "needs one column with the title 'label'; it has nothing"),
        ("who,id\nperson 1,1\n", 50, "it has 'who', 'id'"),
        ("label,label\nperson 1,1\n", 50, "needs one column"),
        ("label,id,id\nperson 1,1,2\n", 50, "two columns with the title 'id'"),
        ("label,expires,Expires\nperson 1,,\n", 50, "two columns with the title 'expires'"),
        ("label,references,attributes\nperson 1,2,a=b\n", 50, "references, attributes; take them"),
        ("label\nperson 1\n", 50, "there is nothing to change"),
        ("label,id\n", 50, "names nobody"),
        ("label,id\nperson 1,1,2\n", 50, "line 2: 3 fields, where the first row has 2"),
        (
            "label,expires\nperson 1,31.1.2027\n",
            50,
            "the expiry '31.1.2027' is none; write",
        ),
        ("label,a=b\nperson 1,1\n", 38, "line 1: the name of an attribute holds"),
        ("label,id,\nperson 1,1,2\n", 38, "line 2: the name of an attribute is empty"),
        ('label,id\nperson 1,"a\tb"\n', 38, "line 2: the attribute 'id' holds control"),
        (f"label,id\nperson 1,{'x' * 2100}\n", 38, "line 2: the attributes of a person take"),
        ("label,id\n,1\n", 25, "line 2: a label is empty"),
        ("label,id\nperson 1,1\nperson 1 ,2\n", 25, "line 3: 'person 1' stands in line 2 already"),
    ],
)
def test_what_is_no_table_of_people_is_refused(
    tmp_path: Path, table: str, code: int, told: str
) -> None:
    path = tmp_path / "staff.csv"
    path.write_text(table)

    with pytest.raises(GalleryError) as refused:
        read_people_table(path)

    assert refused.value.exit_code == code
    assert refused.value.message.startswith(str(path))
    assert told in refused.value.message


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


@given(
    label=TEXTS,
    attributes=st.dictionaries(
        TEXTS.filter(lambda name: "=" not in name and name.casefold() not in RESERVED),
        TEXTS,
        min_size=1,
        max_size=4,
    ),
)
def test_a_table_says_what_was_written_into_it(
    tmp_path_factory: pytest.TempPathFactory, label: str, attributes: dict[str, str]
) -> None:
    path = tmp_path_factory.mktemp("tables") / "staff.csv"
    wanted = PersonDetails(attributes)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [["label", *wanted.attributes], [label, *wanted.attributes.values()]]
        )

    (found,) = read_people_table(path).changes.values()

    assert found == DetailsChange(wanted)
