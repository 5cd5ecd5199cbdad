"""The library on photos of many people, against the same search in clear.

Photos: Face Research Lab London Set, DeBruine & Jones 2017, CC BY 4.0.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from gallery.client import GalleryClient, GalleryKey, LabelledPhoto, PhotoEmbedder
from gallery.parameters import SWIFT
from gallery.server import EmbeddedService
from tests.support.photos import LondonPerson

PEOPLE = 12


@pytest.fixture
def photo_client(service: EmbeddedService, key: GalleryKey) -> Iterator[GalleryClient]:
    """A client of an empty gallery for photos."""
    embedder = PhotoEmbedder("Dlib")
    with GalleryClient.create(
        service,
        key,
        dimension=embedder.dimension,
        preprocessing=embedder.preprocessing,
        metric="euclidean",
        norm_bound=embedder.model.norm_bound,
    ) as client:
        yield client


def test_everyone_is_found_by_another_photo(
    photo_client: GalleryClient, london: list[LondonPerson]
) -> None:
    people = london[:PEOPLE]
    photos = [LabelledPhoto(person.neutral, person.number) for person in people]

    enrolled = photo_client.enroll_photos(photos)
    found = photo_client.identify_photos([person.smiling for person in people], k=PEOPLE)

    assert len(enrolled.added) == len(found.paths) == PEOPLE
    assert found.identification is not None
    assert [*found.identification.labels[:, 0]] == [person.number for person in people]
    assert found.identification.decisions.all()
    assert_equal_to_the_search_in_clear(people, found.identification.distances)


def assert_equal_to_the_search_in_clear(people: list[LondonPerson], distances: np.ndarray) -> None:
    embedder = PhotoEmbedder("Dlib")
    gallery = np.array([embedder.embed(person.neutral) for person in people])
    probes = np.array([embedder.embed(person.smiling) for person in people])
    plain = np.sort(np.linalg.norm(probes[:, None] - gallery, axis=2), axis=1)
    bound = SWIFT.max_distance_error(embedder.dimension) * embedder.model.norm_bound**2
    np.testing.assert_allclose(distances**2, plain**2, rtol=0, atol=bound)
