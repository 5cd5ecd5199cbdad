"""Photos and files as they lie about: what is not used is named, counted, and has a row."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.unit.commands.conftest import Command


def picture(path: str, pattern: int, kind: str = "PNG", light: float = 1.0) -> None:
    """Write a picture of a pattern, which the model Dlib embeds where no detector looks."""
    blocks = np.random.default_rng(pattern).uniform(40, 215, (5, 5, 3))
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    pixels = (np.kron(blocks, np.ones((30, 30, 1))) * light).astype(np.uint8)
    Image.fromarray(pixels).save(path, kind)


@pytest.fixture
def photos(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs commands on a gallery for photos, and a folder as it may lie on a NAS."""
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    monkeypatch.setenv("DEEPFACE_BACKEND_ENGINE", "onnx")
    command("key", "new")
    done = command("init", "--model", "Dlib", "--detector", "skip", "--threshold", 0.002)
    assert done.code == 0, done.err
    picture("people/Ada/1.jfif", 1, "JPEG")
    picture("people/Ada/2", 2)
    picture("people/Ada/@eaDir/1.jfif/thumb.jpg", 3, "JPEG")
    picture("people/@eaDir/Ada.jpg", 3, "JPEG")
    picture("people/.trash/Ada.jpg", 3, "JPEG")
    Path("people/Ada/notes.txt").write_text("text")
    Path("people/Ada/phone.jpg").write_bytes(b"\0\0\0\x18ftypavif\0\0\0\0mif1avif")
    picture("people/loose.jpg", 4)
    Path("people/Bob").mkdir()
    Path("people/Joan").symlink_to("/gone/joan")
    os.mkfifo("people/Ada/pipe.jpg")
    return command


def test_a_folder_is_enrolled_and_what_is_not_is_named_and_counted(photos: Command) -> None:
    done = photos("enroll", "people", "--json")

    assert done.code == 1
    (counts,) = done.records
    assert (counts["enrolled"], counts["failed"]) == (2, 5)
    assert {item["path"]: item["reason"] for item in counts["failures"]} == {
        "people/Ada/phone.jpg": (
            "The photo people/Ada/phone.jpg cannot be read: "
            "AVIF pictures are not supported, convert it to JPEG or PNG"
        ),
        "people/Ada/pipe.jpg": "cannot be read: it is a named pipe",
        "people/Bob": "the folder holds no photo",
        "people/Joan": "a link that leads nowhere, to /gone/joan",
        "people/loose.jpg": (
            "in no person's folder: each person needs a folder, such as people/some-name/loose.jpg"
        ),
    }
    assert [item["path"] for item in counts["passed_over"]] == [
        "people/.trash",
        "people/@eaDir",
        "people/Ada/@eaDir",
        "people/Ada/notes.txt",
    ]
    assert "not enrolled: people/Bob: the folder holds no photo" in done.err
    assert (
        "4 passed over (made by a system or a NAS for itself: 2, hidden: 1, no photo: 1), "
        "the first is people/.trash; --verbose lists all" in done.err
    )
    assert [item["label"] for item in photos("list", "--json").records] == ["Ada", "Ada"]


def test_verbose_lists_what_was_passed_over(photos: Command) -> None:
    done = photos("enroll", "people", "--verbose")

    assert "passed over: people/Ada/notes.txt: no photo" in done.err
    assert "lists all" not in done.err


def probe_rows(output: str | None, command: Command, *probes: str) -> list[dict[str, Any]]:
    """Search with photos and return the records, read back from a file if one is named."""
    if output is None:
        done = command("identify", *probes, "--json")
        assert done.code == 1
        return done.records
    done = command("identify", *probes, "--output", output)
    assert done.code == 1
    assert "5 probes, 1 matches, 4 failed" in done.err
    if output.endswith(".jsonl"):
        return [json.loads(line) for line in Path(output).read_text("utf-8").splitlines()]
    if output.endswith(".parquet"):
        rows: list[dict[str, Any]] = (
            pytest.importorskip("pyarrow.parquet").read_table(output).to_pylist()
        )
        return rows
    with np.load(output) as found:
        return [
            {
                "probe": str(probe),
                "decision": "failed" if failure else "match" if match else "non-match",
                "failure": str(failure) or None,
                "label": str(label) or None,
                "searched": int(searched),
            }
            for probe, failure, match, label, searched in zip(
                found["probes"],
                found["failures"],
                found["decisions"],
                found["labels"][:, 0],
                found["searched"],
                strict=True,
            )
        ]


