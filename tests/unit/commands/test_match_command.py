"""``gallery match``, lists of people, and decisions as exit codes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.unit.commands.conftest import Command

THRESHOLD = ("--threshold", 0.01)


@pytest.fixture
def made(command: Command) -> Command:
    """A gallery for embeddings of 16 values, whose key file opens at once."""
    assert command("key", "new", "--no-passphrase").code == 0
    assert command("init", "--dimension", 16).code == 0
    return command


@pytest.fixture
def enrolled(made: Command, people: np.ndarray) -> Command:
    """A gallery in which Ada has two references and three others one each."""
    labels = np.array(["Ada", "Grace", "Ada", "Edith", "Hedy"])
    np.savez("people.npz", embeddings=people, labels=labels)
    np.savez("grace.npz", embeddings=people[1:2])
    np.savez("adas.npz", embeddings=people[[0, 2]])
    np.savez("stranger.npz", embeddings=-people[:1])
    assert made("enroll", "people.npz").code == 0
    return made


def test_match_says_for_each_probe_whether_it_is_this_person(enrolled: Command) -> None:
    done = enrolled("match", "adas.npz", "Ada", *THRESHOLD)
    records = enrolled("match", "people.npz", "Ada", *THRESHOLD, "--json").records

    assert done.code == 0
    assert [line.split()[1] for line in done.out.splitlines()[1:]] == ["match", "match"]
    assert "compared with 2 references of 'Ada'" in done.err
    assert [item["decision"] for item in records] == [
        "match" if row in (0, 2) else "non-match" for row in range(5)
    ]
    assert {candidate["label"] for item in records for candidate in item["candidates"]} == {"Ada"}
    assert {item["searched"] for item in records} == {2}


def test_exit_codes_of_decisions(enrolled: Command) -> None:
    codes = {
        ("match", "grace.npz", "Grace"): (0, 0),
        ("match", "grace.npz", "Ada"): (0, 10),
        ("match", "adas.npz", "Ada"): (0, 0),
        ("match", "people.npz", "Ada"): (0, 10),
        ("match", "grace.npz", "Nobody"): (28, 28),
        ("identify", "grace.npz"): (0, 0),
        ("identify", "stranger.npz"): (0, 10),
    }

    for words, (usual, asked) in codes.items():
        assert enrolled(*words, *THRESHOLD).code == usual, words
        assert enrolled(*words, *THRESHOLD, "--exit-code").code == asked, words


def test_no_error_has_the_exit_code_of_a_non_match(enrolled: Command) -> None:
    Path("owner.key").unlink()
    Path("owner.key").mkdir()

    done = enrolled("identify", "grace.npz", *THRESHOLD, "--exit-code")

    assert done.code not in (0, 10)


def test_match_takes_one_probe_and_no_folder(enrolled: Command, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()

    assert enrolled("match", "folder", "Ada").code == 2
    assert enrolled("match", "adas.npz", "").code == 25


def test_a_photo_that_cannot_be_compared_gives_no_decision(enrolled: Command) -> None:
    Path("visitor.jpg").write_bytes(b"no photo")

    done = enrolled("match", "visitor.jpg", "Ada", *THRESHOLD, "--exit-code")

    assert done.code not in (0, 10)


def test_that_a_gallery_is_empty_is_said_in_place_of_its_threshold(made: Command) -> None:
    np.savez("probe.npz", embeddings=np.ones((1, 16)))

    done = made("identify", "probe.npz", *THRESHOLD)

    assert done.code == 0
    assert "note: the gallery is empty, so that nobody matches; gallery enroll fills it" in done.err
    assert "calibrate" not in done.err


def test_top_counts_people_and_references_if_asked(enrolled: Command) -> None:
    people, references = (
        enrolled("identify", "grace.npz", *THRESHOLD, "--top", 5, "--json", *options).records[0]
        for options in ((), ("--per-reference",))
    )

    assert [item["label"] for item in people["candidates"]].count("Ada") == 1
    assert len(people["candidates"]) == 4
    assert [item["label"] for item in references["candidates"]].count("Ada") == 2
    assert len(references["candidates"]) == 5
    assert people["candidates"][0] == references["candidates"][0]
