"""`gallery identify` of videos and cameras."""

from __future__ import annotations

import csv
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from gallery.client import GalleryKey, write_key_file
from gallery.errors import VideoError
from tests.support.photos import deepface_home
from tests.support.videos import NetworkCamera, blocks, write_video
from tests.unit.client.photos.conftest import write_fake_facenet
from tests.unit.commands.conftest import Command

__all__ = ["deepface_home", "write_fake_facenet"]


@pytest.fixture
def patterns(
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    deepface_home: Path,
    write_fake_facenet: Callable[[Path], None],
) -> Command:
    """A gallery of Ada and Bea, who are patterns to a fake Facenet, and a clip of them and a third.

    Ada is seen for a second, then Bea for a second, then the stranger for half a second.
    """
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    write_fake_facenet(tmp_path / ".deepface" / "weights" / "facenet_weights.onnx")
    write_key_file(tmp_path / "owner.key", GalleryKey(bytes(32), {}), None)
    init = ("init", "--model", "Facenet", "--detector", "skip", "--threshold", 0.3)
    assert command(*init).code == 0
    for seed, name in ((1, "Ada"), (2, "Bea")):
        Image.fromarray(blocks(seed)).save(tmp_path / f"{name}.png")
        done = command("enroll", f"{name}.png", "--label", name, "--trust-weights")
        assert done.code == 0
    shown = [*[blocks(1)] * 4, *[blocks(2)] * 4, *[blocks(3)] * 2]
    write_video(tmp_path / "clip.avi", shown, 4.0)
    return command


def test_a_table_says_who_was_seen_from_when_to_when(patterns: Command) -> None:
    done = patterns("identify", "clip.avi", "--every", "0.25s")

    rows = [line.split() for line in done.out.splitlines()]
    assert done.code == 0
    assert rows[0][:6] == ["track", "from", "to", "frames", "decision", "label"]
    assert [row[:6] for row in rows[1:]] == [
        ["1", "0:00.0", "0:00.8", "4", "match", "Ada"],
        ["2", "0:01.0", "0:01.8", "4", "match", "Bea"],
        ["3", "0:02.0", "0:02.2", "2", "non-match", "-"],
    ]
    assert "clip.avi: 3 seen, 2 of them matched somebody" in done.err
    assert "2 references searched" in done.err


def test_json_has_what_a_search_has_and_the_frames(patterns: Command, tmp_path: Path) -> None:
    done = patterns("identify", "clip.avi", "--json", "--frames", "seen", "--top", 2)

    first, second, third = done.records
    assert [first[name] for name in ("video", "track", "from", "to", "ended", "frames")] == [
        "clip.avi",
        1,
        0.0,
        0.5,
        True,
        2,
    ]
    assert (first["label"], second["label"], third["label"]) == ("Ada", "Bea", None)
    assert [item["label"] for item in first["candidates"]] == ["Ada", "Bea"]
    assert first["threshold"] == 0.3 and first["box"] is None
    assert third["decision"] == "non-match" and third["distance"] > 0.3
    names = sorted(path.name for path in (tmp_path / "seen").iterdir())
    assert names == ["clip-0001.jpg", "clip-0002.jpg", "clip-0003.jpg"]
    assert Path(first["frame"]) == Path("seen/clip-0001.jpg")
    with Image.open(first["frame"]) as image:
        assert image.size == (160, 160)
    assert os.stat(first["frame"]).st_mode & 0o777 == 0o600


def test_csv_has_a_line_for_each_track(patterns: Command) -> None:
    done = patterns("identify", "clip.avi", "--csv")

    first, *rows = csv.reader(io.StringIO(done.out))
    found = [dict(zip(first, row, strict=True)) for row in rows]
    assert [(row["track"], row["from"], row["to"], row["label"]) for row in found] == [
        ("1", "0.0", "0.5", "Ada"),
        ("2", "1.0", "1.5", "Bea"),
        ("3", "2.0", "2.0", ""),
    ]
    assert [row["decision"] for row in found] == ["match", "match", "non-match"]
    records = patterns("identify", "clip.avi", "--json").records
    box = {"left", "top", "width", "height"}
    assert {*first} | {"box", "candidates", "ended"} == {*records[0]} | box | {"candidate"}
    for row, record in zip(found, records, strict=True):
        assert (row["threshold_origin"], float(row["threshold"])) == (
            record["threshold_origin"], record["threshold"]
        )  # fmt: skip


def test_tables_of_several_videos_say_which(patterns: Command, tmp_path: Path) -> None:
    write_video(tmp_path / "ada.avi", [blocks(1)] * 4, 4.0)
    (tmp_path / "broken.avi").write_bytes((tmp_path / "ada.avi").read_bytes()[:300])
    videos = ("identify", "broken.avi", "clip.avi", "ada.avi", "--every", "1s")

    table, sheet = patterns(*videos), patterns(*videos, "--csv")

    shown = [line.split()[:2] for line in table.out.splitlines()]
    assert shown == [
        ["video", "track"],
        *(["clip.avi", str(number)] for number in (1, 2, 3)),
        ["video", "track"],
        ["ada.avi", "1"],
    ]
    rows = list(csv.DictReader(io.StringIO(sheet.out)))
    assert [(row["video"], row["track"]) for row in rows] == [
        *(("clip.avi", str(number)) for number in (1, 2, 3)),
        ("ada.avi", "1"),
    ]
    assert table.code == sheet.code == 1


