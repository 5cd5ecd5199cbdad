"""Finding a threshold for a wanted FPIR, and what a larger gallery makes of it."""

from __future__ import annotations

import numpy as np
import pytest

from gallery.accuracy.calibration import Proposal, propose
from gallery.accuracy.datasets import LabelledSet, SetKind
from gallery.distances import Metric
from gallery.errors import DimensionMismatchError, ModelMismatchError, SourceError
from gallery.messages import Preprocessing
from tests.support.builders import description
from tests.support.progress_bars import no_bar

PEOPLE, DIMENSION = 60, 8
GALLERY = description(dimension=DIMENSION, preprocessing=Preprocessing("Dlib"))


def faces(model: str = "Dlib", scale: float = 1.0) -> LabelledSet:
    """Two samples each of some people."""
    generator = np.random.default_rng(0)
    subjects = np.repeat(np.arange(PEOPLE), 2)
    embeddings = generator.normal(size=(PEOPLE, DIMENSION))[subjects]
    embeddings += 0.2 * generator.normal(size=embeddings.shape)
    return LabelledSet(
        "faces.npz", SetKind.EMBEDDINGS, scale * embeddings, subjects, Preprocessing(model)
    )


def proposed(size: int = 30, fpir: float = 0.05, gallery=GALLERY, given=None) -> Proposal:
    return propose(
        given or faces(), gallery, fpir=fpir, actual_size=size, folds=2, seed=0, progress=no_bar
    )


def test_the_threshold_keeps_the_wanted_rate_and_is_cut_to_four_decimals() -> None:
    found = proposed()

    assert found.fpir <= 0.05
    assert round(found.threshold, 4) == found.threshold > 0.0
    assert (found.mated, found.non_mated, found.gallery_size) == (60, 120, 30)
    assert found.comparisons == 60 * 29 + 120 * 30
    assert "rests on 6 false positives;" in found.note


def test_a_stricter_rate_costs_more_misses() -> None:
    strict, loose = proposed(fpir=0.01), proposed(fpir=0.3)

    assert strict.threshold < loose.threshold
    assert strict.fnir > loose.fnir


def test_a_larger_gallery_makes_chance_matches_likelier_and_there_is_advice() -> None:
    same, larger = proposed(30), proposed(3000)

    assert same.advice is None
    assert larger.threshold == same.threshold
    assert larger.expected == pytest.approx(1 - (1 - larger.false_match_rate) ** 3000)
    assert larger.expected is not None and larger.wanted is not None
    assert larger.expected > 2 * larger.wanted
    assert larger.advice == pytest.approx(1 - (1 - 0.05) ** (30 / 3000))


def test_an_empty_gallery_has_nothing_to_expect() -> None:
    assert proposed(0).expected is None
    assert proposed(0).advice is None


def test_where_no_comparison_is_accepted_the_rule_of_three_bounds_their_rate() -> None:
    # The nearest strangers all are equally far, so that no threshold lets one of them through.
    subjects = np.repeat(np.arange(4), 2)
    embeddings = np.eye(DIMENSION)[subjects]
    embeddings[1::2] = np.eye(DIMENSION)[subjects[1::2] + 4]
    apart = LabelledSet("f.npz", SetKind.EMBEDDINGS, embeddings, subjects, Preprocessing())

    found = proposed(fpir=0.2, given=apart)

    assert found.fpir == 0.0
    assert found.false_match_rate == pytest.approx(3 / found.comparisons)


@pytest.mark.parametrize("metric", Metric)
def test_thresholds_are_in_units_of_the_gallerys_metric(metric: Metric) -> None:
    bound = 16.0 if metric is Metric.EUCLIDEAN else 1.0
    gallery = description(dimension=DIMENSION, metric=metric, norm_bound=bound)
    once = proposed(gallery=gallery, given=faces())
    twice = proposed(gallery=gallery, given=faces(scale=2.0))

    factor = 2.0 if metric is Metric.EUCLIDEAN else 1.0
    assert twice.threshold == pytest.approx(factor * once.threshold, abs=2e-4)


def test_a_set_that_is_too_small_for_the_rate_is_refused() -> None:
    with pytest.raises(
        SourceError, match=r"FPIR of 0\.001 needs at least 1,000.*; take photos of more people"
    ):
        proposed(fpir=0.001)


def test_embeddings_of_another_model_or_dimension_are_refused() -> None:
    with pytest.raises(ModelMismatchError, match="'Facenet' say nothing about gallery 'staff'"):
        proposed(given=faces("Facenet"))
    with pytest.raises(DimensionMismatchError):
        proposed(gallery=description(dimension=DIMENSION + 1, preprocessing=Preprocessing("Dlib")))
