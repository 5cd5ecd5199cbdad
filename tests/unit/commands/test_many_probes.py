"""Files in, files out: what `identify --output` writes is what `identify --json` prints."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import gallery.client.searching.exchange as exchange
from gallery.messages import EncryptedBlock
from gallery.store import Snapshot
from tests.unit.commands.conftest import Command

SEARCH = ("identify", "people.npz", "--threshold", 0.1, "--top", 2)


@pytest.fixture
def enrolled(made: Command, people: np.ndarray) -> Command:
    made("enroll", "people.npz")
    made("annotate", "person 1", "--attribute", "id=4711", "--expires", "2020-01-01")
    return made


def test_lines_are_what_json_prints(enrolled: Command) -> None:
    printed = enrolled(*SEARCH, "--json").records

    done = enrolled(*SEARCH, "--output", "found.jsonl")

    assert (done.code, done.out) == (0, "")
    assert "5 probes, 4 matches, written to found.jsonl" in done.err
    lines = Path("found.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == printed


def test_parquet_is_what_json_prints(enrolled: Command) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    printed = enrolled(*SEARCH, "--json").records

    enrolled(*SEARCH, "--output", "found.parquet")

    found = parquet.read_table("found.parquet").to_pylist(maps_as_pydicts="strict")
    assert found == printed


def test_distances_in_a_file_are_rounded_unless_all_digits_are_asked_for(
    enrolled: Command, people: np.ndarray
) -> None:
    np.savez("probes.npz", embeddings=people + 0.3)
    search = ("identify", "probes.npz", "--threshold", 1, "--output")

    enrolled(*search, "rounded.npz")
    enrolled(*search, "full.npz", "--full-precision")

    with np.load("rounded.npz") as rounded, np.load("full.npz") as full:
        assert np.array_equal(rounded["distances"], full["distances"].round(4))
        assert not np.array_equal(rounded["distances"], full["distances"])
        assert rounded["labels"].tolist() == [[f"person {number}"] for number in range(5)]


def test_a_file_that_is_there_is_kept_unless_force_is_said(enrolled: Command) -> None:
    Path("found.jsonl").write_text("older", "utf-8")

    refused = enrolled(*SEARCH, "--output", "found.jsonl")
    kept = Path("found.jsonl").read_text("utf-8")
    forced = enrolled(*SEARCH, "--output", "found.jsonl", "--force")

    assert (refused.code, kept, forced.code) == (3, "older", 0)
    assert "--force" in refused.err
    assert len(Path("found.jsonl").read_text("utf-8").splitlines()) == 5


@pytest.mark.parametrize(
    ("options", "code", "reason"),
    [
        (["--output", "found.csv"], 3, "must end with"),
        (["--output", "found.npz", "--json"], 2, "--json is for standard output"),
        (["--force"], 2, "--force belongs to --output"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    enrolled: Command, options: list[str], code: int, reason: str
) -> None:
    refused = enrolled(*SEARCH, *options)

    assert refused.code == code
    assert reason in refused.err


def test_parquet_files_are_enrolled_and_searched_with(made: Command, people: np.ndarray) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    labels = [f"person {number}" for number in range(5)]
    parquet.write_table(pa.table({"embedding": list(people), "label": labels}), "people.parquet")

    (counts,) = made("enroll", "people.parquet", "--json").records
    (again,) = made("enroll", "people.parquet", "--json").records
    found = made("identify", "people.parquet", "--threshold", 0.1, "--json").records

    assert (counts["enrolled"], again["skipped"]) == (5, 5)
    assert [record["label"] for record in found] == labels


def test_several_requests_of_a_command_read_each_block_once(
    enrolled: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    original = Snapshot.block

    def counted(snapshot: Snapshot, index: int, *, checked: bool = True) -> EncryptedBlock:
        read.append(index)
        return original(snapshot, index, checked=checked)

    monkeypatch.setattr(Snapshot, "block", counted)
    monkeypatch.setattr(exchange, "REQUEST_PROBES", 2)

    assert enrolled(*SEARCH, "--json").code == 0

    assert read == [0]
