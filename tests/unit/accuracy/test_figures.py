"""Figures that were reported when all comparisons were kept and sorted: they are still the same."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gallery.accuracy.calibration import propose
from gallery.accuracy.comparisons import PlainComparison, norm_bound
from gallery.accuracy.datasets import LabelledSet, SetKind
from gallery.accuracy.distance_counts import SMALLEST
from gallery.accuracy.evaluation import Options, evaluate
from gallery.accuracy.fold_searches import FoldSearches
from gallery.accuracy.intervals import Estimate
from gallery.accuracy.open_set import Accuracy, measure
from gallery.accuracy.outcomes import Outcomes, OutcomesTally
from gallery.accuracy.splits import split
from gallery.accuracy.subject_groups import SubjectTally
from gallery.distances import Metric
from gallery.messages import GalleryDescription, Preprocessing
from tests.support.builders import description
from tests.support.progress_bars import no_bar

FIGURES = json.loads(
    (Path(__file__).parents[2] / "assets" / "evaluation" / "figures.json").read_text("utf-8")
)
RATES, SEED = (0.01, 0.02, 0.1), 3


@dataclass(frozen=True, eq=False)
class Case:
    """A labelled set, and how it was evaluated."""

    name: str
    metric: Metric
    folds: int
    rank: int

    @property
    def labelled(self) -> LabelledSet:
        if self.name == "hard":
            generator = np.random.default_rng(2)
            subjects, dimension, spread = np.repeat(np.arange(60), 3), 8, 0.45
        else:
            generator = np.random.default_rng(7 if self.name == "raw" else 5)
            counts = np.minimum(generator.geometric(0.45, size=90), 9)
            counts[0] = 12
            subjects, dimension, spread = np.repeat(np.arange(90), counts), 16, 0.6
        embeddings = generator.normal(size=(subjects.max() + 1, dimension))[subjects]
        embeddings += spread * generator.normal(size=embeddings.shape)
        return LabelledSet("f.npz", SetKind.EMBEDDINGS, embeddings, subjects, Preprocessing())

    @property
    def gallery(self) -> GalleryDescription:
        labelled = self.labelled
        bound = norm_bound(labelled) if self.metric is Metric.EUCLIDEAN else 1.0
        return description(
            dimension=labelled.dimension,
            metric=self.metric,
            norm_bound=bound,
            preprocessing=Preprocessing(),
        )


CASES = [
    Case("hard", Metric.COSINE, folds=3, rank=1),
    Case("uneven", Metric.EUCLIDEAN_L2, folds=5, rank=2),
    Case("raw", Metric.EUCLIDEAN, folds=2, rank=1),
]
by_name = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@cache
def measured(case: Case, kept: int) -> tuple[Outcomes, Accuracy]:
    """Measure accuracy in clear; of the comparisons, so many are kept as they are."""
    labelled = case.labelled
    folds = split(labelled.subjects, case.folds, SEED)
    searches = FoldSearches(folds, labelled.subjects)
    comparison = PlainComparison(labelled.embeddings, searches.references, case.gallery)
    mates = np.concatenate([comparison.mate_distances(fold) for fold in folds])
    tally = OutcomesTally(comparison.largest, kept)
    groups = SubjectTally(labelled.subject_count, comparison.largest, mates, kept)
    for start in range(0, len(labelled.embeddings), 16):
        some = slice(start, min(start + 16, len(labelled.embeddings)))
        distances = comparison.distances(some)
        for part in searches.among(some):
            tally.add(part.of(distances), part.mates, part.subjects)
            groups.add(part.of(distances), part.mates, part.subjects)
    outcomes = tally.result()
    accuracy = measure(
        outcomes,
        groups.result(outcomes.mate_distances, outcomes.mated_subjects),
        gallery_size=min(len(fold.references) for fold in folds),
        rank=case.rank,
        rates=RATES,
        subjects=labelled.subject_count,
        seed=SEED,
    )
    return outcomes, accuracy


def numbers(estimate: Estimate) -> list[float | None]:
    return [estimate.value, estimate.low, estimate.high]


def searches_of(found: Accuracy) -> dict[str, Any]:
    return {
        "cmc": [numbers(item) for item in found.cmc[:5]],
        "fnir": {str(rate): numbers(item) for rate, item in found.fnir.items()},
        "threshold": {str(rate): numbers(item) for rate, item in found.threshold.items()},
    }


def same(found: Any, expected: Any, tolerance: float) -> None:
    """Check numbers, however deep they lie in lists and mappings."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        found, expected = list(found.values()), list(expected.values())
    if isinstance(expected, list):
        for one, other in zip(found, expected, strict=True):
            same(one, other, tolerance)
    else:
        assert found == pytest.approx(expected, abs=tolerance)


