"""The messages between the process that enrolls and those that embed photos for it.

Decoders of pictures are large programs in C, and a photo may be made to break one. A worker's
answer is therefore JSON and numbers, which are checked here, and nothing that would be run.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from gallery import errors
from gallery.client.photos.detection import checked_embedding
from gallery.client.photos.face_model import FaceModel
from gallery.client.photos.faces import EmbeddedFace, FaceBox, FaceOutcome, FaceSelection
from gallery.client.photos.images import Photo
from gallery.client.photos.quality import FaceQuality
from gallery.client.photos.sources import HeldPhoto
from gallery.errors import GalleryError, PhotoError
from gallery.hints import Hint

ANSWER_LIMIT: Final = 64 * 1024**2
"""Bytes of a worker's answer; thousands of faces."""

_QUALITY: Final[dict[str, type[int] | type[float]]] = {
    "face_size": int,
    "face_size_used": int,
    "confidence": float,
    "sharpness": float,
    "grey_levels": int,
    "roll": float,
    "yaw": float,
    "turn": int,
    "rival": int,
}
_OPTIONAL: Final = frozenset({"confidence", "roll", "yaw", "turn", "rival"})


class BadAnswerError(Exception):
    """A worker sent something that is no answer."""


@dataclass(frozen=True)
class WorkerSetup:
    """The setup of a worker: arguments of `PhotoEmbedder`.

    Attributes
    ----------
    model, detector, align, runtime
        As the embedder has them.
    trusted
        The record of trusted weights; None for the one in the user's data folder.
    """

    model: str
    detector: str
    align: bool
    runtime: str | None
    trusted: Path | None


@dataclass(frozen=True, eq=False)
class PhotoTask:
    """One photo to embed.

    Attributes
    ----------
    photo
        A file's path or content, or a picture that was decoded already.
    selection
        Which of its faces are meant; None for all that there are, also for none.
    """

    photo: HeldPhoto | Photo
    selection: FaceSelection | None


def pack_outcome(outcome: FaceOutcome, seconds: float) -> bytes:
    """Return an outcome and the time it took as bytes: JSON, a line feed, and the embeddings."""
    if isinstance(outcome, GalleryError):
        hint = None if outcome.hint is None else outcome.hint.name
        said: dict[str, Any] = {
            "error": type(outcome).__name__,
            "message": outcome.message,
            "hint": hint,
        }
        said["seconds"] = seconds
        return json.dumps(said).encode() + b"\n"
    faces = [
        {"quality": asdict(face.quality), "box": None if face.box is None else asdict(face.box)}
        for face in outcome
    ]
    values = b"".join(face.embedding.astype("<f8").tobytes() for face in outcome)
    return json.dumps({"faces": faces, "seconds": seconds}).encode() + b"\n" + values


def unpack_outcome(data: bytes, model: FaceModel, photo: str) -> tuple[FaceOutcome, float]:
    """Return the outcome that bytes state, and the seconds that it took (`BadAnswerError`).

    Parameters
    ----------
    data
        From `pack_outcome`, by a process that is not trusted.
    model
        The face model.
    photo
        What messages call the photo.
    """
    line, _, values = data.partition(b"\n")
    try:
        said = json.loads(line)
        seconds = float(said["seconds"])
        if "error" in said:
            return _error(said), seconds
        embeddings = np.frombuffer(values, "<f8").reshape(len(said["faces"]), model.dimension)
        faces = tuple(
            EmbeddedFace(checked_embedding(values, model, photo), _quality(face), _box(face))
            for face, values in zip(said["faces"], embeddings, strict=True)
        )
        return faces, seconds
    except (
        ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError, PhotoError
    ) as error:  # fmt: skip
        raise BadAnswerError from error


def _error(said: dict[str, Any]) -> GalleryError:
    kind, message, hint = getattr(errors, said["error"]), said["message"], said["hint"]
    if not (isinstance(kind, type) and issubclass(kind, GalleryError) and isinstance(message, str)):
        raise BadAnswerError
    return kind(message, hint=None if hint is None else Hint[hint])


def _quality(face: dict[str, Any]) -> FaceQuality:
    found = face["quality"]
    for name, kind in _QUALITY.items():
        value = found[name]
        if value is None and name in _OPTIONAL:
            continue
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, kind))
            or not math.isfinite(value)
        ):
            raise BadAnswerError
    return FaceQuality(**found)


def _box(face: dict[str, Any]) -> FaceBox | None:
    found = face["box"]
    if found is None:
        return None
    sides = [found[name] for name in ("left", "top", "width", "height")]
    if not all(isinstance(side, int) and 0 <= side < 2**31 for side in sides):
        raise BadAnswerError
    return FaceBox(*sides)
