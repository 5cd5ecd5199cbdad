"""``gallery enroll``: duplicates, and the quality of photos."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.unit.commands.conftest import Command

PEOPLE = np.random.default_rng(4).normal(size=(3, 16))


class _Terminal(io.StringIO):
    """A terminal at which somebody has typed the answers already."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def made(command: Command) -> Command:
    """Runs commands on a gallery with a threshold, in which Ada is enrolled."""
    command("key", "new")
    command("init", "--dimension", 16, "--threshold", 0.05)
    np.savez("ada.npz", embeddings=PEOPLE[:1], labels=["Ada"])
    assert command("enroll", "ada.npz").code == 0
    # Row 1 is Ada under another name, row 2 nobody known.
    faces = np.vstack([PEOPLE[0] + 0.01, PEOPLE[0] - 0.01, PEOPLE[1]])
    np.savez("more.npz", embeddings=faces, labels=["Ada", "Joan", "Mary"])
    return command


def labels(command: Command) -> list[str]:
    """Return the labels of all references, sorted."""
    return sorted(record["label"] for record in command("list", "--json").records)


def test_embeddings_are_not_compared_unless_asked_for(made: Command) -> None:
    done = made("enroll", "more.npz", "--json")

    assert done.code == 0
    assert done.records[0]["duplicates"] == []
    assert labels(made) == ["Ada", "Ada", "Joan", "Mary"]


def test_skip_leaves_duplicates_out_and_reports_them(made: Command) -> None:
    done = made("enroll", "more.npz", "--on-duplicate", "skip", "--json")

    assert done.code == 0
    (counts,) = done.records
    assert (counts["enrolled"], counts["failed"]) == (2, 0)
    (duplicate,) = counts["duplicates"]
    assert list(duplicate) == [
        "path",
        "row",
        "label",
        "found_label",
        "reference_id",
        "distance",
        "threshold",
        "enrolled",
    ]
    assert (duplicate["path"], duplicate["row"]) == ("more.npz", 1)
    assert (duplicate["label"], duplicate["found_label"]) == ("Joan", "Ada")
    assert duplicate["distance"] == round(duplicate["distance"], 4) <= 0.05
    assert duplicate["enrolled"] is False
    assert "not enrolled: more.npz, row 1: the face of 'Joan' matches 'Ada' (distance" in done.err
    assert "1 left out as duplicates" in done.err
    assert labels(made) == ["Ada", "Ada", "Mary"]


def test_fail_has_an_exit_code_of_its_own_and_enrolls_nothing(made: Command) -> None:
    done = made("enroll", "more.npz", "--on-duplicate", "fail")

    assert done.code == 29
    assert "row 1" in done.err
    assert "Joan" not in done.err
    assert labels(made) == ["Ada"]


def test_fail_enrolls_what_has_no_duplicates(made: Command) -> None:
    np.savez("mary.npz", embeddings=PEOPLE[1:2], labels=["Mary"])

    assert made("enroll", "mary.npz", "--on-duplicate", "fail").code == 0
    assert labels(made) == ["Ada", "Mary"]


def test_fail_takes_one_kind_of_source(made: Command) -> None:
    done = made("enroll", "ada.npz", "more.npz", "--on-duplicate", "fail")

    assert done.code == 2
    assert "one file of embeddings" in done.err


def test_without_a_terminal_ask_enrolls_and_warns(made: Command) -> None:
    done = made("enroll", "more.npz", "--on-duplicate", "ask", "--json")

    assert done.code == 0
    assert "enrolled, but more.npz, row 1: the face of 'Joan' matches 'Ada'" in done.err
    assert done.records[0]["duplicates"][0]["enrolled"] is True
    assert labels(made) == ["Ada", "Ada", "Joan", "Mary"]


