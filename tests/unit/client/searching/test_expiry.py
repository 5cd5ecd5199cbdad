"""People who have expired: listed, so that it is seen who was there, and no match."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from gallery.client import GalleryClient, GalleryKey, PersonDetails
from gallery.client.integrity import clock
from gallery.parameters import STANDARD, SWIFT, ParameterSet
from gallery.server import EmbeddedService
from tests.support.galleries import random_embeddings

LABELS = ["Ada", "Ada", "Grace", "Edith"]
EMBEDDINGS = random_embeddings(4, 8)
END = 1_800_000_000


@pytest.fixture(params=[SWIFT, STANDARD], ids=lambda parameters: parameters.name)
def client(
    request: pytest.FixtureRequest, service: EmbeddedService, key: GalleryKey
) -> Iterator[GalleryClient]:
    """A gallery in which Ada has an end and a number, and Grace a number."""
    parameters: ParameterSet = request.param
    with GalleryClient.create(service, key, dimension=8, parameters=parameters) as opened:
        opened.enroll(EMBEDDINGS, LABELS)
        opened.annotate(["Ada"], PersonDetails({"id": "1"}, END))
        opened.annotate(["Grace"], PersonDetails({"id": "2"}))
        yield opened


def at(monkeypatch: pytest.MonkeyPatch, moment: int) -> None:
    """Set the clock of this machine."""
    monkeypatch.setattr(clock, "seconds", lambda: moment)


def test_people_are_a_match_until_their_end_and_not_from_then_on(
    client: GalleryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, END - 1)
    before = client.identify(EMBEDDINGS, threshold=0.01)
    at(monkeypatch, END)
    after = client.identify(EMBEDDINGS, threshold=0.01)

    assert before.decisions.tolist() == [True] * 4
    assert not (before.expired.any() or before.refused.any())
    assert after.decisions.tolist() == [False, False, True, True]
    assert after.refused.tolist() == [True, True, False, False]
    for found in (before, after):
        assert found.labels[:, 0].tolist() == LABELS
        assert [item.attributes for item in found.details[:, 0]] == [
            {"id": "1"}, {"id": "1"}, {"id": "2"}, {}
        ]  # fmt: skip
        assert [item.expires for item in found.details[:, 0]] == [END, END, None, None]


def test_nobody_else_is_taken_for_somebody_who_has_expired(
    client: GalleryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, END)
    found = client.identify(EMBEDDINGS[0], k=3, threshold=1.9)

    assert found.labels[0].tolist()[0] == "Ada"
    assert found.expired[0].tolist() == [True, False, False]
    assert (found.distances[0] < 1.9).sum() > 1
    assert not found.decisions[0]
    assert not found.ambiguous[0]


def test_somebody_who_has_expired_and_comes_second_changes_nothing(
    client: GalleryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, END)
    found = client.identify(EMBEDDINGS[2], k=3, threshold=1.9)

    assert found.decisions[0]
    assert found.expired[0].tolist() == [label == "Ada" for label in found.labels[0]]


def test_a_comparison_with_one_person_says_so_too(
    client: GalleryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, END)
    found = client.match(EMBEDDINGS, "Ada", threshold=0.01)

    assert not found.decisions.any()
    assert found.refused.tolist() == [True, True, False, False]


def test_places_without_a_candidate_are_nobody(client: GalleryClient) -> None:
    found = client.identify(EMBEDDINGS[0], k=9, threshold=0.01, per_reference=True)

    assert found.labels[0, 4:].tolist() == [""] * 5
    assert found.details[0, 4:].tolist() == [PersonDetails()] * 5
    assert not found.expired[0, 4:].any()


def test_who_has_expired_is_a_duplicate_all_the_same(
    client: GalleryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, END)

    (found,) = client.find_duplicates(EMBEDDINGS[:1], ["Eve"], 0.01)
    pairs = client.closest_pairs(1, 1.9)

    assert found.found_label == "Ada"
    assert pairs[0].decision
    assert np.isfinite(pairs[0].distance)
