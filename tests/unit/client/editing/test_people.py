"""People of a gallery: their labels, numbers of references, and times of enrollment."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from gallery.client import GalleryClient, GalleryKey, Person, renew_gallery
from gallery.client.integrity.labels import LabelSealer
from gallery.server import EmbeddedService
from tests.support.galleries import random_embeddings

PEOPLE = (Person("Ada", 2, 1000, 2000, 0), Person("Grace", 1, 2000, 2000, 0))

At = Callable[[int], None]


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> At:
    """Sets the clock of this machine."""
    return lambda moment: monkeypatch.setattr(time, "time", lambda: float(moment))


@pytest.fixture
def embeddings(client: GalleryClient, at: At) -> np.ndarray:
    """Enroll Ada twice, at 1000 and 2000, and Grace once, at 2000."""
    embeddings = random_embeddings(3, 8)
    at(1000)
    client.enroll(embeddings[:1], ["Ada"])
    at(2000)
    client.enroll(embeddings[1:], ["Grace", "Ada"])
    return embeddings


def test_all_references_of_a_label_are_one_person(
    client: GalleryClient, embeddings: np.ndarray
) -> None:
    assert client.people() == PEOPLE


def test_an_empty_gallery_has_no_people(client: GalleryClient) -> None:
    assert client.people() == ()


def test_times_stay_when_labels_change(
    client: GalleryClient, embeddings: np.ndarray, at: At
) -> None:
    at(3000)
    client.rename("Ada", "Ada King")
    client.merge("Grace", "Ada King")

    assert client.people() == (Person("Ada King", 3, 1000, 2000, 0),)


def test_times_stay_when_the_gallery_moves_to_another_key(
    client: GalleryClient,
    embeddings: np.ndarray,
    service: EmbeddedService,
    key: GalleryKey,
    other_key: GalleryKey,
    at: At,
) -> None:
    at(3000)
    renew_gallery(service, key, other_key)

    with GalleryClient(service, other_key) as renewed:
        assert renewed.people() == PEOPLE


def test_what_an_earlier_version_enrolled_has_no_time(
    client: GalleryClient, embeddings: np.ndarray, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal = LabelSealer.seal
    with monkeypatch.context() as earlier:
        earlier.setattr(LabelSealer, "seal", lambda self, *given: seal(self, *given[:3]))
        client.enroll(random_embeddings(2, 8, seed=5), ["Ada", "Edith"])

    assert client.people() == (
        Person("Ada", 3, 1000, 2000, 1),
        Person("Edith", 1, None, None, 1),
        Person("Grace", 1, 2000, 2000, 0),
    )
