"""Where a threshold comes from: what is given, else the gallery's own, else the model's."""

from __future__ import annotations

import math

import pytest

from gallery.client.photos.model_table import MODELS
from gallery.client.searching.thresholds import Threshold, find_threshold
from gallery.distances import Metric
from gallery.errors import ThresholdRequiredError
from gallery.messages import Preprocessing
from tests.support.builders import description


def gallery(model: str, metric: Metric = Metric.COSINE, threshold: float | None = None):
    return description(
        name="staff", preprocessing=Preprocessing(model), metric=metric, threshold=threshold
    )


def test_a_given_threshold_comes_first() -> None:
    assert find_threshold(gallery("Dlib", threshold=0.2), 0.3) == Threshold(0.3, "given")


def test_the_gallerys_own_threshold_comes_before_the_models() -> None:
    found = find_threshold(gallery("Dlib", threshold=0.2))

    assert found == Threshold(0.2, "set for the gallery at its creation")


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

    assert found == Threshold(value, f"DeepFace's for {model} and {metric}")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("metric", Metric)
def test_every_known_model_has_a_threshold_for_every_metric(model: str, metric: Metric) -> None:
    assert find_threshold(gallery(model, metric)).value > 0.0


@pytest.mark.parametrize("model", ["", "dlib", "MyOwnModel"])
def test_without_any_of_them_the_error_says_how_to_give_one(model: str) -> None:
    with pytest.raises(ThresholdRequiredError, match=r"'staff' names no face .*argument threshold"):
        find_threshold(gallery(model))


@pytest.mark.parametrize("given", [math.nan, math.inf, -math.inf, -0.1])
def test_what_is_no_number_of_at_least_zero_is_refused_and_nothing_else_is_used(
    given: float,
) -> None:
    with pytest.raises(ThresholdRequiredError, match="at least 0"):
        find_threshold(gallery("Dlib", threshold=0.2), given)