@pytest.mark.parametrize(("answer", "enrolled"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_at_a_terminal_ask_asks(
    made: Command, monkeypatch: pytest.MonkeyPatch, answer: str, enrolled: bool
) -> None:
    monkeypatch.setattr(sys, "stdin", _Terminal(answer))

    done = made("enroll", "more.npz", "--on-duplicate", "ask")

    assert done.code == 0
    assert "more.npz, row 1: the face of 'Joan' matches 'Ada' (distance 0" in done.err
    assert "threshold 0.05). Enroll it all the same? [y/N]" in done.err
    assert ("Joan" in labels(made)) is enrolled


def test_a_second_run_asks_nothing_about_what_is_enrolled(made: Command) -> None:
    made("enroll", "more.npz")

    (counts,) = made("enroll", "more.npz", "--on-duplicate", "ask", "--json").records

    assert (counts["skipped"], counts["duplicates"]) == (3, [])


def test_all_rows_can_be_left_out(made: Command) -> None:
    np.savez("joan.npz", embeddings=PEOPLE[:1] + 0.02, labels=["Joan"])

    assert made("enroll", "joan.npz", "--on-duplicate", "skip").code == 0
    assert labels(made) == ["Ada"]


def test_replacing_erases_nothing_of_a_label_that_was_left_out(made: Command) -> None:
    np.savez("joan.npz", embeddings=PEOPLE[2:], labels=["Joan"])
    made("enroll", "joan.npz")

    made("enroll", "more.npz", "--on-duplicate", "skip", "--replace")

    assert labels(made) == ["Ada", "Joan", "Mary"]


def test_without_a_threshold_duplicates_cannot_be_asked_for(command: Command) -> None:
    command("key", "new")
    command("init", "--dimension", 16)
    np.savez("ada.npz", embeddings=PEOPLE[:1], labels=["Ada"])

    assert command("enroll", "ada.npz", "--on-duplicate", "skip").code == 27
    assert command("enroll", "ada.npz", "--on-duplicate", "add").code == 0


# --- photos: patterns, which the model Dlib embeds where no detector looks for faces --------------


def picture(path: str, pattern: int, version: int = 0, light: float = 1.0) -> None:
    """Write a picture of a pattern; versions of one differ by a little noise."""
    blocks = np.random.default_rng(pattern).uniform(40, 215, (5, 5, 3))
    noise = np.random.default_rng((pattern, version)).normal(0, 1, (150, 150, 3))
    pixels = (np.kron(blocks, np.ones((30, 30, 1))) + noise) * light
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path)


@pytest.fixture
def photos(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs commands on a gallery for photos, in which Ada is enrolled, and a folder of more."""
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    monkeypatch.setenv("DEEPFACE_BACKEND_ENGINE", "onnx")
    command("key", "new")
    done = command("init", "--model", "Dlib", "--detector", "skip", "--threshold", 0.002)
    assert done.code == 0, done.err
    picture("ada.png", 1)
    assert command("enroll", "ada.png", "--label", "Ada").code == 0
    picture("people/Joan/1.png", 1, version=1)
    picture("people/Mary/1.png", 2, light=0.1)
    return command


def test_photos_warn_of_duplicates_by_default(photos: Command) -> None:
    done = photos("enroll", "people", "--json")

    assert done.code == 0
    place = Path("people/Joan/1.png")
    assert f"enrolled, but {place}: the face of 'Joan' matches 'Ada' (distance" in done.err
    (duplicate,) = done.records[0]["duplicates"]
    assert (duplicate["path"], duplicate["row"]) == (str(place), None)
    assert labels(photos) == ["Ada", "Joan", "Mary"]


@pytest.mark.parametrize("answer", ["y\n", "n\n"])
def test_at_a_terminal_photos_ask_and_replace_what_they_should(
    photos: Command, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    # Joan and Mary have a former reference each; Joan's goes only if her photo is accepted.
    for label, pattern in (("Joan", 5), ("Mary", 6)):
        picture(f"former {label}.png", pattern)
        photos("enroll", f"former {label}.png", "--label", label)
    before = {item["label"]: item["reference_id"] for item in photos("list", "--json").records}
    monkeypatch.setattr(sys, "stdin", _Terminal("y\n" + answer))

    done = photos("enroll", "people", "--replace")

    after = {item["label"]: item["reference_id"] for item in photos("list", "--json").records}
    assert done.code == 0
    assert "Replace 2 references" in done.err
    assert "1 of 'Joan', 1 of 'Mary'" in done.err
    assert "Enroll it all the same?" in done.err
    assert sorted(after) == ["Ada", "Joan", "Mary"]
    assert after["Mary"] != before["Mary"]
    assert (after["Joan"] != before["Joan"]) is (answer == "y\n")
    assert ("1 left out" in done.err) is (answer == "n\n")
    assert ("2 enrolled" in done.err) is (answer == "y\n")


def test_answers_count_also_if_later_questions_are_broken_off(
    photos: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture("people/Ruth/1.png", 1, version=2)
    # Joan is accepted, and before the answer about Ruth the input ends.
    monkeypatch.setattr(sys, "stdin", _Terminal("y\n"))

    done = photos("enroll", "people")

    assert done.code == 130
    assert labels(photos) == ["Ada", "Joan", "Mary"]


def test_photos_fail_with_nothing_enrolled(photos: Command) -> None:
    done = photos("enroll", "people", "--on-duplicate", "fail")

    assert done.code == 29
    assert labels(photos) == ["Ada"]


def test_a_poor_photo_is_enrolled_with_a_warning_and_figures(photos: Command) -> None:
    done = photos("enroll", "people", "--on-duplicate", "add", "--json")

    (warning,) = (line for line in done.err.splitlines() if line.startswith("poor photo"))
    assert warning.startswith(f"poor photo: {Path('people/Mary/1.png')}: too dark")
    good, poor = done.records[0]["photos"]
    assert good["warnings"] == []
    assert list(poor["quality"]) == [
        "face_size",
        "face_size_used",
        "confidence",
        "sharpness",
        "grey_levels",
        "roll",
        "yaw",
    ]
    assert poor["quality"]["face_size"] == 150
    assert poor["quality"]["confidence"] is None
    assert "too dark" in poor["warnings"][0]
    assert labels(photos) == ["Ada", "Joan", "Mary"]


def test_all_figures_are_shown_when_asked_for(photos: Command) -> None:
    done = photos("enroll", "people", "--verbose", "--on-duplicate", "add")

    lines = [line.split() for line in done.err.splitlines()]
    header = "photo face as used confidence sharpness grey levels roll yaw"
    assert header.split() in lines
    row = next(cells for cells in lines if cells[:1] == [str(Path("people/Joan/1.png"))])
    assert row[1:4] == ["150", "150", "-"]
    assert done.out == ""


def test_a_folder_that_cannot_be_a_label_keeps_nobody_out_of_a_replacement(
    photos: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture("former.png", 5)
    photos("enroll", "former.png", "--label", "Joan")
    Path("people/two\nlines").mkdir()
    picture("people/two\nlines/1.png", 8)
    monkeypatch.setattr(sys, "stdin", _Terminal("y\n"))

    done = photos("enroll", "people", "--replace", "--on-duplicate", "add")

    assert done.code == 1
    assert "Replace 1 reference in" in done.err
    assert "a label holds control characters" in done.err
    assert {item["label"] for item in photos("list", "--json").records} >= {"Joan", "Mary"}
