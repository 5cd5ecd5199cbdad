"""Tables for programs: CSV says what JSON says, and no spreadsheet computes with what is in it."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from gallery.commands.records import TableFormat, print_records
from gallery.store import Action, AuditEvent, AuditStore, open_database
from tests.support.galleries import random_embeddings
from tests.unit.commands.conftest import Command, Done

LABELS = ["=1+1", "+49 30", "-x", "@ada", 'Ada, "the first"; ünd 東']


def rows(done: Done) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(done.out)))


@pytest.fixture
def made(command: Command) -> Command:
    """A gallery of people whose labels a spreadsheet could take for formulas."""
    command("key", "new", "--no-passphrase")
    command("init", "--dimension", 8, "--threshold", 0.01)
    embeddings = random_embeddings(5, 8)
    np.savez("people.npz", embeddings=embeddings, labels=np.array(LABELS))
    command("enroll", "people.npz")
    command("annotate", LABELS[4], "--attribute", "id=0815", "--attribute", "x=1")
    return command


def as_text(value: object) -> str:
    """Return a value of JSON as CSV has it, but for apostrophes."""
    if value is None or value == [] or value == {}:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "; ".join(f"{name}={text}" for name, text in value.items())
    return str(value)


@pytest.mark.parametrize(
    "words",
    [
        ["list"],
        ["people"],
        ["duplicates", "--threshold", "0.3"],
        ["galleries"],
    ],
    ids=lambda words: words[0],
)
def test_csv_says_what_json_says(made: Command, words: list[str]) -> None:
    records = made(*words, "--json").records
    done = made(*words, "--csv")

    assert done.code == 0
    found = rows(done)
    assert records
    assert [list(row) for row in found] == [list(record) for record in records]
    for row, record in zip(found, records, strict=True):
        assert {name: text.removeprefix("'") for name, text in row.items()} == {
            name: as_text(value) for name, value in record.items()
        }


BOX = {"left", "top", "width", "height"}


def test_searches_have_a_column_for_each_field_of_json(made: Command) -> None:
    for words in (["identify", "people.npz"], ["match", "people.npz", LABELS[4]]):
        record = made(*words, "--json").records[4]
        (*_, row) = rows(made(*words, "--csv"))

        (candidate,) = record.pop("candidates")
        assert record.pop("box") is None
        assert {*row} == {*record, *candidate, *BOX, "rank", "candidate"}
        of_both = [name for name in record if name not in candidate]
        assert [row[name].removeprefix("'") for name in of_both] == [
            as_text(record[name]) for name in of_both
        ]
        assert record["threshold_origin"] == row["threshold_origin"] == "set"


@pytest.mark.parametrize("words", [["token", "list"], ["desk-token", "list"], ["audit"]])
def test_lists_of_operators_have_a_column_for_each_field_of_json(
    made: Command, words: list[str]
) -> None:
    made("token", "create", "--name", "=door", "--scope", "search", "--gallery", "staff")
    made("desk-token", "create", "--name", "=door", "--scope", "identify")
    with open_database("sqlite:///gallery.db") as database:
        AuditStore(database).append([AuditEvent(Action.SEARCH, token_name="=door", probes=3)])
    records, done = made(*words, "--json").records, made(*words, "--csv")

    (record,), (row,) = records, rows(done)
    assert {name: text.removeprefix("'") for name, text in row.items()} == {
        name: "; ".join(value) if isinstance(value, list) else as_text(value)
        for name, value in record.items()
    }


def test_text_that_looks_like_a_formula_is_none(made: Command) -> None:
    found = [row["label"] for row in rows(made("list", "--csv"))]

    assert found == ["'=1+1", "'+49 30", "'-x", "'@ada", LABELS[4]]
    assert [item["label"] for item in made("list", "--json").records] == LABELS


def test_searches_have_a_line_for_each_candidate(made: Command) -> None:
    records = made("identify", "people.npz", "--top", 2, "--json").records
    found = rows(made("identify", "people.npz", "--top", 2, "--csv"))
    one = rows(made("match", "people.npz", LABELS[4], "--csv"))

    assert [(row["probe"], row["rank"]) for row in found] == [
        (str(probe), rank) for probe in range(5) for rank in ("1", "2")
    ]
    for row, record in zip(found[::2], records, strict=True):
        candidate = record["candidates"][0]
        assert row["decision"] == record["decision"] == "match"
        assert row["label"].removeprefix("'") == row["candidate"].removeprefix("'")
        assert row["candidate"].removeprefix("'") == candidate["label"]
        assert row["reference_id"] == candidate["reference_id"]
        assert float(row["distance"]) == candidate["distance"]
        assert float(row["threshold"]) == record["threshold"]
    assert found[8]["attributes"] == "id=0815; x=1"
    assert [row["decision"] for row in one] == ["non-match"] * 4 + ["match"]


def test_whoever_asks_for_more_candidates_than_there_are_gets_all(made: Command) -> None:
    for many in (6, 10**20):
        found = rows(made("identify", "people.npz", "--top", many, "--csv"))
        assert [row["rank"] for row in found] == ["1", "2", "3", "4", "5"] * 5


def test_a_probe_without_candidates_has_a_line(command: Command) -> None:
    command("key", "new", "--no-passphrase")
    command("init", "--dimension", 8, "--threshold", 0.01)
    np.savez("people.npz", embeddings=np.eye(2, 8))

    found = rows(command("identify", "people.npz", "--csv"))

    assert [(row["probe"], row["decision"], row["rank"], row["distance"]) for row in found] == [
        ("0", "non-match", "", ""), ("1", "non-match", "", "")
    ]  # fmt: skip


def test_an_empty_table_has_its_titles(command: Command) -> None:
    command("key", "new", "--no-passphrase")
    command("init", "--dimension", 8)

    assert command("list", "--csv").out == "label,reference_id\n"
    assert command("duplicates", "--threshold", 1, "--csv").out.startswith("label,other_label,")


def test_tokens_and_events_are_printed_too(command: Command) -> None:
    command("token", "create", "--name", "=door", "--scope", "search", "--gallery", "staff")

    (token,) = rows(command("token", "list", "--csv"))
    events = command("audit", "--csv")

    assert (token["name"], token["scope"], token["galleries"]) == ("'=door", "search", "staff")
    assert events.code == 0
    assert events.out.startswith("time,action,token,token_id,gallery,")
    assert command("audit", "check", "--csv").code == 2


def test_one_form_is_chosen(made: Command) -> None:
    for words in (["list"], ["identify", "people.npz"], ["audit"]):
        done = made(*words, "--json", "--csv")
        assert (done.code, done.out) == (2, "")
        assert "choose one of --json and --csv" in done.err
    done = made("identify", "people.npz", "--csv", "--output", "found.npz")
    assert done.code == 2
    assert "--csv is for standard output" in done.err


def test_cells_hold_no_lines_nor_orders_to_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    record = {
        "text": "a\nb\x1b[1m",
        "tab": "\tx",
        "wide": "\uff1d1",
        "number": -1.5,
        "list": ["=a", "b"],
    }

    count = print_records(TableFormat.CSV, [*record], [record])

    assert count == 1
    title, line = capfd.readouterr().out.splitlines()
    assert title == "text,tab,wide,number,list"
    assert line == "a\\x0ab\\x1b[1m,'\\x09x,'\uff1d1,-1.5,'=a; b"
