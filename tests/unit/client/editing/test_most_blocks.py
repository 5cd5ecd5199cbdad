"""A gallery has no more blocks than its manifest can name: the next one is refused."""

from __future__ import annotations

import pytest

from gallery.ciphertexts.blocks import capacity
from gallery.client import GalleryClient, GalleryKey
from gallery.errors import GalleryError
from gallery.parameters import LIGHT
from gallery.server import EmbeddedService
from tests.support.galleries import names, random_embeddings


def test_a_block_beyond_the_last_is_not_written(
    service: EmbeddedService, key: GalleryKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gallery.client.editing.block_editor.MAX_BLOCKS", 1)
    count = capacity(LIGHT)
    with GalleryClient.create(service, key, dimension=1, parameters=LIGHT) as client:
        embeddings = random_embeddings(count + 1, 1)
        client.enroll(embeddings[:count], names(count))

        with pytest.raises(GalleryError, match="at most 1 blocks; enroll into another gallery"):
            client.enroll(embeddings[count:], ["one too many"])

        assert client.summary().references == count
