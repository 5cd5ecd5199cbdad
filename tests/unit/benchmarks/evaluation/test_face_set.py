"""The synthetic set: of the shape of LFW, with distances like those of a face model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.evaluation.face_set import make_embeddings, samples_by_person, write_set


def test_it_has_the_shape_of_lfw() -> None:
    counts = samples_by_person(1.0)

    assert (len(counts), counts.sum(), counts.max()) == (5_749, 13_233, 530)
    assert (counts == 1).sum() == 4_069


@pytest.mark.parametrize("times", [0.1, 0.2, 10.0])
def test_other_sizes_have_as_many_samples_a_person(times: float) -> None:
    counts = samples_by_person(times)

    assert len(counts) == round(times * 5_749)
    assert counts.sum() == round(times * 13_233)
    assert (counts == 1).mean() == pytest.approx(4_069 / 5_749, abs=1e-3)


def test_distances_are_like_those_of_a_model() -> None:
    embeddings, subjects = make_embeddings(np.full(60, 3))
    units = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    distances = 1.0 - units @ units.T
    same = subjects[:, None] == subjects[None, :]
    genuine = distances[same & ~np.eye(len(subjects), dtype=bool)]
    impostor = distances[~same]

    assert 0.02 < np.median(genuine) < 0.05
    assert 0.11 < np.median(impostor) < 0.17
    # They overlap a little, so that there is something to measure.
    assert genuine.max() > impostor.min()


def test_a_file_is_a_labelled_set(tmp_path: Path) -> None:
    count = write_set(tmp_path / "faces.npz", 0.01)

    with np.load(tmp_path / "faces.npz") as found:
        assert found["embeddings"].shape == (count, 128)
        assert found["labels"].shape == (count,)
        assert len(set(found["labels"].tolist())) == 57
