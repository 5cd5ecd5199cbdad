"""Workers that share a PostgreSQL: what a cluster on several machines works with."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gallery.client import GalleryClient, GalleryKey
from gallery.errors import BlockCorruptedError
from gallery.server import EmbeddedService, open_service
from gallery.store import open_database
from tests.support.galleries import names, random_embeddings
from tests.support.postgresql import wait_for_a_purge
from tests.support.searching import (
    assert_right,
    gallery_id,
    request_of,
    rewrite,
    search,
)
from tests.unit.server.cluster.conftest import AMPLE, BLOCKS
from tests.unit.server.cluster.workers import Workers, workers


@pytest.fixture
def database(postgresql: str) -> str:
    """What all galleries of these tests are in."""
    return postgresql


def test_results_are_those_of_one_process_byte_for_byte(service: EmbeddedService, url: str) -> None:
    request = request_of(1, 3, 4, known={0: 2, 5: 1})

    with open_service(url) as local:
        expected = local.search(request)
        for _ in ("read from the database", "kept"):
            found = service.search(request)
            assert found.manifest == expected.manifest
            assert [one.to_bytes() for one in found.blocks] == [
                one.to_bytes() for one in local.search(request).blocks
            ]

    assert service.cache_statistics().misses == BLOCKS


def test_an_owner_finds_the_right_people(crew: Workers, postgresql: str, key: GalleryKey) -> None:
    embeddings = random_embeddings(20, 8)
    with open_service(postgresql, create=True, cache_size=AMPLE, cluster=crew.address) as service:
        with GalleryClient.create(service, key, dimension=8) as client:
            client.enroll(embeddings, names(20))
            assert client.identify(embeddings, threshold=1e-6).decisions.all()
            client.remove([names(20)[7]])

            found = client.identify(embeddings, threshold=1e-6)

    assert [bool(one) for one in found.decisions] == [number != 7 for number in range(20)]


def test_a_worker_that_is_killed_during_a_search_leaves_it_right(url: str, tmp_path: Path) -> None:
    request = request_of(1, 8, 10)
    with (
        workers(tmp_path / "log", 3) as crew,
        open_service(url, cache_size=AMPLE, cluster=crew.address) as service,
    ):
        search(service, request_of(1))
        victim = sorted(crew.addresses())[0]  # it is where the others get the probes
        with crew.occupied(victim):
            found = service.search(request)
            crew.wait_until_asked(victim)
            crew.kill(victim)
            assert_right(service, request, list(found.blocks))

        assert service.cache_statistics().blocks == BLOCKS


def test_what_is_erased_leaves_the_workers_of_every_server_at_once(
    crew: Workers, service: EmbeddedService, url: str
) -> None:
    with open_service(url, cache_size=AMPLE + 1, cluster=crew.address) as other:
        for one in (service, other):
            search(one, request_of(1))
            search(one, request_of(2))

        rewrite(service, 1, 4, purge=True)
        assert [one.cache_statistics().blocks for one in (service, other)] == [BLOCKS, BLOCKS]
        service.delete(gallery_id(1))
        assert [one.cache_statistics().blocks for one in (service, other)] == [1, 1]


def test_what_is_replaced_during_a_search_is_compared_as_it_was(crew: Workers, url: str) -> None:
    request = request_of(1, 3)
    with open_service(url) as other:
        expected = [one.to_bytes() for one in search(other, request)]
        with open_service(url, cluster=crew.address) as service, crew.occupied() as free:
            found = service.search(request)  # its snapshot is taken, its workers are not free yet
            rewrite(other, 1, 2)
            free()

            assert [one.to_bytes() for one in found.blocks] == expected


def test_a_search_and_an_erasure_do_not_wait_for_each_other(crew: Workers, url: str) -> None:
    # The erasure's full vacuum waits for the search's snapshot, the workers' reads for the vacuum,
    # and the search for its workers. The database sees no deadlock: the last wait is not its own.
    with (
        open_service(url) as other,
        open_service(url, cluster=crew.address) as service,
        ThreadPoolExecutor(1) as pool,
    ):
        expected = [one.to_bytes() for one in search(other, request_of(1))]
        with crew.occupied() as free:
            found = service.search(request_of(1))
            erasure = pool.submit(other.delete, gallery_id(2))
            wait_for_a_purge(url)
            free()

            assert [one.to_bytes() for one in found.blocks] == expected
        erasure.result()


def test_a_damaged_block_reaches_the_caller(service: EmbeddedService, url: str) -> None:
    with open_database(url) as database, database.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE block SET columns = set_byte(columns, 5, get_byte(columns, 5) # 1) "
            "WHERE block_index = 3"
        )

    with pytest.raises(BlockCorruptedError, match="block 3 is damaged"):
        search(service, request_of(1))
