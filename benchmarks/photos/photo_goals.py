"""The goals for photos of 1,024 pixels on two cores, with the model Dlib and its detector."""

from __future__ import annotations

from benchmarks.photos.paired_embedding import PairedEmbeddings
from benchmarks.shared.goals import Goal, GoalOutcome
from benchmarks.shared.timing import Spread

PARTS = 5
"""Parts of the photos, for the spread of ratios."""


def check_goals(pairs: PairedEmbeddings, rates: list[float], threshold: float) -> list[GoalOutcome]:
    """Hold a run to its goals; rates are of whole commands, photos a second."""
    before = len(pairs.before_seconds) / pairs.before_wall
    largest = float(abs(pairs.before - pairs.after).max())
    _, changed, _ = pairs.change_of_distances(threshold)
    return [
        GoalOutcome(Goal("enrollment", 8.0, "at least", "photos a second"), Spread.of(rates)),
        GoalOutcome(
            Goal("its rate, to that of DeepFace's own calls in one process", 4.0, "at least"),
            Spread.of([rate / before for rate in rates]),
        ),
        GoalOutcome(
            Goal("difference of a value of an embedding", 1e-5, "at most", ""),
            Spread.of([largest]),
        ),
        GoalOutcome(Goal("decisions that change", 0, "at most", ""), Spread.of([changed])),
    ]
