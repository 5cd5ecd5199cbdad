"""Metrics against their own definitions, written here without what is tested."""

from __future__ import annotations

import numpy as np
import pytest

from gallery.distances import Metric, from_squared

every_metric = pytest.mark.parametrize("metric", Metric)


def pairs(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return raw embeddings of norms up to about 30, as face models give them."""
    random = np.random.default_rng(seed)
    return random.normal(size=(200, 128)), random.normal(size=(200, 128)) * 2.5


def squared(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.square(a - b).sum(axis=1)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.sqrt(np.square(vectors).sum(axis=1, keepdims=True))


def test_cosine_is_one_minus_the_cosine_of_the_angle() -> None:
    a, b = pairs()
    lengths = np.sqrt(np.square(a).sum(axis=1)) * np.sqrt(np.square(b).sum(axis=1))
    definition = 1.0 - (a * b).sum(axis=1) / lengths

    found = from_squared(squared(unit(a), unit(b)), Metric.COSINE, 1.0)

    np.testing.assert_allclose(found, definition, rtol=0, atol=1e-14)


def test_euclidean_is_the_length_of_the_difference_of_raw_embeddings() -> None:
    a, b = pairs()
    bound = 64.0
    definition = np.sqrt(np.square(a - b).sum(axis=1))

    found = from_squared(squared(a / bound, b / bound), Metric.EUCLIDEAN, bound)

    np.testing.assert_allclose(found, definition, rtol=1e-14)


def test_euclidean_l2_is_the_length_of_the_difference_of_unit_vectors() -> None:
    a, b = pairs()
    definition = np.sqrt(np.square(unit(a) - unit(b)).sum(axis=1))

    found = from_squared(squared(unit(a), unit(b)), Metric.EUCLIDEAN_L2, 1.0)

    np.testing.assert_allclose(found, definition, rtol=1e-14)


@pytest.mark.parametrize(
    ("metric", "same", "orthogonal", "opposite"),
    [
        (Metric.COSINE, 0.0, 1.0, 2.0),
        (Metric.EUCLIDEAN, 0.0, 10.0 * 2.0**0.5, 20.0),
        (Metric.EUCLIDEAN_L2, 0.0, 2.0**0.5, 2.0),
    ],
)
def test_equal_orthogonal_and_opposite_vectors_are_where_everyone_knows_them(
    metric: Metric, same: float, orthogonal: float, opposite: float
) -> None:
    found = from_squared(np.array([0.0, 2.0, 4.0]), metric, 10.0)

    assert found.tolist() == pytest.approx([same, orthogonal, opposite])


@every_metric
def test_a_slightly_negative_square_counts_as_zero(metric: Metric) -> None:
    found = from_squared(np.array([-1e-7, -0.0, 0.0]), metric, 32.0)

    assert np.array_equal(found, [0.0, 0.0, 0.0])


@every_metric
def test_the_order_of_candidates_is_that_of_the_squares(metric: Metric) -> None:
    ascending = np.sort(np.random.default_rng(1).uniform(0, 4, 500))

    assert np.all(np.diff(from_squared(ascending, metric, 32.0)) > 0)


@every_metric
def test_the_shape_is_kept_the_input_is_not_changed_and_infinity_stays(metric: Metric) -> None:
    given = np.array([[-1.0, 2.0, np.inf], [0.0, 1.0, 4.0]])
    before = given.copy()

    found = from_squared(given, metric, 2.0)

    assert found.shape == given.shape
    assert np.isposinf(found[0, 2])
    assert np.array_equal(given, before)


def test_only_raw_embeddings_keep_their_length() -> None:
    assert [metric for metric in Metric if not metric.normalizes] == [Metric.EUCLIDEAN]


def test_metrics_have_the_names_that_deepface_gives_them() -> None:
    assert [str(metric) for metric in Metric] == ["cosine", "euclidean", "euclidean_l2"]
