"""New references far from all others of their label, and what is erased in their place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gallery.ciphertexts.blocks import capacity
from gallery.client import GalleryClient, GalleryKey, open_embeddings
from gallery.errors import ServerError
from gallery.parameters import SWIFT
from gallery.server import EmbeddedService
from tests.support.galleries import random_embeddings
from tests.support.recording import RecordingService


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


def test_all_others_of_a_label_are_compared_in_whatever_block_they_are(
    service: EmbeddedService, key: GalleryKey
) -> None:
    """What a server is sent is the same, in number and size, whether somebody is warned or not."""
    room = capacity(SWIFT)
    ada, far = random_embeddings(1, 8), -random_embeddings(1, 8)
    crowd = random_embeddings(room - 1, 8, seed=3)
    sent: list[list[tuple[str, int]]] = []
    with GalleryClient.create(service, key, dimension=8, threshold=0.2) as made:
        made.enroll(np.vstack([ada, crowd]), ["Ada", *(f"{number}" for number in range(room - 1))])
    recorded = RecordingService(service)
    with GalleryClient(recorded, key) as client:
        found = []
        for face in (far, ada + 0.02, random_embeddings(1, 8, seed=11), far + 0.01):
            before = len(recorded.sent)
            found.append(client.enroll(face, ["Ada"]).outliers)
            # What is written grows with the block.
            sizes = [(call, len(data) * (call != "write")) for call, data in recorded.sent[before:]]
            sent.append(sizes)
        before = len(recorded.sent)
        stranger = client.enroll(random_embeddings(1, 8, seed=9), ["Zoe"])

    # In their own block the second one is far from the first, and in the other one close to Ada.
    assert [len(outliers) for outliers in found] == [1, 0, 1, 0]
    (outlier,) = found[0]
    assert outlier.distance == pytest.approx(2.0, abs=0.01)
    assert sent[1] == sent[2] == sent[3]
    assert [call for call, _ in sent[2]].count("search") == 1
    assert stranger.outliers == ()
    assert "search" not in [call for call, _ in recorded.sent[before:]]


def test_what_was_written_is_reported_though_the_comparison_fails(
    service: EmbeddedService, key: GalleryKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = capacity(SWIFT)
    faces = random_embeddings(room, 8)
    with GalleryClient.create(service, key, dimension=8, threshold=0.2) as client:
        client.enroll(faces, ["Ada"] * room)

        def fail(*_: object) -> None:
            raise ServerError("no answer from the server")

        monkeypatch.setattr(service, "search", fail)
        done = client.enroll(-faces[:1], ["Ada"])

        assert done.added.all()
        assert done.outliers == ()
        assert client.summary().references == room + 1
