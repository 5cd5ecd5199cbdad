"""The picture of a calibration: both error rates against the threshold, as an SVG's numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gallery.arrays import Floats
from gallery.desk.measuring import FoundThreshold

_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 590.0, 12.0, 216.0
_TICKS = 5
_ROWS = 9


@dataclass(frozen=True)
class Tick:
    """A number beside an axis, and where it is."""

    at: float
    text: str


@dataclass(frozen=True)
class RateRow:
    """The error rates at one threshold, in words."""

    threshold: str
    fpir: str
    fnir: str


@dataclass(frozen=True)
class CurvePicture:
    """The places of lines in a picture of 600 by 250 units.

    Attributes
    ----------
    fpir, fnir
        Points of the two lines, as SVG has them.
    threshold_at
        Where the threshold that was found is.
    across, up
        Ticks of the axes.
    rows
        Some of the same numbers, for a table.
    """

    fpir: str
    fnir: str
    threshold_at: float
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    rows: tuple[RateRow, ...]


def picture_of(found: FoundThreshold) -> CurvePicture:
    """Return the picture of a threshold on its curve."""
    curve, threshold = found.curve, found.proposal.threshold
    finite = np.isfinite(curve.thresholds)
    at = curve.thresholds[finite]
    fpir, fnir = curve.false_positive[finite], curve.false_negative[finite]
    longest = max(float(at[-1]), threshold, 1e-9)
    places = np.unique(np.linspace(0, len(at) - 1, min(_ROWS, len(at))).astype(int))
    return CurvePicture(
        _line(at, fpir, longest),
        _line(at, fnir, longest),
        _across(threshold, longest),
        tuple(
            Tick(_across(value, longest), f"{value:.{3 if longest < 10 else 1}f}")
            for value in _ticks(longest)
        ),
        tuple(Tick(_up(value), f"{value:g}") for value in (0.0, 0.25, 0.5, 0.75, 1.0)),
        tuple(
            RateRow(f"{at[place]:.4f}", f"{fpir[place]:.4f}", f"{fnir[place]:.4f}")
            for place in places
        ),
    )


def _line(at: Floats, rates: Floats, longest: float) -> str:
    """Return the corners of a line that steps where a rate changes."""
    points, before = [], None
    for threshold, rate in zip(at.tolist(), rates.tolist(), strict=True):
        x, y = _across(threshold, longest), _up(rate)
        if before is not None:
            points.append(f"{x:.1f},{before:.1f}")
        points.append(f"{x:.1f},{y:.1f}")
        before = y
    return " ".join(points)


def _across(threshold: float, longest: float) -> float:
    return round(_LEFT + (_RIGHT - _LEFT) * min(max(threshold, 0.0) / longest, 1.0), 1)


def _up(rate: float) -> float:
    return round(_BOTTOM - (_BOTTOM - _TOP) * rate, 1)


def _ticks(longest: float) -> Floats:
    return np.linspace(0.0, longest, _TICKS)
