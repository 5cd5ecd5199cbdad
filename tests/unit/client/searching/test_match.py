"""1:1: whether a probe shows the person that it is said to show; and lists of people."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from gallery.client import GalleryClient, GalleryKey, Identification, PersonDetails
from gallery.errors import InvalidLabelError, ReferenceNotFoundError
from gallery.parameters import PARAMETER_SETS
from gallery.server import EmbeddedService
from tests.support.galleries import random_embeddings
from tests.support.recording import RecordingService

EMBEDDINGS = random_embeddings(4, 8)
LABELS = ["Ada", "Grace", "Ada", "Edith"]


@pytest.fixture(params=PARAMETER_SETS.values(), ids=lambda parameters: parameters.name)
def client(
    request: pytest.FixtureRequest, service: EmbeddedService, key: GalleryKey
) -> Iterator[GalleryClient]:
    """A gallery with Ada twice, Grace once and Edith once, of each parameter set."""
    with GalleryClient.create(service, key, dimension=8, parameters=request.param) as opened:
        opened.enroll(EMBEDDINGS, LABELS)
        yield opened


def test_a_probe_is_compared_with_the_closest_reference_of_one_person(
    client: GalleryClient,
) -> None:
    everybody = client.identify(EMBEDDINGS, k=4, threshold=0.01, per_reference=True)
    references = {item.reference_id: item.label for item in client.references()}

    for label in ("Ada", "Grace"):
        found = client.match(EMBEDDINGS, label, threshold=0.01)

        assert [*found.decisions] == [item == label for item in LABELS]
        assert set(found.labels[:, 0]) == {label}
        assert {references[item] for item in found.reference_ids[:, 0]} == {label}
        assert set(found.searched) == {LABELS.count(label)}
        assert not found.ambiguous.any()
        bound = 0.01
        for row, distance in enumerate(found.distances[:, 0]):
            own = everybody.distances[row][everybody.labels[row] == label]
            assert abs(distance - own.min()) < bound


def test_a_label_is_normalised_as_everywhere(client: GalleryClient) -> None:
    assert client.match(EMBEDDINGS[1], " Grace ", threshold=0.01).decisions.all()
    with pytest.raises(InvalidLabelError):
        client.match(EMBEDDINGS[1], "", threshold=0.01)


Search = Callable[[GalleryClient, np.ndarray], object]


def nobody(client: GalleryClient, probes: np.ndarray) -> None:
    with pytest.raises(ReferenceNotFoundError, match="'Nobody'"):
        client.match(probes, "Nobody", threshold=0.01)


SEARCHES: dict[str, Search] = {
    "identify": lambda client, probes: client.identify(probes, threshold=0.01),
    "people": lambda client, probes: client.identify(probes, k=3, threshold=0.01),
    "references": lambda client, probes: client.identify(
        probes, k=3, threshold=0.01, per_reference=True
    ),
    "match": lambda client, probes: client.match(probes, "Ada", threshold=0.01),
    "match of another": lambda client, probes: client.match(probes, "Grace", threshold=0.01),
    "match of nobody": nobody,
    "somebody who has expired": lambda client, probes: client.identify(
        np.repeat(EMBEDDINGS[1:2], len(probes), axis=0), threshold=0.01
    ),
    "match of somebody who has expired": lambda client, probes: client.match(
        np.repeat(EMBEDDINGS[1:2], len(probes), axis=0), "Grace", threshold=0.01
    ),
    "a threshold with a name": lambda client, probes: client.identify(probes, threshold="door"),
}


@pytest.mark.parametrize("count", [1, 20])
def test_a_server_cannot_tell_whom_a_search_is_for(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey, count: int
) -> None:
    probes = np.vstack([EMBEDDINGS[:1], random_embeddings(count - 1, 8, seed=3)])
    client.annotate(["Grace"], PersonDetails(expires=1_000_000_000))
    client.annotate(["Ada"], PersonDetails({"id": "4711"}, 4_000_000_000))
    client.set_threshold(0.01, "door")
    requests = {}
    for name, search in SEARCHES.items():
        recorded = RecordingService(service)
        with GalleryClient(recorded, key) as watched:
            search(watched, probes)
        answers = [len(data) for data in recorded.received]
        requests[name] = [(call, len(data)) for call, data in recorded.sent], answers

    # One request cannot be split, so nothing is asked before it.
    planned = {"search"} if count == 1 else {"search", "manifest"}
    assert {call for call, _ in requests["identify"][0]} >= planned
    for name, said in requests.items():
        assert said == requests["identify"], name


# --- lists ----------------------------------------------------------------------------------------


def people(found: Identification) -> list[list[str]]:
    return [[label for label in row if label] for row in found.labels.tolist()]


def test_lists_are_of_people_each_with_the_closest_reference(client: GalleryClient) -> None:
    found = client.identify(EMBEDDINGS, k=4, threshold=0.01)
    references = client.identify(EMBEDDINGS, k=4, threshold=0.01, per_reference=True)

    for row, (some, all_of_them) in enumerate(zip(people(found), people(references), strict=True)):
        assert some == list(dict.fromkeys(all_of_them))
        assert sorted(all_of_them) == sorted(LABELS)
        first = [all_of_them.index(label) for label in some]
        assert (
            found.reference_ids[row, :3].tolist() == references.reference_ids[row, first].tolist()
        )
    assert np.isinf(found.distances[:, 3]).all()
    assert [*found.decisions] == [*references.decisions] == [True] * 4
    assert set(found.searched) == {4}


def test_a_list_of_one_is_the_same_either_way(client: GalleryClient) -> None:
    one, other = (
        client.identify(EMBEDDINGS, threshold=0.01, per_reference=way) for way in (False, True)
    )

    assert one.reference_ids.tolist() == other.reference_ids.tolist()
    assert one.labels[:, 0].tolist() == LABELS
