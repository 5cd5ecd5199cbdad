"""All distances of probes: in the order of references, and checked as those of a search."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import gallery.client.searching.exchange as exchange
from gallery.client import GalleryClient, GalleryKey
from gallery.errors import (
    DimensionMismatchError,
    IntegrityError,
    InvalidEmbeddingError,
    ModelMismatchError,
)
from gallery.messages import Preprocessing, SearchRequest
from gallery.parameters import PARAMETER_SETS
from gallery.server import EmbeddedService
from tests.support.galleries import names, random_embeddings
from tests.support.lying import Answer, LyingService

EMBEDDINGS = random_embeddings(20, 8)


@pytest.fixture(autouse=True)
def four_probes_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "REQUEST_PROBES", 4)


@pytest.fixture(params=PARAMETER_SETS.values(), ids=lambda parameters: parameters.name)
def client(
    request: pytest.FixtureRequest, service: EmbeddedService, key: GalleryKey
) -> Iterator[GalleryClient]:
    """A gallery of twenty people, of each parameter set."""
    with GalleryClient.create(
        service,
        key,
        dimension=8,
        parameters=request.param,
        preprocessing=Preprocessing("Dlib"),
    ) as opened:
        opened.enroll(EMBEDDINGS, names(20))
        yield opened


def compared(client: GalleryClient, probes: np.ndarray) -> list[np.ndarray]:
    found: list[np.ndarray] = []
    client.compare(probes, found.append)
    return found


def test_distances_come_for_a_few_probes_at_a_time_in_the_order_of_references(
    client: GalleryClient,
) -> None:
    found = compared(client, EMBEDDINGS[:10])

    assert [part.shape for part in found] == [(4, 20), (4, 20), (2, 20)]
    order = [names(20).index(reference.label) for reference in client.references()]
    units = EMBEDDINGS / np.linalg.norm(EMBEDDINGS, axis=1, keepdims=True)
    expected = 1.0 - units[:10] @ units[order].T
    np.testing.assert_allclose(np.concatenate(found), expected, atol=0.02)
    assert (np.concatenate(found) >= 0.0).all()


def test_a_reference_that_was_erased_is_in_no_column(client: GalleryClient) -> None:
    client.remove([names(20)[3]])

    (found,) = compared(client, EMBEDDINGS[3])

    assert found.shape == (1, 19)
    assert found.min() > 0.02


def test_progress_counts_probes(client: GalleryClient) -> None:
    done: list[int] = []

    client.compare(EMBEDDINGS[:6], lambda distances: None, progress=done.append)

    assert done == [4, 2]


def test_what_is_refused_of_a_search_is_refused_here(client: GalleryClient) -> None:
    for probes, error in (
        (np.empty((0, 8)), InvalidEmbeddingError),
        (np.full((1, 8), np.nan), InvalidEmbeddingError),
        (np.ones((1, 9)), DimensionMismatchError),
    ):
        with pytest.raises(error):
            compared(client, probes)
    with pytest.raises(ModelMismatchError):
        client.compare(EMBEDDINGS, lambda distances: None, model="Facenet")


def test_a_wrong_result_is_noticed_and_all_requests_are_sent_all_the_same(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey
) -> None:
    def lie(request: SearchRequest, answer: Answer) -> Answer:
        residues = answer.residues()
        residues[0][0].ravel()[:4096] ^= 1
        return answer.with_residues(residues)

    lying, taken = LyingService(service), list[np.ndarray]()
    with GalleryClient(lying, key) as deceived:
        lying.begin(lie, at=[1])
        with pytest.raises(IntegrityError):
            deceived.compare(EMBEDDINGS, taken.append)

    assert lying.searches == 5
    assert len(taken) < 5
