"""New references far from all others of their label, and what is erased in their place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gallery.client import GalleryClient, GalleryKey, open_embeddings
from gallery.server import EmbeddedService
from tests.support.galleries import random_embeddings


@pytest.fixture
def smiths(service: EmbeddedService, key: GalleryKey) -> Iterator[GalleryClient]:
    """A gallery with a threshold that holds two faces of one John Smith."""
    with GalleryClient.create(service, key, dimension=8, threshold=0.2) as client:
        faces = random_embeddings(2, 8)
        client.enroll(np.vstack([faces, faces[:1] + 0.05]), ["John Smith", "Ada", "John Smith"])
        yield client


def test_another_person_of_the_same_name_is_told(smiths: GalleryClient) -> None:
    other = -random_embeddings(1, 8)

    done = smiths.enroll(other, ["John Smith"])

    (outlier,) = done.outliers
    assert (outlier.label, outlier.reference_id) == ("John Smith", done.reference_ids[0])
    assert outlier.threshold == 0.2
    assert outlier.distance == pytest.approx(2.0, abs=0.05)
    assert done.erased == ()


def test_the_same_person_and_new_people_are_not(smiths: GalleryClient) -> None:
    faces = random_embeddings(3, 8)

    done = smiths.enroll(faces + 0.02, ["John Smith", "Ada", "Zoe"])

    assert done.added.all()
    assert done.outliers == ()


def test_faces_of_one_run_are_compared_with_each_other(smiths: GalleryClient) -> None:
    faces = random_embeddings(3, 8, seed=5)

    done = smiths.enroll(np.vstack([faces, faces[:1] + 0.01]), ["Zoe", "Zoe", "Eve", "Zoe"])

    assert [item.reference_id for item in done.outliers] == [done.reference_ids[1]]


def test_without_a_threshold_nobody_can_tell(client: GalleryClient) -> None:
    assert client.enroll(random_embeddings(2, 8), ["Ada", "Ada"]).outliers == ()


@pytest.mark.parametrize("way", ["embeddings", "file"])
def test_what_is_replaced_is_reported(smiths: GalleryClient, tmp_path: Path, way: str) -> None:
    before = {item.reference_id for item in smiths.find(["John Smith"])}
    face = -random_embeddings(1, 8)
    if way == "file":
        np.savez(tmp_path / "new.npz", embeddings=face, labels=np.array(["John Smith"]))
        with open_embeddings(tmp_path / "new.npz") as source:
            in_bulk = smiths.enroll_file(source, replace=True)
        erased, outliers = in_bulk.erased, in_bulk.outliers
    else:
        done = smiths.enroll(face, ["John Smith"], replace=True)
        erased, outliers = done.erased, done.outliers

    assert {item.reference_id for item in erased} == before
    assert {item.label for item in erased} == {"John Smith"}
    assert len(outliers) == 1
    assert len(smiths.find(["John Smith"])) == 1
