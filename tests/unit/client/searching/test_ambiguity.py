"""Two people who are equally close: no noise picks the name, and the search says that it is two."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from gallery.client import GalleryClient, GalleryKey
from gallery.messages import SearchRequest, SearchResult
from gallery.parameters import COMPACT, LIGHT, STANDARD, SWIFT
from gallery.server import EmbeddedService
from tests.support.galleries import names, random_embeddings

SEARCHES = 8


@pytest.fixture(params=[STANDARD, COMPACT, SWIFT, LIGHT], ids=lambda item: item.name)
def gallery(
    request: pytest.FixtureRequest, service: EmbeddedService, key: GalleryKey
) -> Iterator[GalleryClient]:
    """A gallery of a parameter set, whose errors differ by many orders from set to set."""
    with GalleryClient.create(
        service, key, dimension=8, parameters=request.param, threshold=0.4
    ) as opened:
        yield opened


def test_one_face_under_two_labels_gives_the_same_name_each_time(gallery: GalleryClient) -> None:
    faces = random_embeddings(6, 8)
    gallery.enroll(faces, names(6))
    gallery.enroll(faces[:1], ["Eve"])
    gallery.enroll(faces[:1], ["Ada"])
    probes = np.repeat(faces[:1] + 0.01, SEARCHES, axis=0)

    found = [gallery.identify(probes, k=k) for k in (1, 3)]

    people = {"person 0", "Eve", "Ada"}
    first = set(found[0].labels[:, 0].tolist()) | set(found[1].labels[:, 0].tolist())
    assert len(first) == 1
    assert len({tuple(row) for row in found[1].labels.tolist()}) == 1
    assert set(found[1].labels[0].tolist()) == people
    for one in found:
        assert one.decisions.all()
        assert one.ambiguous.all()
        assert set(one.second_labels.tolist()) < people - first
        assert len(set(one.second_labels.tolist())) == 1
        np.testing.assert_allclose(one.second_distances, one.distances[:, 0], atol=0.02)


def test_a_second_person_within_the_threshold_is_told_and_others_are_not(
    gallery: GalleryClient,
) -> None:
    faces = np.eye(3, 8)
    between = faces[0] + 0.8 * faces[1]
    gallery.enroll(faces, ["Ada", "Eve", "Zoe"])
    gallery.enroll(faces[:1] + 0.02, ["Ada"])

    found = gallery.identify(np.stack([between, faces[0], -faces.sum(axis=0)]))

    assert found.decisions.tolist() == [True, True, False]
    assert found.ambiguous.tolist() == [True, False, False]
    assert found.labels[0, 0] == "Ada"
    assert found.second_labels.tolist() == ["Eve", "", ""]
    assert found.distances[0, 0] < found.second_distances[0] <= 0.4
    assert np.isinf(found.second_distances[1:]).all()


def test_what_is_asked_of_the_server_is_the_same_whoever_is_near(
    gallery: GalleryClient, service: EmbeddedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    faces = random_embeddings(2, 8)
    gallery.enroll(np.vstack([faces, faces[:1]]), ["Ada", "Zoe", "Eve"])
    gallery.identify(faces)
    sizes: list[int] = []
    search = service.search

    def counted(request: SearchRequest, *options: Any) -> SearchResult:
        sizes.append(len(request.to_bytes()))
        return search(request, *options)

    monkeypatch.setattr(service, "search", counted)
    for probe in (faces[0], faces[1], -faces.sum(axis=0)):
        gallery.identify(probe)

    assert len(sizes) == 3
    assert len(set(sizes)) == 1
