"""A whole search gives the same distances whichever evaluator compares."""

from __future__ import annotations

import numpy as np

from gallery.backends import Backend
from gallery.client import GalleryClient, GalleryKey
from gallery.messages import EncryptedProbe, SearchRequest
from gallery.parameters import STANDARD
from gallery.protocol import GalleryService
from gallery.server import open_service
from tests.support.galleries import names, random_embeddings
from tests.support.serving import serving


def test_evaluators_and_a_server_return_the_same_ciphertexts(
    database: str, key: GalleryKey
) -> None:
    with (
        open_service(database, create=True) as service,
        GalleryClient.create(service, key, dimension=16, parameters=STANDARD) as client,
    ):
        client.enroll(random_embeddings(100, 16), names(100))
        description = client.description
        gallery_id = description.gallery_id
        constants = service.block(gallery_id, 0).columns

    probe = EncryptedProbe(bytes(16), key.key_id, description.parameters, 16, constants)
    answers = []
    for backend in Backend:
        with open_service(database, backend=backend) as service:
            answers.append(answer(service, SearchRequest(gallery_id, (probe,), {})))
    with serving(database) as server, server.connected("owner") as remote:
        answers.append(answer(remote, SearchRequest(gallery_id, (probe,), {})))

    assert len(answers) == 3
    assert answers[0] == answers[1] == answers[2]


def answer(service: GalleryService, request: SearchRequest) -> list[bytes]:
    result = service.search(request)
    return [result.manifest.to_bytes(), *(block.to_bytes() for block in result.blocks)]


def test_a_server_leads_to_the_same_decisions_and_candidates(
    database: str, key: GalleryKey
) -> None:
    embeddings = random_embeddings(60, 16)
    probes = np.vstack([embeddings[::3] + 0.1, random_embeddings(20, 16, seed=2)])
    with open_service(database, create=True) as service:
        with GalleryClient.create(service, key, dimension=16, parameters=STANDARD) as client:
            client.enroll(embeddings, names(60))
            here = client.identify(probes, k=5, threshold=0.1)
    with serving(database) as server, server.connected("owner") as remote:
        with GalleryClient(remote, key) as client:
            there = client.identify(probes, k=5, threshold=0.1)

    assert [*here.decisions] == [True] * 20 + [False] * 20
    np.testing.assert_array_equal(here.decisions, there.decisions)
    np.testing.assert_array_equal(here.labels, there.labels)
    np.testing.assert_array_equal(here.reference_ids, there.reference_ids)


def test_a_search_with_seals_own_evaluator_identifies(database: str, key: GalleryKey) -> None:
    embeddings = random_embeddings(30, 16)
    with (
        open_service(database, create=True, backend="seal") as service,
        GalleryClient.create(service, key, dimension=16, parameters=STANDARD) as client,
    ):
        client.enroll(embeddings, names(30))
        found = client.identify(embeddings[7], threshold=0.01)

    assert found.labels[0, 0] == "person 7"
    assert found.decisions[0]
