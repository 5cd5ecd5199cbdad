"""Distances through the encrypted engine and in clear, and what is left behind."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest

from gallery.accuracy.comparisons import (
    PlainComparison,
    compare_encrypted,
    norm_bound,
    temporary_gallery,
)
from gallery.accuracy.datasets import LabelledSet, SetKind
from gallery.accuracy.private_service import private_service
from gallery.accuracy.splits import split
from gallery.client import GalleryKey
from gallery.client.searching.release import largest_errors
from gallery.distances import Metric
from gallery.errors import InvalidEmbeddingError
from gallery.messages import Preprocessing
from gallery.parameters import STANDARD
from tests.support.builders import description
from tests.support.progress_bars import no_bar

DIMENSION = 8


def faces(model: str = "", longest: float = 5.0) -> LabelledSet:
    """Two samples each of six people."""
    subjects = np.repeat(np.arange(6), 2)
    embeddings = np.random.default_rng(3).normal(size=(12, DIMENSION))
    embeddings *= longest / np.linalg.norm(embeddings, axis=1).max()
    return LabelledSet("f.npz", SetKind.EMBEDDINGS, embeddings, subjects, Preprocessing(model))


def by_definition(a: np.ndarray, b: np.ndarray, metric: Metric) -> float:
    if metric is Metric.EUCLIDEAN:
        return float(np.linalg.norm(a - b))
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    return float(1 - a @ b if metric is Metric.COSINE else np.linalg.norm(a - b))


@pytest.mark.parametrize("metric", Metric)
def test_every_distance_comes_back_in_its_place(key: GalleryKey, metric: Metric) -> None:
    labelled = faces()
    references = np.array([9, 2, 11, 4, 0])
    expected = [
        [by_definition(one, labelled.embeddings[row], metric) for row in references]
        for one in labelled.embeddings
    ]
    encrypted, plain, taken = np.empty((12, 5)), np.empty((12, 5)), 0

    with (
        private_service("native") as service,
        temporary_gallery(service, key, labelled, metric, STANDARD) as client,
    ):
        comparison = PlainComparison(labelled.embeddings, references, client.description)

        def receive(some: slice, distances: np.ndarray) -> None:
            nonlocal taken
            encrypted[some], plain[some] = distances, comparison.distances(some)
            taken += len(distances)

        compare_encrypted(client, labelled.embeddings, references, receive, no_bar)
        bounds = largest_errors(plain, client.description)

    assert taken == 12
    np.testing.assert_allclose(plain, expected, atol=1e-7)
    assert (np.abs(encrypted - plain) <= bounds).all()
    assert (encrypted != plain).any()


def test_batches_hold_every_distance_once() -> None:
    labelled, gallery = faces(), description(dimension=DIMENSION)
    comparison = PlainComparison(labelled.embeddings, np.arange(12), gallery)

    parts = list(comparison.batches())

    rows = [row for some, _ in parts for row in range(12)[some]]
    assert rows == list(range(12))
    np.testing.assert_allclose(
        np.concatenate([found for _, found in parts]), comparison.distances(slice(0, 12))
    )


def test_distances_of_mates_are_those_of_the_matrix() -> None:
    labelled, gallery = faces(), description(dimension=DIMENSION)
    fold = split(labelled.subjects, 3, seed=0)[0]
    comparison = PlainComparison(labelled.embeddings, fold.references, gallery)

    of_all = comparison.distances(slice(0, 12))

    np.testing.assert_allclose(
        comparison.mate_distances(fold), of_all[fold.mated, fold.mates], atol=1e-12
    )


def test_a_gallery_is_erased_and_the_folder_removed(
    key: GalleryKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with private_service("native") as service:
        (folder,) = tmp_path.glob("gallery-evaluation-*")
        assert folder.stat().st_mode & 0o077 == 0
        with temporary_gallery(service, key, faces(), Metric.COSINE, STANDARD):
            assert service.gallery_names() == ["evaluation"]
        assert service.gallery_names() == []

    assert list(tmp_path.iterdir()) == []


def test_an_embedding_that_none_can_be_is_refused_with_its_row(key: GalleryKey) -> None:
    labelled = faces()
    labelled.embeddings[7] = np.nan

    with private_service("native") as service, pytest.raises(InvalidEmbeddingError, match="7"):
        with temporary_gallery(service, key, labelled, Metric.COSINE, STANDARD):
            pass


@pytest.mark.parametrize(
    ("model", "longest", "bound"),
    [("Facenet", 12.0, 32.0), ("Facenet", 40.0, 64.0), ("", 5.0, 8.0)],
)
def test_raw_embeddings_are_bounded_as_their_model_or_by_their_own_norms(
    model: str, longest: float, bound: float
) -> None:
    assert norm_bound(faces(model, longest)) == bound
