"""The process that decodes photos: limits of time and memory, and what remains after a break."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from PIL import Image

from gallery.desk.decoding import PhotoDecoder
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
