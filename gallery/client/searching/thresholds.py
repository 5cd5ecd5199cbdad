"""Where the threshold of a search comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gallery.client.photos.models import MODELS
from gallery.errors import ThresholdRequiredError
from gallery.messages import GalleryDescription


@dataclass(frozen=True)
class Threshold:
    """A threshold in units of the gallery's metric, and where it comes from."""

    value: float
    origin: str


def find_threshold(description: GalleryDescription, given: float | None = None) -> Threshold:
    """Return the given threshold, else the gallery's own, else DeepFace's for its model.

    Raises
    ------
    ThresholdRequiredError
        If there is none, or the given one is not a number of at least 0.
    """
    if given is not None:
        if not (math.isfinite(given) and given >= 0.0):
            raise ThresholdRequiredError("a threshold must be a number of at least 0")
        return Threshold(float(given), "given")
    if description.threshold is not None:
        return Threshold(description.threshold, "set for the gallery at its creation")
    model = description.preprocessing.model
    if model in MODELS:
        value = MODELS[model].thresholds[description.metric]
        return Threshold(float(value), f"DeepFace's for {model} and {description.metric}")
    raise ThresholdRequiredError(
        f"gallery {description.name!r} names no face model, so no table has a threshold for it; "
        "give one with --threshold, or set one with gallery init --threshold"
    )
