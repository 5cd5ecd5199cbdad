"""Live sources: the newest frame, and a source that is lost and found again."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from gallery.client import LiveSource
from gallery.client.video import frames as frames_module
from gallery.client.video import live
from gallery.errors import VideoError
from tests.support.rtsp import rtsp_camera
from tests.support.videos import NetworkCamera, plain, write_video


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(live, "LONGEST_PAUSE", 0.1)


def greys(source: LiveSource, last: int) -> list[int]:
    """Return the greys of the frames that came, in tens, up to one of them."""
    found = []
    for frame in source.frames():
        # The nearest ten but one: colours of videos are not exact.
        found.append(round((float(frame.pixels.mean()) + 2.0) / 10))
        if found[-1] == last:
            return found
    raise AssertionError("a live source has no end")


def test_a_source_that_hangs_up_is_found_again() -> None:
    told: list[str] = []
    camera = NetworkCamera([[plain(50)] * 5, [plain(100)] * 5, [plain(200)] * 5])
    with camera.serving():
        found = greys(LiveSource(camera.url, 0.001, told.append), 20)

    assert set(found) <= {5, 10, 20}
    assert found[-1] == 20 and found == sorted(found)
    assert [line.split(" ", 1)[1].split(" after")[0] for line in told[:4]] == [
        "was lost; trying to reach it again",
        "is back",
    ] * 2


def test_a_camera_that_speaks_rtsp_is_read_and_found_again(tmp_path: Path) -> None:
    told: list[str] = []
    streams = [
        write_video(tmp_path / f"{grey}.ts", [plain(grey, 128)] * 100, 25) for grey in (100, 200)
    ]
    with rtsp_camera(streams) as url:
        found = greys(LiveSource(url, 0.001, told.append), 20)

    assert 10 in found and found == sorted(found)
    assert [line.split(" ")[1:3] for line in told[:2]] == [["was", "lost;"], ["is", "back"]]


def test_the_newest_frame_is_given_not_the_next() -> None:
    camera = NetworkCamera([[*[plain(100)] * 60, *[plain(200)] * 60]], held=True)
    with camera.serving():
        source = LiveSource(camera.url, 0.001)
        frames = source.frames()
        next(frames)
        assert camera.sent.wait(30)
        taken = list(itertools.takewhile(lambda frame: frame.pixels.mean() < 150, frames))
        frames.close()

    assert len(taken) < 60


def test_frames_have_moments_of_the_clock_that_ascend() -> None:
    camera = NetworkCamera([[plain(100)] * 60], held=True)
    with camera.serving():
        frames = LiveSource(camera.url, 0.001).frames()
        moments = [frame.seconds for frame in itertools.islice(frames, 2)]
        frames.close()

    assert 1.7e9 < moments[0] < moments[1]


def test_a_source_that_is_not_there_is_told_at_once() -> None:
    with pytest.raises(VideoError, match="no video is served there"):
        next(LiveSource("http://user:secret@127.0.0.1:1/stream", 0.5).frames())
    with pytest.raises(VideoError, match=r"camera 99999 cannot be opened: there is no"):
        next(LiveSource(99_999, 0.5).frames())


def test_passwords_are_in_no_message() -> None:
    told: list[str] = []
    camera = NetworkCamera([[plain(50)] * 3, [plain(200)] * 3])
    with camera.serving():
        url = camera.url.replace("http://", "http://user:secret@")
        source = LiveSource(url, 0.001, told.append)
        greys(source, 20)
    assert told and "secret" not in "".join((*told, source.name))
    with pytest.raises(VideoError) as caught:
        next(LiveSource("rtsp://user:secret@127.0.0.1:1/", 0.5).frames())
    assert "secret" not in str(caught.value)


def test_frames_that_are_too_large_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames_module, "PIXEL_LIMIT", 100)
    camera = NetworkCamera([[plain(50)] * 3])
    with camera.serving(), pytest.raises(VideoError, match="64 x 64 pixels"):
        next(LiveSource(camera.url, 0.5).frames())


@pytest.mark.parametrize(
    "address",
    ["file:///etc/passwd", "concat:a|b", "clip.mp4", "ftp://host/a", "0", -1, 100_000, True, None],
)
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(VideoError, match="is no address of a camera"):
        LiveSource(address, 0.5)
