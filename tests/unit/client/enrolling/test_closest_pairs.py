"""The closest pairs of different people, against distances in clear."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from gallery.client import GalleryClient
from tests.support.galleries import client_of_each_scheme, random_embeddings

__all__ = ["client_of_each_scheme"]

LABELS = ["Ada", "Ada", "Grace", "Edith", "Hedy", "Emmy", "Grace", "Lise"]
EMBEDDINGS = random_embeddings(8, 8, seed=2)


def plain_pairs() -> list[tuple[tuple[str, str], float]]:
    """Return the people of each pair with their distance, the closest first."""
    units = EMBEDDINGS / np.linalg.norm(EMBEDDINGS, axis=1, keepdims=True)
    found: dict[tuple[str, str], float] = {}
    for one, other in combinations(range(len(LABELS)), 2):
        if LABELS[one] != LABELS[other]:
            key = min(LABELS[one], LABELS[other]), max(LABELS[one], LABELS[other])
            found[key] = min(1.0 - float(units[one] @ units[other]), found.get(key, np.inf))
    return sorted(found.items(), key=lambda item: item[1])


@pytest.mark.parametrize("count", [1, 4, 100])
def test_pairs_are_the_closest_that_there_are(client: GalleryClient, count: int) -> None:
    client.enroll(EMBEDDINGS, LABELS)
    references = {item.reference_id: item.label for item in client.references()}
    done: list[int] = []

    found = client.closest_pairs(count, threshold=0.5, progress=done.append)

    expected = plain_pairs()[:count]
    assert [(pair.label, pair.other_label) for pair in found] == [key for key, _ in expected]
    for pair, (_, distance) in zip(found, expected, strict=True):
        assert abs(pair.distance - distance) < 1e-5
        assert pair.decision == (pair.distance <= 0.5)
        assert references[pair.reference_id] == pair.label
        assert references[pair.other_reference_id] == pair.other_label
    assert sum(done) == len(LABELS)


def test_one_person_under_two_labels_is_the_first_pair(client: GalleryClient) -> None:
    client.enroll(np.vstack([EMBEDDINGS, EMBEDDINGS[:1] + 0.01]), [*LABELS, "A. Lovelace"])

    (first,) = client.closest_pairs(1, threshold=0.05)

    assert (first.label, first.other_label, first.decision) == ("A. Lovelace", "Ada", True)
    client.merge("A. Lovelace", "Ada")
    assert not client.closest_pairs(1, threshold=0.05)[0].decision


def test_people_without_others_make_no_pair(client: GalleryClient) -> None:
    assert client.closest_pairs(threshold=0.5) == ()
    client.enroll(EMBEDDINGS[:2], ["Ada", "Ada"])

    assert client.closest_pairs(threshold=0.5) == ()
    with pytest.raises(ValueError, match="at least one"):
        client.closest_pairs(0, threshold=0.5)
