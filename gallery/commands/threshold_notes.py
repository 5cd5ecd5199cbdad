"""The notes on a threshold: its calibration, the expected false matches, and doubts about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from gallery.client import Threshold

_NOTABLE: Final = 0.02
"""Expected share of false alarms of a calibrated threshold from which on it is told."""


def notes_on_search(threshold: Threshold, searched: int) -> Iterator[str]:
    """Yield the notes on a search that compared with so many references."""
    if searched:
        yield from notes_on(threshold, searched)
    else:
        yield "note: the gallery is empty, so that nobody matches; gallery enroll fills it"
        if threshold.doubt:
            yield f"warning: {threshold.doubt}"


def notes_on(threshold: Threshold, references: int) -> Iterator[str]:
    """Yield the notes on the results of a threshold, among so many references."""
    expected = threshold.expected_fpir(references)
    if not threshold.is_deliberate:
        yield (
            "note: the threshold was never calibrated for this gallery: "
            f"{_false_alarms(expected, references)}; find one on your own data with gallery "
            "calibrate, or set one with gallery threshold set"
        )
    elif expected is not None and expected > _NOTABLE and _has_grown(threshold, references):
        yield (
            f"note: the gallery is larger than those that the threshold was calibrated on: expect "
            f"about {expected:.1%} of strangers to match somebody among {references:,} references"
        )
    if threshold.doubt:
        yield f"warning: {threshold.doubt}"


def _false_alarms(expected: float | None, references: int) -> str:
    """Return the share of strangers who match somebody, as far as it is known, in words."""
    if references == 0:
        return "how many strangers match somebody grows with the gallery"
    if expected is None:
        return "how many strangers match somebody is not known, and grows with the gallery"
    return (
        f"expect about {expected:.1%} of strangers to match somebody among {references:,} "
        "references, as measured on photos taken in one studio"
    )


def _has_grown(threshold: Threshold, references: int) -> bool:
    size = threshold.calibrated_size
    return size is not None and references > 2 * size


def threshold_record(threshold: Threshold | None, references: int) -> dict[str, Any]:
    """Return a threshold ready for JSON; without one all fields are there and empty."""
    if threshold is None:
        names = ("threshold", "threshold_origin", "origin", "expected_fpir")
        return dict.fromkeys(names)
    return {
        "threshold": threshold.value,
        "threshold_origin": str(threshold.source),
        "origin": threshold.origin,
        "expected_fpir": threshold.expected_fpir(references),
    }
