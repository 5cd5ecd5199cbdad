"""Faces that match a reference of another label are found before they are enrolled."""

from __future__ import annotations

import numpy as np
import pytest

from gallery.client import Duplicate, GalleryClient, GalleryKey
from gallery.distances import Metric
from gallery.errors import InvalidLabelError, ModelMismatchError, ThresholdRequiredError
from gallery.messages import Preprocessing
from gallery.parameters import STANDARD
from gallery.server import EmbeddedService
from tests.support.galleries import client_of_each_scheme, random_embeddings

__all__ = ["client_of_each_scheme"]

LIMIT = 0.05

PEOPLE = random_embeddings(4, 8, seed=2)
ALIKE = PEOPLE + 0.05
"""Other embeddings of the same four, at cosine distances of at most 0.002."""


def places(found: tuple[Duplicate, ...]) -> list[tuple[int, str, str]]:
    """Return rows and labels of what was found."""
    return [(item.row, item.label, item.found_label) for item in found]


def test_a_face_that_is_enrolled_under_another_label_is_found(client: GalleryClient) -> None:
    done = client.enroll(PEOPLE[:3], ["Ada", "Grace", "Edith"])

    (found,) = client.find_duplicates([ALIKE[1], PEOPLE[3]], ["Joan", "Mary"], LIMIT)

    assert (found.row, found.label, found.found_label) == (0, "Joan", "Grace")
    assert found.reference_id == done.reference_ids[1]
    assert found.threshold == LIMIT
    expected = client.identify(ALIKE[1], threshold=LIMIT).distances[0, 0]
    assert found.distance == pytest.approx(expected, abs=1e-6)


def test_the_same_label_is_no_duplicate_however_it_is_written(client: GalleryClient) -> None:
    client.enroll(PEOPLE[:1], ["Zoë"])

    assert client.find_duplicates(ALIKE[:1], ["  Zoe\u0308 "], LIMIT) == ()


def test_the_closest_reference_decides(client: GalleryClient) -> None:
    nearer, farther = PEOPLE[0] + 0.01, PEOPLE[0] + 0.1
    client.enroll([nearer, farther], ["Ada", "Grace"])

    assert client.find_duplicates(PEOPLE[:1], ["Ada"], LIMIT) == ()
    assert places(client.find_duplicates(PEOPLE[:1], ["Grace"], LIMIT)) == [(0, "Grace", "Ada")]


def test_duplicates_within_one_run_are_found_in_an_empty_gallery(client: GalleryClient) -> None:
    faces = [PEOPLE[0], PEOPLE[1], ALIKE[0], ALIKE[1]]

    found = client.find_duplicates(faces, ["Ada", "Grace", "Joan", "Grace"], LIMIT)

    assert places(found) == [(2, "Joan", "Ada")]
    assert found[0].reference_id == ""
    assert found[0].distance < 0.002


def test_many_rows_are_compared_each_with_those_before_it(client: GalleryClient) -> None:
    # More than are compared at once.
    faces = random_embeddings(600, 8, seed=9)
    faces[300] = faces[10] + 0.001
    faces[599] = faces[300] + 0.001
    labels = [f"person {row}" for row in range(600)]

    found = client.find_duplicates(faces, labels, 1e-5)

    assert places(found) == [
        (300, "person 300", "person 10"),
        (599, "person 599", "person 300"),
    ]


@pytest.mark.parametrize("metric", list(Metric))
def test_distances_are_those_of_the_metric_in_the_gallery_and_within_a_run(
    service: EmbeddedService, key: GalleryKey, metric: Metric
) -> None:
    with GalleryClient.create(
        service, key, dimension=8, metric=metric, parameters=STANDARD
    ) as client:
        (within,) = client.find_duplicates([PEOPLE[0], ALIKE[0]], ["Ada", "Joan"], 0.3)
        client.enroll(PEOPLE[:1], ["Ada"])
        (enrolled,) = client.find_duplicates(ALIKE[:1], ["Joan"], 0.3)

    assert within.distance == pytest.approx(enrolled.distance, abs=1e-5)


def test_what_is_enrolled_already_is_not_searched_for(client: GalleryClient) -> None:
    # Two labels for one face: an owner has decided that.
    client.enroll([PEOPLE[0], ALIKE[0]], ["Ada", "Joan"])
    finished: list[int] = []

    found = client.find_duplicates(
        [PEOPLE[0], ALIKE[0]], ["Ada", "Joan"], LIMIT, progress=finished.append
    )

    assert found == ()
    assert finished == [2]


def test_progress_counts_every_embedding(client: GalleryClient) -> None:
    client.enroll(PEOPLE[:1], ["Ada"])
    finished: list[int] = []

    client.find_duplicates(PEOPLE, ["Ada", "b", "c", "d"], LIMIT, progress=finished.append)

    assert sum(finished) == 4


def test_the_gallerys_threshold_counts_unless_one_is_given(
    service: EmbeddedService, key: GalleryKey
) -> None:
    with GalleryClient.create(service, key, dimension=8, threshold=LIMIT) as client:
        client.enroll(PEOPLE[:1], ["Ada"])

        assert len(client.find_duplicates(ALIKE[:1], ["Joan"])) == 1
        assert client.find_duplicates(ALIKE[:1], ["Joan"], 1e-9) == ()


def test_inputs_are_checked_as_at_an_enrollment(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey
) -> None:
    with pytest.raises(ThresholdRequiredError):
        client.find_duplicates(PEOPLE, ["a", "b", "c", "d"])
    with pytest.raises(InvalidLabelError):
        client.find_duplicates(PEOPLE, ["a"], LIMIT)
    facenet = Preprocessing("Facenet", "opencv", True, "base", 1024)
    with (
        GalleryClient.create(service, key, "faces", dimension=128, preprocessing=facenet) as other,
        pytest.raises(ModelMismatchError),
    ):
        other.find_duplicates(np.ones((1, 128)), ["a"], LIMIT, model="Dlib")


def test_nothing_is_written(client: GalleryClient) -> None:
    client.enroll(PEOPLE[:1], ["Ada"])
    before = client.summary()

    client.find_duplicates(ALIKE, ["a", "b", "c", "d"], LIMIT)

    assert client.summary() == before