@by_name
@pytest.mark.parametrize("kept", [SMALLEST, 300])
def test_searches_have_the_same_figures(case: Case, kept: int) -> None:
    outcomes, found = measured(case, kept)
    expected = FIGURES[case.name]

    assert len(outcomes.mate_ranks) == expected["mated"]
    assert len(outcomes.nearest) == expected["non_mated"]
    assert len(outcomes.others) == expected["others"]
    same(searches_of(found), {name: expected[name] for name in searches_of(found)}, 1e-12)


@by_name
def test_comparisons_have_the_same_figures(case: Case) -> None:
    _, found = measured(case, SMALLEST)
    expected = FIGURES[case.name]

    assert found.auc.value == pytest.approx(expected["auc"][0], abs=1e-12)
    assert found.eer.value == pytest.approx(expected["eer"][0], abs=1e-12)
    assert found.eer_threshold == pytest.approx(expected["eer_threshold"], abs=1e-12)
    # Distances that are equal but for their last bits are at both sides of an edge of a group.
    same(numbers(found.auc), expected["auc"], 1e-5)
    same(numbers(found.eer), expected["eer"], 1e-5)


@by_name
def test_on_a_grid_comparisons_have_figures_as_close_as_its_cells(case: Case) -> None:
    _, found = measured(case, 300)
    expected = FIGURES[case.name]

    assert found.auc.value == pytest.approx(expected["auc"][0], abs=1e-6)
    assert found.eer.value == pytest.approx(expected["eer"][0], abs=1e-6)
    assert found.eer_threshold == pytest.approx(expected["eer_threshold"], abs=3e-5)
    # Other groups, by other edges, have other sums; a thousand of them hide nothing.
    same(numbers(found.auc), expected["auc"], 1e-4)
    same(numbers(found.eer), expected["eer"], 1e-3)


@by_name
def test_a_calibration_proposes_the_same(case: Case) -> None:
    found = propose(
        case.labelled,
        case.gallery,
        fpir=0.02,
        actual_size=1000,
        folds=case.folds,
        seed=SEED,
        progress=no_bar,
    )

    expected = FIGURES[case.name]["proposal"]
    assert {name: getattr(found, name) for name in expected} == pytest.approx(expected, abs=1e-12)


@by_name
def test_the_engine_has_them_too_but_for_its_errors(case: Case) -> None:
    options = Options(metric=case.metric, folds=case.folds, seed=SEED, fpirs=RATES, rank=case.rank)
    found, expected = evaluate(case.labelled, options, no_bar), FIGURES[case.name]

    bound = found.parity.error_bound
    assert found.parity.comparisons == expected["others"] + expected["mated"]
    assert found.parity.beyond_bound == found.parity.decisions_unexplained == 0
    found_searches = searches_of(found.accuracy)
    same(found_searches["threshold"], expected["threshold"], 2 * bound)
    # Errors may exchange two neighbours here and there.
    same(found_searches["fnir"], expected["fnir"], 0.02)
    same(found_searches["cmc"], expected["cmc"], 0.02)
    assert found.accuracy.auc.value == pytest.approx(expected["auc"][0], abs=1e-5)
    assert found.accuracy.eer.value == pytest.approx(expected["eer"][0], abs=0.005)
