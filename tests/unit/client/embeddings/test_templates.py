"""From embeddings to vectors: what is refused, with which row, and how the rest is scaled."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.client.embeddings.templates import check_embeddings, round_to_grid, to_vectors
from gallery.distances import Metric
from gallery.errors import DimensionMismatchError, InvalidEmbeddingError
from gallery.parameters import COMPACT, STANDARD, CkksParameterSet
from tests.support.builders import description

COSINE = description(name="staff", dimension=3, metric=Metric.COSINE)
EUCLIDEAN = description(name="raw", dimension=3, metric=Metric.EUCLIDEAN, norm_bound=32.0)

each_set = pytest.mark.parametrize("parameters", [STANDARD, COMPACT], ids=lambda p: p.name)
normalizing = pytest.mark.parametrize("metric", [Metric.COSINE, Metric.EUCLIDEAN_L2])


def rows(*special: Any) -> np.ndarray:
    """Return good rows with the given ones after the second of them."""
    return np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], *special, [7.0, 8.0, 9.0]])


# --- refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("column", [0, 1, 2])
def test_nan_and_infinity_are_refused_and_the_row_is_named(bad: float, column: int) -> None:
    row = [1.0, 1.0, 1.0]
    row[column] = bad

    with pytest.raises(InvalidEmbeddingError, match="embedding 2 holds NaN or infinite values"):
        check_embeddings(rows(row), COSINE)


@pytest.mark.parametrize("value", [0.0, -0.0, 5e-324, 1e-200, 1e-155])
@pytest.mark.parametrize("gallery", [COSINE, EUCLIDEAN], ids=["cosine", "euclidean"])
def test_a_vector_that_is_zero_or_as_good_as_zero_is_refused(value: float, gallery: Any) -> None:
    with pytest.raises(InvalidEmbeddingError, match="embedding 2 is zero"):
        check_embeddings(rows([value, 0.0, value]), gallery)


@pytest.mark.parametrize("value", [1e155, 1.7e308])
def test_finite_values_whose_norm_overflows_are_refused(value: float) -> None:
    with pytest.raises(InvalidEmbeddingError, match="embedding 2 is too large"):
        check_embeddings(rows([value, value, value]), COSINE)


def test_the_first_row_at_fault_is_the_one_that_is_named() -> None:
    with pytest.raises(InvalidEmbeddingError, match="embedding 2 "):
        check_embeddings(rows([math.nan] * 3, [math.nan] * 3), COSINE)


def test_a_norm_above_the_bound_of_the_gallery_is_refused_with_what_to_do() -> None:
    with pytest.raises(
        InvalidEmbeddingError, match=r"embedding 2 has a norm above .* 32; .*argument norm_bound"
    ):
        check_embeddings(rows([32.0, 0.001, 0.0]), EUCLIDEAN)


def test_a_norm_at_the_bound_is_accepted() -> None:
    found = to_vectors(check_embeddings([[32.0, 0.0, 0.0]], EUCLIDEAN), EUCLIDEAN)

    assert found.tolist() == [[1.0, 0.0, 0.0]]


@normalizing
def test_the_bound_is_for_raw_embeddings_alone(metric: Metric) -> None:
    gallery = description(dimension=3, metric=metric, norm_bound=1.0)

    assert check_embeddings([[300.0, 400.0, 0.0]], gallery).shape == (1, 3)


@pytest.mark.parametrize(
    "embeddings",
    [
        "abc",
        b"abc",
        ["a", "b", "c"],
        [["1", "2", "3"]],
        [[True, False, True]],
        [[1 + 0j, 2, 3]],
        [[None, 1.0, 2.0]],
        [[1.0, 2.0, Ellipsis]],
        [[10**400, 1, 2]],
        np.array([[1.0, 2.0, 3.0]], dtype=object),
        np.zeros((1, 3), dtype="M8[s]"),
        np.zeros((1, 3), dtype=[("x", "f8")]),
        {},
        None,
        3.0,
        np.float64(3.0),
    ],
    ids=lambda value: repr(value).replace("\n", " ")[:40],
)
def test_what_is_not_an_array_of_real_numbers_is_refused(embeddings: Any) -> None:
    with pytest.raises(InvalidEmbeddingError, match="must be real numbers of shape"):
        check_embeddings(embeddings, COSINE)


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 1, 3), (0, 0, 0)])
def test_more_than_two_axes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidEmbeddingError, match="found shape"):
        check_embeddings(np.ones(shape), COSINE)


@pytest.mark.parametrize("ragged", [[[1.0, 2.0, 3.0], [1.0]], [[1.0], 2.0], [[], [1.0]]])
def test_ragged_lists_are_refused(ragged: Any) -> None:
    with pytest.raises(InvalidEmbeddingError, match="shape"):
        check_embeddings(ragged, COSINE)


@pytest.mark.parametrize(
    "embeddings",
    [[1.0, 2.0], [1.0, 2.0, 3.0, 4.0], np.ones((5, 2)), np.ones((3, 1)), [], [[]], [[], []]],
    ids=str,
)
def test_another_dimension_than_the_gallerys_is_refused_and_both_are_named(
    embeddings: Any,
) -> None:
    with pytest.raises(DimensionMismatchError, match=r"of \d values do not fit .*'staff'.* of 3"):
        check_embeddings(embeddings, COSINE)


def test_no_error_holds_a_value_of_an_embedding() -> None:
    with pytest.raises(InvalidEmbeddingError) as caught:
        check_embeddings([[12345.0, 67890.0, 1.0]], EUCLIDEAN)

    assert "12345" not in str(caught.value)
    assert "67890" not in str(caught.value)


# --- accepted -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dtype", ["f2", "f4", "f8", ">f8", "longdouble", "i1", "i8", "u1", "u8"], ids=str
)
def test_every_type_of_real_number_is_accepted_as_its_values(dtype: str) -> None:
    given_array = np.array([[1, 2, 3], [4, 5, 6]], dtype=dtype)

    found = check_embeddings(given_array, COSINE)

    assert found.dtype == np.float64
    assert found.tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


def test_one_embedding_without_rows_counts_as_one_row() -> None:
    assert check_embeddings([1.0, 2.0, 3.0], COSINE).tolist() == [[1.0, 2.0, 3.0]]


def test_no_rows_are_no_error() -> None:
    assert to_vectors(check_embeddings(np.empty((0, 3)), COSINE), COSINE).shape == (0, 3)


def test_numbers_beyond_the_range_of_float64_are_refused_without_a_warning() -> None:
    beyond = np.array([["1e400", "1", "1"]]).astype(np.longdouble)

    with pytest.raises(InvalidEmbeddingError, match="embedding 0"):
        check_embeddings(beyond, COSINE)


def test_the_embeddings_given_are_not_changed() -> None:
    given_array = rows()
    before = given_array.copy()

    check_embeddings(given_array, COSINE)
    to_vectors(given_array, COSINE)
    round_to_grid(given_array, STANDARD)

    assert np.array_equal(given_array, before)


# --- scaled ---------------------------------------------------------------------------------------


finite = st.floats(-1e6, 1e6, allow_nan=False)
embeddings_of_three = st.lists(finite, min_size=3, max_size=3).filter(
    lambda row: math.hypot(*row) > 1e-6
)


@normalizing
def test_embeddings_are_scaled_to_norm_one_for_the_metrics_that_normalise(metric: Metric) -> None:
    gallery = description(dimension=3, metric=metric)

    @given(embeddings_of_three)
    def check(row: list[float]) -> None:
        (vector,) = to_vectors(check_embeddings(row, gallery), gallery)

        assert math.hypot(*vector) == pytest.approx(1.0, abs=1e-15)
        assert vector * math.hypot(*row) == pytest.approx(row)

    check()


@given(st.lists(st.floats(-18.0, 18.0), min_size=3, max_size=3))
def test_raw_embeddings_are_divided_by_the_bound_and_keep_their_distances(row: list[float]) -> None:
    if math.hypot(*row) < 1e-100:
        return

    (vector,) = to_vectors(check_embeddings(row, EUCLIDEAN), EUCLIDEAN)

    assert vector.tolist() == [value / 32.0 for value in row]
    assert math.hypot(*vector) <= 1.0


@pytest.mark.parametrize("size", [1e-149, 1e-30, 1.0, 1e30, 1e153])
def test_tiny_and_huge_embeddings_keep_their_direction(size: float) -> None:
    (vector,) = to_vectors(check_embeddings([3.0 * size, 0.0, -4.0 * size], COSINE), COSINE)

    assert vector == pytest.approx([0.6, 0.0, -0.8], abs=1e-15)


def test_rows_are_scaled_each_for_itself() -> None:
    found = to_vectors(check_embeddings([[0.0, 5.0, 0.0], [0.0, 0.0, -0.1]], COSINE), COSINE)

    assert found.tolist() == [[0.0, 1.0, 0.0], [0.0, 0.0, -1.0]]


# --- rounded --------------------------------------------------------------------------------------


def on_grid(parameters: CkksParameterSet, check: Callable[[np.ndarray, np.ndarray], None]) -> None:
    """Run a check on random vectors and what they are rounded to."""

    @given(st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=20).map(np.array))
    def run(vector: np.ndarray) -> None:
        check(vector, round_to_grid(vector, parameters))

    run()


@each_set
def test_a_rounded_value_is_a_multiple_of_the_grid_within_half_a_step(
    parameters: CkksParameterSet,
) -> None:
    def check(vector: np.ndarray, rounded: np.ndarray) -> None:
        steps = rounded / parameters.grid
        assert np.array_equal(steps, np.round(steps))
        assert np.all(np.abs(rounded - vector) <= parameters.grid / 2)

    on_grid(parameters, check)


@each_set
def test_rounding_again_changes_nothing(parameters: CkksParameterSet) -> None:
    def check(_: np.ndarray, rounded: np.ndarray) -> None:
        assert np.array_equal(round_to_grid(rounded, parameters), rounded)

    on_grid(parameters, check)


@each_set
def test_less_than_half_a_step_of_noise_is_rounded_away(parameters: CkksParameterSet) -> None:
    noise = np.linspace(-0.499, 0.499, 20) * parameters.grid

    def check(_: np.ndarray, rounded: np.ndarray) -> None:
        assert np.array_equal(round_to_grid(rounded + noise[: len(rounded)], parameters), rounded)

    on_grid(parameters, check)


@each_set
def test_rounding_is_fine_enough_for_the_promised_distance_error(
    parameters: CkksParameterSet,
) -> None:
    random = np.random.default_rng(0)
    a, b = (to_vectors(random.normal(size=(500, 3)), COSINE) for _ in range(2))

    moved = np.square(round_to_grid(a, parameters) - b).sum(axis=1)

    error = np.abs(moved - np.square(a - b).sum(axis=1)).max()
    assert error <= parameters.max_distance_error(3)
