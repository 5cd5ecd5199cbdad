"""A whole search gives the same distances whichever evaluator compares."""

from __future__ import annotations

import numpy as np

from gallery.client import GalleryClient, GalleryKey
from gallery.evaluator import EVALUATORS
from gallery.messages import EncryptedProbe, SearchRequest
from gallery.server import open_service
from tests.galleries import names, random_embeddings


def test_both_evaluators_return_the_same_ciphertexts(database: str, key: GalleryKey) -> None:
    with (
        open_service(database, create=True) as service,
        GalleryClient.create(service, key, dimension=16) as client,
    ):
        client.enroll(random_embeddings(100, 16), names(100))
        description = client.description
        gallery_id = description.gallery_id
        constants = service.block(gallery_id, 0).columns

    probe = EncryptedProbe(bytes(16), key.key_id, description.parameters, 16, constants)
    answers = []
    for evaluator in EVALUATORS:
        with open_service(database, evaluator=evaluator) as service:
            (block,) = service.search(SearchRequest(gallery_id, (probe,), {})).blocks
            answers.append(block.distances[0].residues)

    assert len(answers) == 2
    np.testing.assert_array_equal(answers[0], answers[1])


def test_a_search_with_seals_own_evaluator_identifies(database: str, key: GalleryKey) -> None:
    embeddings = random_embeddings(30, 16)
    with (
        open_service(database, create=True, evaluator="reference") as service,
        GalleryClient.create(service, key, dimension=16) as client,
    ):
        client.enroll(embeddings, names(30))
        found = client.identify(embeddings[7], threshold=0.01)

    assert found.labels[0, 0] == "person 7"
    assert found.decisions[0]
