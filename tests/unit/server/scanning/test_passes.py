"""Passes on PostgreSQL: erasures and searches wait for each other, and none of them for ever."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from gallery.errors import ErasurePendingError
from gallery.server import open_service
from gallery.store import GalleryStore, open_database, purging
from tests.support.postgresql import postgresql, postgresql_server, wait_for_a_purge
from tests.support.searching import (
    assert_right,
    fill,
    gallery_id,
    request_of,
    rewrite,
    search,
    wait_until_waiting,
    watched_service,
)

__all__ = ["postgresql", "postgresql_server"]


@pytest.fixture
def url(postgresql: str) -> str:
    """A database with three galleries of twelve blocks, more than a pass scans in one turn."""
    with open_service(postgresql, create=True) as service:
        for number in (1, 2, 3):
            fill(service, number, 12)
    return postgresql


def test_searches_of_two_galleries_end_while_a_third_is_erased(url: str) -> None:
    # The pass over the first gallery holds what the erasure waits for. The pass over the second is
    # begun by the same thread, and waits for the erasure.
    with (
        open_service(url) as other,
        watched_service(url) as (service, evaluator),
        ThreadPoolExecutor(3) as pool,
    ):
        with evaluator.held():
            first = pool.submit(search, service, request_of(1))
            evaluator.wait_for_a_call()
            erasure = pool.submit(other.delete, gallery_id(3))
            wait_for_a_purge(url)
            second = pool.submit(search, service, request_of(2))
            wait_until_waiting(service, 1)
        for number, found in ((1, first), (2, second)):
            assert_right(service, request_of(number), found.result())
        erasure.result()
        assert other.gallery_names() == ["gallery 1", "gallery 2"]


def test_an_erasure_that_somebody_prevents_says_so_and_can_be_finished(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "_LOCK_WAITS_S", (1,))
    with open_service(url) as service, open_database(url) as opened:
        with GalleryStore(opened).snapshot(gallery_id(1)) as before:
            with pytest.raises(ErasurePendingError, match="call the service's purge"):
                rewrite(service, 1, 4, purge=True)
            assert before.block(4).header.version == 2
        service.purge()

        assert service.block(gallery_id(1), 4).header.version == 3
