"""Videos, recognised by content, and by name where the content is no picture."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from gallery.client import is_video
from tests.support.videos import plain, write_video

BEGINNINGS = {
    "mp4": b"\0\0\0\x20ftypisom\0\0\2\0isomiso2mp41",
    "mov without a type": b"\0\0\0\x08wide\0\0\1\0mdat",
    "matroska": b"\x1a\x45\xdf\xa3\x01",
    "avi": b"RIFF\0\0\1\0AVI LIST",
    "transport stream": (b"\x47" + bytes(187)) * 3,
    "transport stream of discs": (bytes(4) + b"\x47" + bytes(187)) * 3,
    "program stream": b"\0\0\1\xba\x44",
    "flv": b"FLV\x01\x05",
    "ogg": b"OggS\0\2",
    "wmv": bytes.fromhex("3026b2758e66cf11a6d9"),
}
OTHERS = {
    "play list": b"#EXTM3U\n#EXTINF:10,\nsecret.mp4\n",
    "list of files": b"ffconcat version 1.0\nfile secret.mp4\n",
    "heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "webp": b"RIFF\0\0\1\0WEBPVP8 ",
    "sound": b"RIFF\0\0\1\0WAVEfmt ",
    "text": b"a word",
    "nothing": b"",
}


@pytest.mark.parametrize("beginning", BEGINNINGS.values(), ids=BEGINNINGS)
def test_videos_are_told_by_content(beginning: bytes, tmp_path: Path) -> None:
    path = tmp_path / "someone.jpg"
    path.write_bytes(beginning)
    assert is_video(path)


@pytest.mark.parametrize("beginning", OTHERS.values(), ids=OTHERS)
def test_others_are_not(beginning: bytes, tmp_path: Path) -> None:
    path = tmp_path / "someone.dat"
    path.write_bytes(beginning)
    assert not is_video(path)


def test_what_is_called_a_video_and_is_no_picture_is_meant_as_one(tmp_path: Path) -> None:
    Image.fromarray(plain(0)).save(tmp_path / "picture.mp4", "JPEG")
    (tmp_path / "empty.MP4").touch()
    os.mkfifo(tmp_path / "pipe.mp4")

    assert is_video(tmp_path / "empty.MP4")
    assert not is_video(tmp_path / "picture.mp4")
    assert not is_video(tmp_path)
    assert not is_video(tmp_path / "nowhere.mp4")
    assert not is_video(tmp_path / "pipe.mp4")


@pytest.mark.parametrize("ending", [".avi", ".mp4", ".mkv", ".ts"])
def test_real_ones_are(ending: str, tmp_path: Path) -> None:
    assert is_video(write_video(tmp_path / f"clip{ending}", [plain(0)], 10))
