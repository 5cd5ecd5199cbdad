"""Origins of a threshold: a given one, else the gallery's own, else the model's."""

from __future__ import annotations

import math

import pytest

from gallery.client.photos.model_table import MODELS
from gallery.client.searching.thresholds import (
    Threshold,
    ThresholdSource,
    expected_fpir,
    find_threshold,
)
from gallery.distances import Metric
from gallery.errors import InvalidThresholdError, ThresholdRequiredError
from gallery.messages import Preprocessing
from tests.support.builders import description


def gallery(
    model: str,
    metric: Metric = Metric.COSINE,
    threshold: float | None = None,
    *,
    detector: str = "",
    norm_bound: float = 64.0,
    parameters: str = "standard",
):
    return description(
        parameters=parameters,
        name="staff",
        preprocessing=Preprocessing(model, detector),
        metric=metric,
        threshold=threshold,
        norm_bound=norm_bound if metric is Metric.EUCLIDEAN else 1.0,
    )


def test_a_given_threshold_comes_first() -> None:
    found = find_threshold(gallery("Facenet", threshold=0.2), 0.3)

    assert found == Threshold(0.3, "given", ThresholdSource.GIVEN)


def test_the_gallerys_own_threshold_comes_before_the_models() -> None:
    found = find_threshold(gallery("Facenet", threshold=0.2))

    assert found == Threshold(0.2, "set for the gallery at its creation", ThresholdSource.SET)


@pytest.mark.parametrize("given", [0.0, None])
def test_zero_is_a_threshold_and_not_the_lack_of_one(given: float | None) -> None:
    assert find_threshold(gallery("Dlib", threshold=0.0), given).value == 0.0


@pytest.mark.parametrize(
    ("model", "metric", "value"),
    [
        ("Facenet", Metric.COSINE, 0.40),
        ("Facenet", Metric.EUCLIDEAN, 10.0),
        ("Facenet", Metric.EUCLIDEAN_L2, 0.80),
        ("VGG-Face", Metric.COSINE, 0.68),
        ("ArcFace", Metric.EUCLIDEAN, 4.15),
        ("Dlib", Metric.COSINE, 0.07),
    ],
)
def test_else_it_is_deepfaces_for_model_and_metric(
    model: str, metric: Metric, value: float
) -> None:
    found = find_threshold(gallery(model, metric))

    assert (found.value, found.origin) == (value, f"DeepFace's for {model} and {metric}")
    assert found.source is ThresholdSource.MODEL
    assert not found.is_deliberate


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("metric", Metric)
def test_every_known_model_has_a_threshold_for_every_metric(model: str, metric: Metric) -> None:
    assert find_threshold(gallery(model, metric)).value > 0.0


@pytest.mark.parametrize("model", ["", "dlib", "MyOwnModel"])
def test_without_any_of_them_the_error_says_how_to_give_one(model: str) -> None:
    with pytest.raises(ThresholdRequiredError, match=r"'staff' names no face .*set_threshold"):
        find_threshold(gallery(model))


@pytest.mark.parametrize("given", [math.nan, math.inf, -math.inf, -0.1])
def test_what_is_no_number_of_at_least_zero_is_refused_and_nothing_else_is_used(
    given: float,
) -> None:
    with pytest.raises(ThresholdRequiredError, match="at least 0"):
        find_threshold(gallery("Dlib", threshold=0.2), given)


def test_chance_matches_grow_with_the_gallery() -> None:
    assert expected_fpir(1e-3, 1) == pytest.approx(1e-3)
    assert expected_fpir(1e-3, 1000) == pytest.approx(1 - 0.999**1000)
    assert expected_fpir(1e-12, 1000) == pytest.approx(1e-9)
    assert expected_fpir(0.0, 10**6) == 0.0
    assert expected_fpir(1.0, 3) == pytest.approx(1.0)


def test_what_to_expect_of_deepfaces_threshold_is_told_where_it_was_measured() -> None:
    """Of 44 strangers 7 matched somebody of 80 people."""
    measured = find_threshold(gallery("Dlib", detector="dlib"))

    assert measured.expected_fpir(80) == pytest.approx(7 / 44, abs=0.02)
    worse = find_threshold(gallery("Dlib", detector="opencv"))
    assert worse.expected_fpir(1) == pytest.approx(0.05, abs=0.01), "the crop matters more"
    assert find_threshold(gallery("Dlib", detector="yunet")).expected_fpir(80) is None
    assert find_threshold(gallery("Facenet", detector="opencv")).expected_fpir(80) is None


BEYOND = [
    (Metric.COSINE, 10.0, 1.0),
    (Metric.EUCLIDEAN_L2, 3.0, 1.0),
    (Metric.EUCLIDEAN, 33.0, 16.0),
]


@pytest.mark.parametrize(("metric", "value", "bound"), BEYOND)
@pytest.mark.parametrize("given", [True, False], ids=["given", "of an old gallery"])
def test_one_at_which_everybody_matches_is_refused(
    metric: Metric, value: float, bound: float, given: bool
) -> None:
    made = gallery("", metric, None if given else value, norm_bound=bound)

    with pytest.raises(InvalidThresholdError, match="everybody matches everybody"):
        find_threshold(made, value if given else None)


DOUBTFUL = [
    ("", Metric.COSINE, 1.2, "nearly everybody"),
    ("", Metric.COSINE, 0.0, "may miss even the embeddings that were enrolled"),
    ("", Metric.EUCLIDEAN_L2, 1.5, "nearly everybody"),
    ("", Metric.EUCLIDEAN, 0.4, "nearly nobody"),
    ("", Metric.EUCLIDEAN, 30.0, "nearly everybody"),
    ("Facenet", Metric.EUCLIDEAN, 0.4, "far below DeepFace's for Facenet and euclidean, 10"),
    ("Dlib", Metric.COSINE, 0.4, "far above DeepFace's for Dlib and cosine, 0.07"),
]


@pytest.mark.parametrize(("model", "metric", "value", "doubt"), DOUBTFUL)
def test_one_of_another_metric_or_model_is_doubted(
    model: str, metric: Metric, value: float, doubt: str
) -> None:
    bound = 16.0 if metric is Metric.EUCLIDEAN else 1.0

    assert doubt in find_threshold(gallery(model, metric, norm_bound=bound), value).doubt


def test_a_bound_of_norms_that_makes_distances_inexact_is_said() -> None:
    """Their errors grow with its square, and those who cannot be told apart are ambiguous."""
    exact, loose = (
        gallery("", Metric.EUCLIDEAN, norm_bound=bound, parameters="light") for bound in (2, 32)
    )

    assert find_threshold(exact, 1.0).doubt == ""
    assert "exact to 2 at a threshold of 3.2" in find_threshold(loose, 3.2).doubt
    assert find_threshold(gallery("", Metric.EUCLIDEAN, norm_bound=32), 3.2).doubt == ""


@pytest.mark.parametrize(
    ("model", "metric", "value"),
    [
        ("", Metric.COSINE, 0.4),
        ("", Metric.COSINE, 1e-3),
        ("", Metric.EUCLIDEAN_L2, 0.8),
        ("", Metric.EUCLIDEAN, 4.0),
        ("Facenet", Metric.EUCLIDEAN, 10.0),
        ("Dlib", Metric.COSINE, 0.05),
    ],
)
def test_a_usual_one_is_not(model: str, metric: Metric, value: float) -> None:
    bound = 16.0 if metric is Metric.EUCLIDEAN else 1.0

    assert find_threshold(gallery(model, metric, norm_bound=bound), value).doubt == ""
