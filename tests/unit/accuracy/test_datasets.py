"""Labelled sets: numbered subjects, no copies, failures counted."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gallery.accuracy.datasets import SetKind, embed_set, kind_of_set, read_set
from gallery.client import LabelledPhoto
from gallery.client.photos.embedder import PhotoEmbedder
from gallery.client.photos.faces import EmbeddedFace, FaceSelection
from gallery.client.photos.images import Photo
from gallery.client.photos.quality import FaceQuality
from gallery.client.photos.sources import HeldPhoto
from gallery.errors import InvalidEmbeddingError, NoFaceError, SourceError
from gallery.messages import Preprocessing

if TYPE_CHECKING:
    from gallery.client.photos.sources import PhotoSource


class FileEmbedder(PhotoEmbedder):
    """Embeds a file by the numbers in it; one without numbers shows no face."""

    def __init__(self) -> None:
        super().__init__("Dlib", jobs=1)

    def prepare(self) -> None:
        """Need nothing."""

    def select(
        self, source: PhotoSource | Photo, selection: FaceSelection = "one"
    ) -> tuple[EmbeddedFace, ...]:
        assert isinstance(source, HeldPhoto)
        text = Path(source.name).read_text()
        if not text:
            raise NoFaceError(f"No face was found in {source.name}")
        values = np.array([float(number) for number in text.split()])
        return (EmbeddedFace(values, FaceQuality(100, 100, None, 1.0, 100, None, None), None),)


def test_a_path_tells_what_it_is(tmp_path: Path) -> None:
    assert kind_of_set(tmp_path) is SetKind.FOLDER
    assert kind_of_set(tmp_path / "faces.NPZ") is SetKind.EMBEDDINGS
    assert kind_of_set(tmp_path / "pairs.txt") is SetKind.PAIRS
    assert [kind.has_photos for kind in SetKind] == [True, True, False]


def test_a_file_of_embeddings(tmp_path: Path) -> None:
    path = tmp_path / "faces.npz"
    embeddings = np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0], [1.0, 2.0]], dtype=np.float32)
    np.savez(path, embeddings=embeddings, labels=["b", "a", "b", "a"], model="Dlib")

    found = read_set(path)

    # The third is a copy of the first; the fourth is somebody else's.
    assert found.embeddings.tolist() == [[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]]
    assert found.subjects.tolist() == [1, 0, 0]
    assert (found.subject_count, found.dimension, found.duplicates) == (2, 2, 1)
    assert found.preprocessing == Preprocessing("Dlib")
    assert (found.name, found.attempts, found.photo_ms) == ("faces.npz", None, None)


def test_one_long_label_does_not_make_the_others_long(tmp_path: Path) -> None:
    path, long = tmp_path / "faces.csv", "x" * 2**17
    path.write_text(
        "label,0,1,2\n" + "".join(f"{long if i == 5 else i % 9},1,2,{i}\n" for i in range(999))
    )
    tracemalloc.start()

    try:
        found = read_set(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (found.subject_count, found.subjects[5]) == (10, 9)
    assert peak < 20_000_000


def test_labels_are_needed(tmp_path: Path) -> None:
    np.savez(tmp_path / "faces.npz", embeddings=np.eye(3))

    with pytest.raises(SourceError, match="no array 'labels'"):
        read_set(tmp_path / "faces.npz")


@pytest.mark.parametrize("embeddings", [np.ones(3), np.ones((3, 2), dtype=complex)])
def test_embeddings_are_rows_of_real_numbers(tmp_path: Path, embeddings: np.ndarray) -> None:
    labels = ["a"] * len(np.atleast_2d(embeddings))
    np.savez(tmp_path / "faces.npz", embeddings=embeddings, labels=labels)

    with pytest.raises(InvalidEmbeddingError, match="real numbers of shape"):
        read_set(tmp_path / "faces.npz")


def test_photos_that_fail_are_counted_with_whom_they_show(tmp_path: Path) -> None:
    photos = []
    for label, name, text in (("a", "1", "1 0"), ("b", "2", ""), ("b", "3", "0 1")):
        path = tmp_path / name
        path.write_text(text)
        photos.append(LabelledPhoto(path, label))
    done: list[int] = []

    found = embed_set(tmp_path, photos, FileEmbedder(), done.append)

    assert found.embeddings.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert found.attempts is not None
    assert found.attempts.subjects.tolist() == [0, 1, 1]
    assert found.attempts.failed.tolist() == [False, True, False]
    assert [Path(failure.path).name for failure in found.failures] == ["2"]
    assert found.photo_ms is not None and found.photo_ms > 0.0
    assert done == [1, 1, 1]


def test_photos_of_which_none_shows_a_face_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.touch()

    with pytest.raises(SourceError, match="none of the 1 photos"):
        embed_set(tmp_path, [LabelledPhoto(path, "a")], FileEmbedder())
