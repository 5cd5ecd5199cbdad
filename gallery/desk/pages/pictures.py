"""Results as the pages show them: pictures with frames, verdicts, and the scale of a distance."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gallery.client.photos.faces import FaceBox
from gallery.client.photos.images import Photo
from gallery.desk.identifying import Candidate, FaceDecision, PhotoDecisions
from gallery.desk.poor_photos import poor_words
from gallery.desk.texts import Texts

_LEFT, _RIGHT = 2.0, 198.0
_UNITS = 160
"""Parts of a picture's longer side; frames and names are as thick and large as some of them."""


@dataclass(frozen=True)
class Scale:
    """A distance on a line from 0 to twice the threshold; places are in the picture's units."""

    distance: float
    threshold: float
    distance_at: float
    threshold_at: float
    is_match: bool


@dataclass(frozen=True)
class ShownFace:
    """A face as a page shows it."""

    kind: str
    verdict: str
    title: str
    label: str | None
    ambiguous: bool
    attributes: Mapping[str, str]
    box: FaceBox | None
    scale: Scale | None
    candidates: tuple[Candidate, ...]
    poor: str


@dataclass(frozen=True)
class ShownPhoto:
    """A photo as a page shows it: with its size, and the picture as a data URL or None."""

    name: str
    failure: str | None
    width: int
    height: int
    unit: float
    picture: str | None
    faces: tuple[ShownFace, ...]


def shown(decisions: PhotoDecisions, t: Texts, *, with_picture: bool = True) -> ShownPhoto:
    """Return a photo and the decisions on its faces as a page shows them."""
    photo = decisions.photo.photo
    width, height = photo.size if photo else (0, 0)
    return ShownPhoto(
        decisions.photo.name,
        decisions.photo.failure,
        width,
        height,
        round(max(width, height) / _UNITS, 2),
        _data_url(photo) if photo and with_picture else None,
        tuple(_face(item, t) for item in decisions.decisions),
    )


def _face(decision: FaceDecision, t: Texts) -> ShownFace:
    verdict = "match" if decision.is_match else "nonmatch"
    if decision.is_expired:
        verdict = "expired"
    elif decision.is_match and decision.ambiguous:
        verdict = "ambiguous"
    closest = decision.candidates[0].label if decision.is_expired else decision.label
    return ShownFace(
        verdict,
        verdict,
        closest or t("result.nonmatch"),
        closest,
        verdict == "ambiguous",
        decision.attributes,
        decision.box,
        None if decision.distance is None else _scale(decision.distance, decision),
        decision.candidates,
        "" if decision.quality is None else poor_words(decision.quality, t),
    )


def _scale(distance: float, decision: FaceDecision) -> Scale:
    threshold = decision.threshold
    longest = 2 * threshold if threshold > 0 else max(distance, 1.0)

    def at(value: float) -> float:
        return round(_LEFT + (_RIGHT - _LEFT) * min(value / longest, 1.0), 1)

    return Scale(distance, threshold, at(distance), at(threshold), decision.is_match)


def _data_url(photo: Photo) -> str:
    """Return the decoded photo as a JPEG: what the model saw, and nothing of the file's own."""
    from PIL import Image

    written = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(photo.pixels[:, :, ::-1])).save(
        written, "JPEG", quality=88
    )
    return jpeg_url(written.getvalue())


def jpeg_url(picture: bytes) -> str:
    """Return a JPEG as a data URL."""
    return "data:image/jpeg;base64," + base64.b64encode(picture).decode("ascii")
