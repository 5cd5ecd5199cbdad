"""Folders of people for tests of syncing, and an embedder without a face model.

Photos are files with a name and the first bytes of a JPEG file. Their embeddings follow from their
content, as those of a model do, so that hundreds of them take no time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gallery.client import GalleryClient, PhotoEmbedder
from gallery.client.photos.faces import EmbeddedFace, FaceSelection
from gallery.client.photos.images import Photo
from gallery.client.photos.quality import FaceQuality
from gallery.client.photos.sources import hold
from gallery.errors import UnreadablePhotoError

if TYPE_CHECKING:
    from gallery.client.photos.sources import PhotoSource

JPEG = b"\xff\xd8\xff"
DAMAGED = b" and then it breaks off"
DIMENSION = 8


class ContentEmbedder(PhotoEmbedder):
    """Embeds files by a hash of their content; those that break off are refused.

    Attributes
    ----------
    embedded
        What was embedded, in order.
    before
        Called before each.
    """

    def __init__(self) -> None:
        super().__init__("Dlib", "skip", download=False, jobs=1)
        self.embedded: list[Path] = []
        self.before: Callable[[], object] = lambda: None

    def select(
        self, source: PhotoSource | Photo, selection: FaceSelection = "one"
    ) -> tuple[EmbeddedFace, ...]:
        assert not isinstance(source, Photo)
        held = hold(source)
        photo = Path(held.name)
        self.before()
        with held.opened() as file:
            content = file.read()
        if content.endswith(DAMAGED):
            raise UnreadablePhotoError(f"{photo} is damaged")
        self.embedded.append(photo)
        seed = int.from_bytes(hashlib.sha256(content).digest()[:8], "big")
        values = np.random.default_rng(seed).normal(size=DIMENSION)
        return (EmbeddedFace(values, FaceQuality(100, 100, None, 1.0, 100, None, None), None),)


class PeopleFolder:
    """A folder with one sub-folder a person, as a test changes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()

    def write(self, name: str, content: str, *, damaged: bool = False) -> Path:
        """Write a photo, such as ``Ada/1.jpg``; its content is any word."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(JPEG + content.encode() + (DAMAGED if damaged else b""))
        return path

    def remove(self, name: str) -> None:
        """Remove a photo, and its folder if nothing else is in it."""
        path = self.path / name
        path.unlink()
        if not any(path.parent.iterdir()):
            path.parent.rmdir()

    def move(self, former: str, name: str) -> None:
        """Move a photo or a folder."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (self.path / former).rename(target)


def held(client: GalleryClient) -> list[str]:
    """Return the labels of all references, sorted."""
    return sorted(item.label for item in client.references())
