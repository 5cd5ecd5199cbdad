"""The process that decodes photos: limits of time and memory, and what remains after a break."""

from __future__ import annotations

import io
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from PIL import Image

from gallery.desk.decoder_process import ANSWER
from gallery.desk.decoding import PhotoDecoder, TimeBudget
from gallery.errors import UnreadablePhotoError

MEMORY = 4 * 2**30


def picture(side: int) -> bytes:
    """Return a grey PNG."""
    written = io.BytesIO()
    Image.new("RGB", (side, side), "grey").save(written, "PNG")
    return written.getvalue()


@pytest.fixture
def decoder() -> Iterator[PhotoDecoder]:
    """A decoder with room for everything."""
    made = PhotoDecoder(60, MEMORY)
    yield made
    made.close()


def test_a_photo_comes_back_decoded(decoder: PhotoDecoder) -> None:
    photo = decoder.decode(picture(20), "grey.png")

    assert (photo.name, photo.size, photo.pixels.shape) == ("grey.png", (20, 20), (20, 20, 3))


def test_what_is_no_photo_is_named_and_the_next_one_is_decoded(decoder: PhotoDecoder) -> None:
    with pytest.raises(UnreadablePhotoError, match=r"bad\.png"):
        decoder.decode(b"nothing of the kind", "bad.png")

    assert decoder.decode(picture(20), "good.png").size == (20, 20)


def test_a_photo_that_takes_too_long_is_given_up() -> None:
    decoder = PhotoDecoder(0.001, MEMORY)

    with pytest.raises(UnreadablePhotoError, match="seconds to decode"):
        decoder.decode(picture(4000), "slow.png")
    decoder.close()


def test_a_photo_that_takes_too_much_memory_is_given_up(decoder: PhotoDecoder) -> None:
    small = PhotoDecoder(60, 300 * 2**20)

    with pytest.raises(UnreadablePhotoError, match="memory"):
        small.decode(picture(9000), "large.png")
    small.close()


def test_photos_of_one_request_share_a_time(decoder: PhotoDecoder) -> None:
    budget = TimeBudget(30)
    decoder.decode(picture(20), "first.png", budget)
    assert budget.left < 30

    with pytest.raises(UnreadablePhotoError, match="send fewer at once"):
        decoder.decode(picture(20), "last.png", TimeBudget(0))


def child() -> int:
    """Return the process that decodes."""
    (found,) = multiprocessing.active_children()
    assert found.pid is not None
    return found.pid


def test_a_decoder_that_ended_while_idle_is_replaced(decoder: PhotoDecoder) -> None:
    decoder.decode(picture(20), "first.png")
    before = child()
    os.kill(before, signal.SIGKILL)
    while multiprocessing.active_children():
        time.sleep(0.01)

    assert decoder.decode(picture(20), "second.png").size == (20, 20)
    assert child() != before


def test_an_interruption_does_not_reach_it(decoder: PhotoDecoder) -> None:
    decoder.start()
    os.kill(child(), signal.SIGINT)
    decoder.decode(picture(20), "first.png")
    before = child()
    os.kill(before, signal.SIGINT)

    assert decoder.decode(picture(20), "second.png").size == (20, 20)
    assert child() == before


ORPHAN = """
import multiprocessing, os, signal, sys
from gallery.desk.decoding import PhotoDecoder

if __name__ == "__main__":
    decoder = PhotoDecoder(60, 4 * 2**30)
    decoder.decode(open(sys.argv[1], "rb").read(), "grey.png")
    print(multiprocessing.active_children()[0].pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_ends_when_its_desk_is_killed(tmp_path: Path) -> None:
    script, photo = tmp_path / "desk.py", tmp_path / "grey.png"
    script.write_text(ORPHAN)
    photo.write_bytes(picture(20))
    done = subprocess.run([sys.executable, script, photo], stdout=subprocess.PIPE, check=False)
    orphan = int(done.stdout)

    def lives() -> bool:
        try:
            # A container's first process may leave it unburied.
            return " Z " not in Path(f"/proc/{orphan}/stat").read_text()
        except FileNotFoundError:
            return False

    assert done.returncode == -signal.SIGKILL
    until = time.monotonic() + 60
    while lives() and time.monotonic() < until:
        time.sleep(0.05)
    assert not lives()


class Planted:
    """What writes a file when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return os.mkdir, (self.path,)


def planting(pipe: Connection, _memory: int, _seconds: int) -> None:
    """Answer with a pickle that runs something, as a broken decoder may."""
    pipe.send(Planted(pipe.recv_bytes().decode()))


def claiming(pipe: Connection, _memory: int, _seconds: int) -> None:
    """Claim far more pixels than there may be."""
    pipe.recv_bytes()
    pipe.send_bytes(ANSWER.pack(True, 2**31, 2**31, 5, 5, 1.0))


def cutting(pipe: Connection, _memory: int, _seconds: int) -> None:
    """Send fewer pixels than claimed."""
    pipe.recv_bytes()
    pipe.send_bytes(ANSWER.pack(True, 10, 10, 10, 10, 1.0))
    pipe.send_bytes(bytes(7))


def stretching(pipe: Connection, _memory: int, _seconds: int) -> None:
    """Send a size that is no number."""
    pipe.recv_bytes()
    pipe.send_bytes(ANSWER.pack(True, 1, 1, 1, 1, float("nan")))
    pipe.send_bytes(bytes(3))


@pytest.mark.parametrize("answer", [planting, claiming, cutting, stretching])
def test_what_a_broken_decoder_sends_is_no_more_than_pixels(
    answer: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gallery.desk.decoding.serve", answer)
    planted = tmp_path / "planted"
    decoder = PhotoDecoder(60, MEMORY)

    with pytest.raises(UnreadablePhotoError, match=r"x\.png cannot be read: the decoder broke"):
        decoder.decode(str(planted).encode(), "x.png")

    decoder.close()
    assert not planted.exists()


def test_a_machine_without_room_for_a_process_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: object) -> None:
        raise BlockingIOError("no more processes")

    monkeypatch.setattr("multiprocessing.context.SpawnProcess.start", start)

    with pytest.raises(UnreadablePhotoError, match="no process can be started"):
        PhotoDecoder(60, MEMORY).decode(picture(20), "grey.png")
