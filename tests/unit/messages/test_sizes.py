"""The sizes of messages that a reader states beforehand are those that real messages have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from gallery.ciphertexts.blocks import capacity
from gallery.client import GalleryClient, GalleryKey
from gallery.messages import (
    BlockReferences,
    BlockResult,
    ReferenceTable,
    SearchRequest,
    StoredReference,
)
from gallery.messages.references import MAX_SEALED_LABEL
from gallery.messages.sizes import MessageSizes, largest_sizes
from gallery.parameters import PARAMETER_SETS, find_parameters
from gallery.server import EmbeddedService
from tests.support.galleries import names, random_embeddings
from tests.support.lying import Answer, LyingService

PARAMETERS = list(PARAMETER_SETS.values())


@pytest.fixture(params=PARAMETERS, ids=[item.name for item in PARAMETERS])
def client(
    request: pytest.FixtureRequest, service: EmbeddedService, key: GalleryKey
) -> Iterator[GalleryClient]:
    with GalleryClient.create(
        service, key, dimension=3, parameters=request.param, metric="euclidean", norm_bound=4.0
    ) as opened:
        opened.enroll(random_embeddings(2, 3), names(2))
        yield opened


def test_real_messages_have_these_sizes(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey
) -> None:
    sizes, gallery_id = MessageSizes.of(client.description), client.description.gallery_id
    requests: list[SearchRequest] = []
    watched = LyingService(service)

    def keep(request: SearchRequest, answer: Answer) -> Answer:
        requests.append(request)
        return answer

    watched.begin(keep)
    with GalleryClient(watched, key) as searching:
        searching.identify(random_embeddings(2, 3), threshold=0.1)
    (asked,) = requests
    (result,) = service.search(replace(asked, known={0: 2})).blocks

    block, stored = service.block(gallery_id, 0), service.references(gallery_id, 0)
    assert len(replace(block, seed=None).to_bytes()) == sizes.block
    assert len(service.check_sums(gallery_id).to_bytes()) == sizes.check_sums
    full = full_table(stored, capacity(find_parameters(client.description.parameters)))
    assert len(full.to_bytes()) == sizes.full_table
    # A block whose labels were changed has a larger header.
    header = replace(stored.header, encrypted_at=0)
    assert len(replace(block, header=header, seed=None).to_bytes()) == sizes.relabelled_block
    assert len(BlockReferences(header, full).to_bytes()) == sizes.references
    largest = BlockResult(header, full, result.distances)
    assert len(largest.to_bytes()) == sizes.answer(2)
    assert MessageSizes.of(asked.probes[0]).answer(2) == sizes.answer(2)
    assert largest_sizes().block >= sizes.block


def full_table(stored: BlockReferences, count: int) -> ReferenceTable:
    """Return the largest table that a block can have."""
    sealed = bytes(MAX_SEALED_LABEL)
    items = [StoredReference(i, bytes(16), bytes(16), bytes(16), sealed) for i in range(count)]
    return ReferenceTable.of(stored.table.gallery_id, 0, 2, items, stored.table.hint)
