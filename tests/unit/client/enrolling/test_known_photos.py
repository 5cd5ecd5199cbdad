"""Photos that are enrolled already, told by their files alone."""

from __future__ import annotations

import pytest

from gallery.client import GalleryClient
from gallery.errors import InvalidLabelError
from tests.support.galleries import random_embeddings


def test_a_photo_is_known_under_its_label_alone(client: GalleryClient) -> None:
    first, second = b"1" * 32, b"2" * 32
    assert client.photos_enrolled([first], ["Ada"]) == (False,)
    client.enroll(random_embeddings(1, 8), ["Ada"], digests=[first])

    known = client.photos_enrolled([first, second, first, first], [" Ada ", "Ada", "Eve", "Ada"])

    assert known == (True, False, False, True)
    assert client.photos_enrolled([], []) == ()
    with pytest.raises(InvalidLabelError):
        client.photos_enrolled([first], [""])
