"""Synthetic embeddings: the same in every run, as far apart as those of a face model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gallery.client import read_embeddings
from gallery.demo.embeddings import (
    DIMENSION,
    PROBED,
    REFERENCES_EACH,
    STRANGERS,
    SUBJECTS,
    MadeEmbeddings,
    make_embeddings,
    write_embeddings,
)
from gallery.errors import SourceError


def cosine_distances(one: MadeEmbeddings, other: MadeEmbeddings) -> np.ndarray:
    """Return the distances of all pairs, in float64."""
    first, second = (item.embeddings.astype(float) for item in (one, other))
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second /= np.linalg.norm(second, axis=1, keepdims=True)
    return np.asarray(1.0 - first @ second.T)


def test_subjects_have_several_references_and_strangers_none() -> None:
    samples = make_embeddings()

    assert samples.people.embeddings.shape == (REFERENCES_EACH * len(SUBJECTS), DIMENSION)
    assert {samples.people.labels.count(name) for name in SUBJECTS} == {REFERENCES_EACH}
    assert samples.probes.labels == (*PROBED, *STRANGERS)
    assert set(PROBED) <= set(SUBJECTS)
    assert not set(STRANGERS) & set(SUBJECTS)


@pytest.mark.parametrize("searched_with", ["people", "probes"])
def test_distances_are_those_of_a_face_model(searched_with: str) -> None:
    samples = make_embeddings()
    probes: MadeEmbeddings = getattr(samples, searched_with)

    distances = cosine_distances(probes, samples.people)

    same = np.array(probes.labels)[:, None] == np.array(samples.people.labels)
    mated = distances[same & (distances > 1e-6)]  # an embedding is not compared with itself
    assert 0.1 < mated.min() < mated.max() < 0.3
    assert 0.8 < distances[~same].min() < distances[~same].max() < 1.3


def test_norms_are_those_of_raw_embeddings() -> None:
    norms = np.linalg.norm(make_embeddings().people.embeddings, axis=1)

    assert 11.0 < norms.min() < norms.max() < 13.0


def test_files_hold_what_the_commands_read(tmp_path: Path) -> None:
    samples = make_embeddings()

    people, probes = map(read_embeddings, write_embeddings(tmp_path / "new" / "folder"))

    assert np.array_equal(people.embeddings, samples.people.embeddings)
    assert tuple(people.labels) == samples.people.labels
    assert np.array_equal(probes.embeddings, samples.probes.embeddings)
    assert tuple(probes.labels) == samples.probes.labels
    assert people.model is None


def test_files_that_are_there_stay(tmp_path: Path) -> None:
    first = write_embeddings(tmp_path)
    times = [path.stat().st_mtime_ns for path in first]

    assert write_embeddings(tmp_path) == first
    assert [path.stat().st_mtime_ns for path in first] == times


def test_another_file_is_not_replaced(tmp_path: Path) -> None:
    own = tmp_path / "probes.npz"
    own.write_bytes(b"somebody's own")

    with pytest.raises(SourceError, match=r"probes\.npz already"):
        write_embeddings(tmp_path)

    assert own.read_bytes() == b"somebody's own"
    assert list(tmp_path.iterdir()) == [own]


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(SourceError, match="cannot write sample embeddings"):
        write_embeddings(tmp_path / "file" / "folder")
