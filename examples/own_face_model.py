"""A model that DeepFace does not have: its embeddings, under its name, in a gallery of their own.

The model here counts the directions of edges in a picture. It tells patterns apart, not faces: put
yours in its place. What matters is that a gallery keeps the name of what made its embeddings, and
refuses those of anything else. Run it with an empty folder to keep the files:

    python examples/own_face_model.py [FOLDER]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gallery.client import GalleryClient, GalleryKey, Preprocessing
from gallery.errors import ModelMismatchError
from gallery.server import open_service

Picture = npt.NDArray[np.float64]


class EdgeModel:
    """Embeds a grey picture: for each of 4 x 4 fields, how strong its edges are in 8 directions."""

    dimension = 128
    # All that changes the embeddings: model, cropping, alignment, scaling, size of the picture.
    # A new version of the model is another name, since its embeddings do not compare with the old.
    preprocessing = Preprocessing("edges-v1", "none", normalization="none", longest_side=64)

    def embed(self, picture: Picture) -> npt.NDArray[np.float64]:
        """Return the embedding of a picture of 64 x 64 pixels: float64, shape (128,)."""
        down, right = np.gradient(picture)
        strength = np.hypot(down, right)
        direction = ((np.arctan2(down, right) / np.pi + 1.0) * 4.0).astype(int) % 8
        field = np.arange(64) // 16
        bins = (4 * field[:, None] + field) * 8 + direction
        counts = np.bincount(bins.ravel(), strength.ravel(), minlength=self.dimension)
        return counts.astype(np.float64)


def picture_of(subject: int, taken: int) -> Picture:
    """Return a picture: waves that belong to the subject, and noise that belongs to the moment."""
    waves = np.random.default_rng(subject).normal(size=(3, 3))
    down, right = np.mgrid[0:64, 0:64] / 64.0
    clean = sum(np.sin(9.0 * (a * down + b * right) + 9.0 * c) for a, b, c in waves)
    return np.asarray(clean + np.random.default_rng((subject, taken)).normal(0.0, 0.05, (64, 64)))


def main(folder: Path) -> None:
    """Enroll pictures with a model of one's own, and search with others."""
    model, people = EdgeModel(), range(8)
    with (
        open_service(f"sqlite:///{folder / 'gallery.db'}", create=True) as service,
        GalleryClient.create(
            service,
            GalleryKey.generate(),
            dimension=model.dimension,
            preprocessing=model.preprocessing,
            threshold=0.05,  # found on pictures like these; no table has one for your model either
        ) as client,
    ):
        enrolled = [model.embed(picture_of(subject, taken=0)) for subject in people]
        name = model.preprocessing.model
        client.enroll(enrolled, [f"pattern {subject}" for subject in people], model=name)
        for subject in (2, 5, 99):
            found = client.identify(model.embed(picture_of(subject, taken=1)), model=name)
            label = found.labels[0, 0] if found.decisions[0] else "non-match"
            print(f"picture of pattern {subject}: {label}")
        try:
            client.identify(enrolled[0], model="edges-v2")
        except ModelMismatchError as error:
            print(f"refused: {error}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