def test_a_folder_of_frames_that_cannot_be_made_is_named(patterns: Command) -> None:
    done = patterns("identify", "clip.avi", "--frames", "clip.avi/seen")

    assert done.code == 3
    assert "the folder clip.avi/seen for frames cannot be made: Not a directory" in done.err


def test_frames_that_are_there_are_replaced_if_that_is_said(patterns: Command) -> None:
    arguments = ("identify", "clip.avi", "--every", "10s", "--frames", "seen")
    assert patterns(*arguments).code == 0
    refused = patterns(*arguments)
    assert refused.code != 0 and "clip-0001.jpg already; --force replaces it" in refused.err
    assert refused.out == "", "it is told before the video is looked at"
    assert patterns(*arguments, "--force").code == 0


def test_frames_of_videos_of_one_name_are_kept_apart(patterns: Command, tmp_path: Path) -> None:
    names = ["door/CLIP.avi", "yard/clip.avi", f"yard/{'n' * 250}.avi"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_video(tmp_path / name, [blocks(1)] * 4, 4.0)

    done = patterns("identify", *names, "--every", "10s", "--frames", "seen", "--json")

    assert done.code == 0
    saved = ["seen/CLIP-0001.jpg", "seen/clip (2)-0001.jpg", f"seen/{'n' * 80}-0001.jpg"]
    assert [item["frame"] for item in done.records] == saved
    assert all(Path(path).is_file() for path in saved)


def test_exit_codes_say_what_scripts_want_to_know(patterns: Command, tmp_path: Path) -> None:
    write_video(tmp_path / "ada.avi", [blocks(1)] * 4, 4.0)
    assert patterns("identify", "clip.avi", "--exit-code").code == 10
    assert patterns("identify", "ada.avi", "--exit-code").code == 0


def test_what_cannot_be_read_is_said(patterns: Command, tmp_path: Path) -> None:
    whole = (tmp_path / "clip.avi").read_bytes()
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "list.mp4").write_text("#EXTM3U\nclip.avi\n")
    (tmp_path / "cut.avi").write_bytes(whole[: len(whole) // 2])

    for name, reason in (("empty.mp4", "it is empty"), ("list.mp4", "no video of a kind")):
        done = patterns("identify", name)
        assert (done.code, done.out) == (VideoError.exit_code, "")
        assert f"error: The video {name} cannot be read" in done.err and reason in done.err
    cut = patterns("identify", "cut.avi", "--every", "10s")
    both = patterns("identify", "empty.mp4", "clip.avi", "--every", "10s")
    assert (cut.code, both.code) == (1, 1)
    assert "Ada" in cut.out and "warning: cut.avi" in cut.err and "truncated" in cut.err
    assert "Ada" in both.out and "not searched: The video empty.mp4" in both.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("clip.avi", "Ada.png"),
        ("clip.avi", "--per-reference"),
        ("clip.avi", "--faces", "all"),
        ("clip.avi", "--draw", "drawn"),
        ("clip.avi", "--output", "found.jsonl"),
        ("clip.avi", "--force"),
        ("clip.avi", "--every", "0"),
        ("clip.avi", "--every", "often"),
        ("Ada.png", "--every", "1s"),
        ("Ada.png", "--frames", "seen"),
        ("Ada.png", "--camera", "0"),
        ("--camera", "nowhere"),
        (),
    ],
    ids=" ".join,
)
def test_what_cannot_be_meant_is_refused(patterns: Command, arguments: tuple[str, ...]) -> None:
    done = patterns("identify", *arguments)
    assert (done.code, done.out) == (2, "")


def test_a_camera_in_the_environment_leaves_files_alone(
    patterns: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GALLERY_CAMERA", "http://127.0.0.1:1/")
    assert patterns("identify", "Ada.png").code == 0
    assert "clip.avi: " in patterns("identify", "clip.avi", "--every", "10s").err
    assert patterns("identify").code == VideoError.exit_code


def test_a_camera_that_is_not_there_is_told(patterns: Command) -> None:
    done = patterns("identify", "--camera", "http://user:secret@127.0.0.1:1/")
    assert done.code == VideoError.exit_code
    assert "cannot be opened" in done.err and "secret" not in done.err


def test_a_camera_is_watched_until_ctrl_c(patterns: Command, tmp_path: Path) -> None:
    camera = NetworkCamera([[blocks(1)] * 40], held=True)
    with camera.serving():
        environment = os.environ | {"GALLERY_CAMERA": camera.url}
        command = [sys.executable, "-m", "gallery", "identify", "--every", "10ms"]
        with subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        ) as process:
            assert process.stdout is not None
            seen = process.stdout.readline()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)

    assert "to --------  track 1  match  Ada" in seen
    assert out.splitlines()[-1].endswith(seen.split("--------")[1].rstrip())
    assert process.returncode == 0
    assert "1 seen, 1 of them matched somebody" in err and "Traceback" not in err
