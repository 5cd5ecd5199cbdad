"""The threshold of a search, where it comes from, and what can be expected of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np

from gallery.client.photos.model_table import MODELS
from gallery.client.searching.release import largest_errors
from gallery.distances import Metric, check_threshold, to_squared
from gallery.errors import ThresholdRequiredError
from gallery.hints import Hint
from gallery.messages import GalleryDescription

_UNRELATED: Final = 2.0
"""Squared distance of orthogonal vectors of norm 1, near which embeddings of strangers lie."""

_FAR_BELOW, _FAR_ABOVE = 0.1, 2.0
"""The ratio to a model's own threshold from which on another one was hardly meant for the model."""

_INEXACT: Final = 0.05
"""Share of a threshold that errors may be where embeddings are scaled by a bound of norms."""

_FAR_BELOW_BOUND: Final = 0.05
"""The same as a share of the bound of norms, for raw embeddings of a model that is not named."""


class ThresholdSource(StrEnum):
    """The source of a threshold.

    ``GIVEN`` with the search, ``CALIBRATED`` on labelled data, ``SET`` for the gallery by its
    owner, or the table's for the face ``MODEL``: with this one alone nobody has looked at the
    gallery.
    """

    GIVEN = "given"
    CALIBRATED = "calibrated"
    SET = "set"
    MODEL = "model"


@dataclass(frozen=True)
class Threshold:
    """A threshold, and where it comes from.

    Attributes
    ----------
    value
        In units of the gallery's metric.
    origin
        Where it comes from, in words.
    source
        The same for programs.
    false_match_rate
        Share of the comparisons of strangers that it accepts, where that was measured, else None.
    calibrated_size
        References of the galleries that it was calibrated on, or None.
    doubt
        Why it can hardly be meant for the gallery, in words; empty where it can.
    """

    value: float
    origin: str
    source: ThresholdSource
    false_match_rate: float | None = None
    calibrated_size: int | None = None
    doubt: str = ""

    @property
    def is_deliberate(self) -> bool:
        """Whether somebody chose it for this gallery or this search."""
        return self.source is not ThresholdSource.MODEL

    def expected_fpir(self, gallery_size: int) -> float | None:
        """Return the share of strangers' searches that match somebody, or None if not known.

        See the function `expected_fpir`; three digits, since more would pretend to know more.
        """
        if self.false_match_rate is None:
            return None
        return float(f"{expected_fpir(self.false_match_rate, gallery_size):.3g}")


def expected_fpir(false_match_rate: float, gallery_size: int) -> float:
    """Return the FPIR to expect of a gallery, ``1 - (1 - FMR)**N``.

    It takes the N comparisons of a search for independent of each other. They are not: a probe that
    is close to one stranger is close to others. So it is rather too high than too low.
    """
    return float(-np.expm1(gallery_size * np.log1p(-min(false_match_rate, 1.0 - 1e-15))))


def find_threshold(description: GalleryDescription, given: float | None = None) -> Threshold:
    """Return the given threshold, else that of the gallery's creation, else its model's.

    Raises
    ------
    ThresholdRequiredError
        If there is none.
    InvalidThresholdError
        If it is not valid for the gallery's metric.
    """
    if given is not None:
        return checked(Threshold(float(given), "given", ThresholdSource.GIVEN), description)
    if description.threshold is not None:
        return checked(
            Threshold(
                description.threshold, "set for the gallery at its creation", ThresholdSource.SET
            ),
            description,
        )
    made_by = description.preprocessing
    if made_by.model in MODELS:
        model, metric = MODELS[made_by.model], description.metric
        return Threshold(
            float(model.thresholds[metric]),
            f"DeepFace's for {made_by.model} and {metric}",
            ThresholdSource.MODEL,
            model.false_match_rates.get((made_by.detector, metric)),
        )
    raise ThresholdRequiredError(
        f"gallery {description.name!r} names no face model, so no table has a threshold for it",
        hint=Hint.GIVE_THRESHOLD,
    )


def checked(threshold: Threshold, description: GalleryDescription) -> Threshold:
    """Return a threshold for a gallery with what makes it doubtful (`InvalidThresholdError`)."""
    value = check_threshold(threshold.value, description.metric, description.norm_bound)
    if threshold.source is ThresholdSource.CALIBRATED:
        return threshold  # what was found on data needs no guess
    return replace(threshold, value=value, doubt=_doubt(value, description))


def _doubt(value: float, description: GalleryDescription) -> str:
    """Return the reason why a threshold can hardly be meant for a gallery, or nothing."""
    metric, bound = description.metric, description.norm_bound
    (error,) = largest_errors(np.array([value]), description).tolist()
    if value < error:
        return (
            f"distances are exact to {error:.1g} there, so that a threshold of {value:g} may miss "
            "even the embeddings that were enrolled"
        )
    model = MODELS.get(description.preprocessing.model)
    if model is not None:
        usual = float(model.thresholds[metric])
        if not _FAR_BELOW * usual <= value <= _FAR_ABOVE * usual:
            which, who = ("below", "nobody") if value < usual else ("above", "everybody")
            return (
                f"a threshold of {value:g} is far {which} DeepFace's for {model.name} and "
                f"{metric}, {usual:g}: nearly {who} may match"
            )
    elif metric is Metric.EUCLIDEAN and value < _FAR_BELOW_BOUND * bound:
        return (
            f"a threshold of {value:g} may let nearly nobody match: {metric} compares raw "
            f"embeddings, in this gallery with norms up to {bound:g}"
        )
    if to_squared(value, metric, bound) >= _UNRELATED:
        return (
            f"a threshold of {value:g} may let nearly everybody match: embeddings that have "
            "nothing in common can be closer"
        )
    if metric is Metric.EUCLIDEAN and error > _INEXACT * value:
        return (
            f"distances are exact to {error:.1g} at a threshold of {value:g}, and people who "
            f"differ by less are taken for equally close: a bound of norms below {bound:g}, if "
            "embeddings keep it, or a parameter set of less noise makes them more exact"
        )
    return ""
