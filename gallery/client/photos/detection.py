"""The detection of faces by DeepFace, in a photo that may lie on its side."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gallery.arrays import Floats
from gallery.client.photos.deepface_runtime import quiet, short
from gallery.client.photos.detectors import WHOLE_PHOTO
from gallery.client.photos.face_model import FaceModel
from gallery.client.photos.faces import EmbeddedFace, FaceBox
from gallery.client.photos.images import Photo
from gallery.client.photos.quality import measure
from gallery.errors import PhotoError
from gallery.messages import Preprocessing


class FaceFinder:
    """Finds the faces of photos, and embeds them.

    Parameters
    ----------
    deepface
        DeepFace's module, with model and detector loaded.
    model
        The face model.
    preprocessing
        What is done with a photo before it is embedded.
    """

    def __init__(self, deepface: Any, model: FaceModel, preprocessing: Preprocessing) -> None:
        self._deepface, self._model, self._preprocessing = deepface, model, preprocessing
        self._detects = preprocessing.detector != WHOLE_PHOTO

    def faces(self, photo: Photo) -> tuple[EmbeddedFace, ...]:
        """Return the faces of a photo, left to right (`PhotoError` where DeepFace fails)."""
        found = [self._embedded(photo, face) for face in self._represent(photo.name, photo.pixels)]
        return tuple(sorted(found, key=_place))

    def turn_with_face(self, photo: Photo, least: float) -> int | None:
        """Return by how many degrees clockwise a photo is to be turned to show its largest face.

        None if that has fewer than `least` pixels of the photo as it is embedded, or no detector
        looks for faces. Detectors that look for upright faces find small things, or none, in a
        photo that lies on its side.
        """
        if not self._detects:
            return None
        largest = {
            turn: self._largest_side(
                photo.name, np.ascontiguousarray(np.rot90(photo.pixels, -turn // 90))
            )
            for turn in (90, 270, 180)
        }
        best = max(largest, key=lambda turn: largest[turn])
        return best if largest[best] >= least else None

    def _largest_side(self, name: str, pixels: npt.NDArray[np.uint8]) -> int:
        try:
            return max(map(_shorter_side, self._represent(name, pixels)), default=0)
        except PhotoError:  # what fails for a turned photo says nothing of the photo
            return 0

    def _represent(self, name: str, pixels: npt.NDArray[np.uint8]) -> list[dict[str, Any]]:
        try:
            with quiet():
                faces: list[dict[str, Any]] = self._deepface.represent(
                    pixels,
                    model_name=self._model.name,
                    detector_backend=self._preprocessing.detector,
                    align=self._preprocessing.align,
                    normalization=self._preprocessing.normalization,
                    enforce_detection=True,
                )
        # DeepFace raises ValueError and what its detectors and runtimes raise.
        except Exception as error:
            if type(error).__name__ == "FaceNotDetected":
                return []
            raise PhotoError(f"DeepFace failed on {name} ({short(error)})") from error
        return faces

    def _embedded(self, photo: Photo, face: dict[str, Any]) -> EmbeddedFace:
        area = face["facial_area"] if self._detects else None
        quality = measure(
            photo.pixels,
            area,
            float(face["face_confidence"]) if self._detects else None,
            photo.reduction,
        )
        box = None
        if area is not None:
            found = FaceBox(*(int(area[name]) for name in ("x", "y", "w", "h")))
            box = found.scaled(photo.reduction, photo.size)
        embedding = checked_embedding(face["embedding"], self._model, photo.name)
        return EmbeddedFace(embedding, quality, box)


def checked_embedding(values: object, model: FaceModel, photo: str) -> Floats:
    """Return DeepFace's embedding of a photo, checked, as float64 of shape (dimension,).

    Raises
    ------
    PhotoError
        It has another shape, or is zero or not finite.
    """
    embedding = np.asarray(values, dtype=np.float64)
    if embedding.shape != (model.dimension,):
        raise PhotoError(
            f"DeepFace gave values of shape {embedding.shape} for {photo}, where the model"
            f" {model.name} has {model.dimension}"
        )
    if not np.isfinite(embedding).all() or not embedding.any():
        raise PhotoError(f"DeepFace gave no finite, non-zero embedding for {photo}")
    return embedding


def _place(face: EmbeddedFace) -> tuple[int, int]:
    return (0, 0) if face.box is None else (face.box.left, face.box.top)


def _shorter_side(face: dict[str, Any]) -> int:
    area = face["facial_area"]
    return min(int(area["w"]), int(area["h"]))