@pytest.mark.parametrize("output", [None, "found.jsonl", "found.parquet", "found.npz"])
def test_every_probe_has_a_row_also_where_it_failed(photos: Command, output: str | None) -> None:
    photos("enroll", "people")
    os.mkfifo("probe pipe.jpg")
    Path("text.jpg").write_text("text")
    Path("folder").mkdir()
    Path("folder/gone.jpg").symlink_to("/gone.jpg")
    picture("folder/good.jpg", 1, "JPEG")
    Path("folder/empty.png").touch()

    rows = probe_rows(output, photos, "probe pipe.jpg", "folder", "text.jpg")

    assert [(row["probe"], row["decision"]) for row in rows] == [
        ("probe pipe.jpg", "failed"),
        ("folder/empty.png", "failed"),
        ("folder/good.jpg", "match"),
        ("text.jpg", "failed"),
        ("folder/gone.jpg", "failed"),
    ]
    assert [row["label"] for row in rows] == [None, None, "Ada", None, None]
    assert [row["searched"] for row in rows] == [0, 0, 2, 0, 0]
    assert "it is a named pipe" in rows[0]["failure"]
    assert "the file is empty" in rows[1]["failure"]
    assert rows[2]["failure"] is None
    assert "it is no JPEG" in rows[3]["failure"]
    assert rows[4]["failure"] == "a link that leads nowhere, to /gone.jpg"


def test_where_all_fail_there_are_rows_too(photos: Command) -> None:
    Path("text.jpg").write_text("text")

    done = photos("identify", "text.jpg", "text.jpg", "--json", "--top", 3)

    assert done.code == 1
    assert [row["decision"] for row in done.records] == ["failed", "failed"]
    shown = photos("identify", "text.jpg")
    assert shown.code == 1
    assert "text.jpg" in shown.out and "failed" in shown.out
    assert "not searched: text.jpg: The photo text.jpg cannot be read" in shown.err


def test_poor_photos_are_named_when_they_are_searched_with(photos: Command) -> None:
    photos("enroll", "people")
    picture("dark.png", 1, light=0.1)
    with Image.open("people/Ada/1.jfif") as image:
        image.resize((55, 55)).save("small.png")

    done = photos("identify", "dark.png", "small.png", "people/Ada/1.jfif", "--json")

    dark, small, good = (row["warnings"] for row in done.records)
    assert "too dark" in dark[0]
    assert small[0] == "too small: face of 55 pixels, below 60"
    assert good == []
    assert "poor photo: small.png: too small: face of 55 pixels, below 60" in done.err


# --- embeddings -----------------------------------------------------------------------------------


def test_a_file_without_labels_is_enrolled_with_one(made: Command, people: np.ndarray) -> None:
    np.save("ada.npy", people[:2])
    np.savez("joan.npz", embeddings=people[2:3])

    unlabelled = made("enroll", "ada.npy")
    assert unlabelled.code == 50
    assert "say with --label whom" in unlabelled.err
    assert made("enroll", "ada.npy", "--label", "Ada").code == 0
    assert made("enroll", "joan.npz", "--label", "Joan", "--on-duplicate", "add").code == 0
    assert made("identify", "ada.npy", "--threshold", 0.1, "--json").records[0]["label"] == "Ada"
    listed = sorted(item["label"] for item in made("list", "--json").records)
    assert listed == ["Ada", "Ada", "Joan"]


def test_a_csv_file_is_enrolled_and_searched_with(made: Command, people: np.ndarray) -> None:
    rows = [",".join([f"person {i}", *map(repr, row.tolist())]) for i, row in enumerate(people)]
    Path("people.csv").write_text("\n".join(rows))

    done = made("enroll", "people.csv")

    assert done.code == 0
    assert "people.csv: embeddings are taken from column 2 to 17, labels from 1" in done.err
    found = made("identify", "people.csv", "--threshold", 0.1, "--json").records
    assert [row["label"] for row in found] == [f"person {i}" for i in range(5)]


def test_pickles_are_refused_before_anything_is_enrolled(made: Command, people: np.ndarray) -> None:
    Path("people.pkl").write_bytes(b"\x80\x04N.")

    for command in ("enroll", "identify"):
        done = made(command, "people.pkl")
        assert done.code == 50
        assert "pickles, which are never opened" in done.err
    assert made("enroll", "people.npz", "people.pkl").code == 50
    assert made("list", "--json").records == []
