"""Video files: frames by the moment at which they are shown, and clear words on damage."""

from __future__ import annotations

import os
import resource
import struct
from pathlib import Path

import numpy as np
import pytest

from gallery.client import LiveSource, VideoFile
from gallery.client.video import frames as frames_module
from gallery.errors import VideoError
from tests.support.videos import blocks, plain, write_video

GREYS = [20 * number for number in range(12)]


@pytest.fixture(params=[".avi", ".mp4", ".mkv"])
def clip(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A video of 12 frames in 1.2 seconds, each of another grey."""
    return write_video(tmp_path / f"clip{request.param}", [plain(grey) for grey in GREYS], 10)


def seen(path: Path, every: float) -> list[tuple[float, int]]:
    """Return moment and number of each frame that is looked at."""
    return [
        (round(frame.seconds, 3), round(float(frame.pixels.mean()) / 20))
        for frame in VideoFile(path, every).frames()
    ]


def test_every_frame_comes_in_turn_with_its_moment(clip: Path) -> None:
    assert seen(clip, 0.1) == [(number / 10, number) for number in range(12)]


def test_frames_are_left_out_by_time(clip: Path) -> None:
    assert seen(clip, 0.5) == [(0.0, 0), (0.5, 5), (1.0, 10)]
    assert seen(clip, 0.25) == [(0.0, 0), (0.3, 3), (0.5, 5), (0.8, 8), (1.0, 10)]
    assert seen(clip, 60.0) == [(0.0, 0)]


@pytest.mark.parametrize("every", [0, -1.0, float("nan"), float("inf")])
def test_frames_have_a_span_above_nothing(every: float, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="above 0"):
        VideoFile(tmp_path / "clip.avi", every)
    with pytest.raises(ValueError, match="above 0"):
        LiveSource(0, every)


def test_it_says_beforehand_how_many_frames_are_looked_at(clip: Path) -> None:
    assert VideoFile(clip, 0.5).steps() == 2
    assert VideoFile(clip, 0.1).steps() == 12


def test_pixels_are_red_green_and_blue(tmp_path: Path) -> None:
    red = np.zeros((64, 64, 3), np.uint8)
    red[:, :, 0] = 255
    (frame,) = VideoFile(write_video(tmp_path / "red.avi", [red], 10), 1.0).frames()

    assert frame.pixels.shape == (64, 64, 3)
    assert frame.pixels[32, 32, 0] > 200 and frame.pixels[32, 32, 2] < 50


def test_a_name_that_is_no_utf_8_is_one_like_others(tmp_path: Path) -> None:
    source = write_video(tmp_path / "clip.avi", [plain(100)], 10)
    named = os.fsencode(tmp_path) + b"/\xff.avi"
    os.rename(source, named)
    assert len(seen(Path(os.fsdecode(named)), 1.0)) == 1


@pytest.mark.parametrize("ending", [".avi", ".mkv"])
def test_a_video_that_was_cut_off_gives_what_is_there_and_says_so(
    ending: str, tmp_path: Path
) -> None:
    path = write_video(tmp_path / f"clip{ending}", [blocks(seed) for seed in range(12)], 10)
    whole = VideoFile(path, 0.1)
    assert len(list(whole.frames())) == 12
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    cut = VideoFile(path, 0.1)

    assert 0 < len(list(cut.frames())) < 12
    assert whole.doubt == "" and "damaged or truncated" in cut.doubt


def test_what_cannot_be_read_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    whole = write_video(path, [plain(grey) for grey in GREYS], 10).read_bytes()
    cases = {
        b"": "it is empty",
        b"#EXTM3U\n/secret.mp4\n": "no video of a kind that is read",
        b"ffconcat version 1.0\nfile secret.mp4\n": "no video of a kind that is read",
        whole[: len(whole) // 2]: "damaged or truncated, or of an unknown codec",
        whole[:32] + os.urandom(5000): "damaged or truncated, or of an unknown codec",
    }
    for content, reason in cases.items():
        path.write_bytes(content)
        with pytest.raises(VideoError, match=reason):
            list(VideoFile(path, 0.5).frames())
    with pytest.raises(VideoError, match="No such file"):
        VideoFile(tmp_path / "nowhere.mp4", 0.5)
    with pytest.raises(VideoError, match="a folder"):
        VideoFile(tmp_path, 0.5)


def test_a_list_of_files_does_not_lead_to_them(tmp_path: Path) -> None:
    write_video(tmp_path / "secret.mp4", [plain(0)], 10)
    (tmp_path / "clip.mp4").write_text("ffconcat version 1.0\nfile secret.mp4\n")
    with pytest.raises(VideoError):
        list(VideoFile(tmp_path / "clip.mp4", 0.5).frames())


def test_huge_frames_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(tmp_path / "clip.avi", [plain(0)], 10)
    monkeypatch.setattr(frames_module, "PIXEL_LIMIT", 64 * 64 - 1)
    with pytest.raises(VideoError, match="64 x 64 pixels"):
        list(VideoFile(path, 0.5).frames())


def test_frames_that_claim_to_be_huge_take_no_memory(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.avi", [plain(0), plain(50)], 10)
    content = bytearray(path.read_bytes())
    at, found = 0, 0
    while (at := content.find(b"\xff\xc0\x00\x11", at)) >= 0:
        struct.pack_into(">HH", content, at + 5, 60_000, 60_000)
        at, found = at + 1, found + 1
    path.write_bytes(content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(VideoError, match="no frame of it can be decoded"):
        list(VideoFile(path, 0.5).frames())

    assert found == 2
    # In kilobytes on Linux, in bytes on macOS; a frame would be 10 GB.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000_000
