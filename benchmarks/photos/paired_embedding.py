"""Photos embedded twice, in turn: by DeepFace's own calls, and as this program does it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gallery.arrays import Floats
from gallery.client import PhotoEmbedder
from gallery.client.photos.images import open_photo

MODEL = "Dlib"


@dataclass(frozen=True, eq=False)
class PairedEmbeddings:
    """What came of it.

    Attributes
    ----------
    before, after
        Embeddings of either kind, shape (photos, 128).
    before_seconds, after_seconds
        Processor time of each photo, shape (photos,).
    before_wall
        Seconds that DeepFace's own calls took by the clock, in one process.
    """

    before: Floats
    after: Floats
    before_seconds: Floats
    after_seconds: Floats
    before_wall: float

    def ratios(self, parts: int) -> list[float]:
        """Return how many times less processor time is taken, for parts of the photos."""
        return [
            float(one.sum() / other.sum())
            for one, other in zip(
                np.array_split(self.before_seconds, parts),
                np.array_split(self.after_seconds, parts),
                strict=True,
            )
        ]

    def change_of_distances(self, threshold: float) -> tuple[float, int, int]:
        """Return largest change of a cosine distance, decisions that change, and comparisons."""
        pairs = np.triu_indices(len(self.before), 1)
        before, after = (_cosine(values)[pairs] for values in (self.before, self.after))
        changed = int(((before <= threshold) != (after <= threshold)).sum())
        return float(np.abs(before - after).max(initial=0.0)), changed, len(before)


def embed_in_turn(paths: Sequence[Path], progress: Callable[[int], None]) -> PairedEmbeddings:
    """Embed photos that show one face each."""
    embedder = PhotoEmbedder(MODEL, download=False, jobs=1)
    embedder.prepare()
    embedder.embed(paths[0])
    before, after = list[Floats](), list[Floats]()
    seconds, wall = list[tuple[float, float]](), 0.0
    for path in paths:
        started, clock = time.process_time(), time.perf_counter()
        with _deepface_alone() as deepface:
            pixels = open_photo(path).pixels
            (face,) = deepface.represent(pixels, model_name=MODEL, detector_backend="dlib")
        wall += time.perf_counter() - clock
        middle = time.process_time()
        after.append(embedder.embed(path))
        seconds.append((middle - started, time.process_time() - middle))
        before.append(np.array(face["embedding"]))
        progress(1)
    first, second = np.array(seconds).T
    return PairedEmbeddings(np.stack(before), np.stack(after), first, second, wall)


@contextmanager
def _deepface_alone() -> Iterator[Any]:
    """Give DeepFace with the detector that it has without this program."""
    from deepface import DeepFace

    client = DeepFace.build_model("dlib", task="face_detector")
    quick = client.model["face_detector"]
    client.model["face_detector"] = quick.original
    try:
        yield DeepFace
    finally:
        client.model["face_detector"] = quick


def _cosine(values: Floats) -> Floats:
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    distances: Floats = 1.0 - unit @ unit.T
    return distances
