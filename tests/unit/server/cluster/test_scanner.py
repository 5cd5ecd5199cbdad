"""A search on workers gives what a search in one process gives, bit for bit."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from gallery.client import GalleryClient, GalleryKey
from gallery.errors import (
    BlockCorruptedError,
    DatabaseError,
    KeyMismatchError,
    MissingBlockError,
    ServerError,
)
from gallery.parameters import LIGHT, SWIFT, ParameterSet
from gallery.server import EmbeddedService, open_service
from gallery.server.cluster import dask_client
from tests.support.galleries import names, random_embeddings
from tests.support.searching import (
    assert_right,
    fill,
    fill_hinted,
    gallery_id,
    request_of,
    rewrite,
    search,
)
from tests.unit.server.cluster.conftest import AMPLE, BLOCKS
from tests.unit.server.cluster.workers import Workers


def damage(url: str, statement: str, *values: object) -> None:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    with connection:
        connection.execute(statement, values)
    connection.close()


# --- the same results ---------------------------------------------------------------------------


def test_results_are_those_of_one_process_byte_for_byte(service: EmbeddedService, url: str) -> None:
    request = request_of(1, 3, 4, known={0: 2, 5: 1})

    with open_service(url) as local:
        expected = local.search(request)
        found = service.search(request)
        assert found.manifest == expected.manifest
        assert [one.to_bytes() for one in found.blocks] == [
            one.to_bytes() for one in expected.blocks
        ]


def test_a_hinted_gallery_gives_the_same_on_workers(service: EmbeddedService, url: str) -> None:
    with open_service(url) as local:
        fill_hinted(local, 3, 5)
        sums = local.check_sums(gallery_id(3))
        for known, digest in (({}, b""), ({0: 2, 4: 2}, sums.digest()), ({}, bytes(32))):
            request = request_of(3, 1, 2, known=known, parameters=LIGHT)
            request = replace(request, known_check_sums=digest)
            expected, found = local.search(request), service.search(request)
            assert found.check_sums == expected.check_sums
            assert [one.to_bytes() for one in found.blocks] == [
                one.to_bytes() for one in expected.blocks
            ]


@pytest.mark.parametrize("parameters", [SWIFT, LIGHT], ids=lambda p: p.name)
def test_a_hinted_gallery_is_searched_and_changed_through_a_cluster(
    service: EmbeddedService, key: GalleryKey, parameters: ParameterSet
) -> None:
    embeddings = random_embeddings(4, 8)
    with GalleryClient.create(service, key, dimension=8, parameters=parameters) as client:
        client.enroll(embeddings[:3], names(3))
        assert [*client.identify(embeddings[:3], threshold=0.05).labels[:, 0]] == names(3)
        client.enroll(embeddings[3:], names(4)[3:])
        client.remove(names(1))
        assert [*client.identify(embeddings[1:], threshold=0.05).labels[:, 0]] == names(4)[1:]


def test_a_second_search_reads_nothing(service: EmbeddedService) -> None:
    search(service, request_of(1))
    first = service.cache_statistics()
    again = request_of(1, 5, known=dict.fromkeys(range(BLOCKS), 2))

    assert_right(service, again, search(service, again))

    second = service.cache_statistics()
    assert (first.blocks, first.misses) == (BLOCKS, BLOCKS)
    assert (second.blocks, second.misses) == (BLOCKS, BLOCKS)
    assert second.hits == first.hits + BLOCKS
    assert second.budget == 2 * AMPLE


def test_references_that_were_not_asked_for_at_first_are_read_later(
    service: EmbeddedService,
) -> None:
    search(service, request_of(1, known=dict.fromkeys(range(BLOCKS), 2)))

    request = request_of(1, 6)

    assert_right(service, request, search(service, request))


def test_workers_that_may_keep_nothing_read_for_each_search(crew: Workers, url: str) -> None:
    with open_service(url, cluster=crew.address) as service:
        for _ in range(2):
            assert_right(service, request_of(1), search(service, request_of(1)))

        assert service.cache_statistics().blocks == 0
        assert service.cache_statistics().misses == 2 * BLOCKS


def test_searches_of_several_galleries_at_once(service: EmbeddedService) -> None:
    requests = [request_of(1 + seed % 2, seed) for seed in range(12)]

    with ThreadPoolExecutor(12) as pool:
        outcomes = list(pool.map(lambda request: search(service, request), requests))

    for request, results in zip(requests, outcomes, strict=True):
        assert_right(service, request, results)
    assert service.search_statistics().comparisons == 6 * (BLOCKS + 1) * 2


def test_an_owner_finds_the_right_people(crew: Workers, database: str, key: GalleryKey) -> None:
    embeddings = random_embeddings(20, 8)
    with open_service(database, create=True, cache_size=AMPLE, cluster=crew.address) as service:
        with GalleryClient.create(service, key, dimension=8) as client:
            client.enroll(embeddings, names(20))
            client.remove([names(20)[7]])

            found = client.identify(embeddings, threshold=1e-6)

    assert [bool(one) for one in found.decisions] == [number != 7 for number in range(20)]


def test_a_relative_path_of_a_database_is_the_server_s(
    crew: Workers, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(url.removeprefix("sqlite:///"))
    monkeypatch.chdir(path.parent)

    with open_service(f"sqlite:///{path.name}", cluster=crew.address) as service:
        assert len(search(service, request_of(1))) == BLOCKS


# --- the gallery moves on -----------------------------------------------------------------------


def test_what_is_replaced_during_a_search_is_compared_as_it_was(crew: Workers, url: str) -> None:
    request = request_of(1, 3)
    with open_service(url) as other:
        expected = [one.to_bytes() for one in search(other, request)]
        with open_service(url, cluster=crew.address) as service, crew.occupied() as free:
            found = service.search(request)  # its snapshot is taken, its workers are not free yet
            rewrite(other, 1, 2)
            rewrite(other, 1, 9)
            free()
            results = [one.to_bytes() for one in found.blocks]

            assert results == expected
            assert_right(service, request, search(service, request))


def test_a_gallery_that_is_deleted_during_a_search_is_searched_to_the_end(
    crew: Workers, url: str
) -> None:
    with open_service(url) as other:
        expected = [one.to_bytes() for one in search(other, request_of(1))]
        with open_service(url, cluster=crew.address) as service, crew.occupied() as free:
            found = service.search(request_of(1))
            damage(url, "DELETE FROM gallery WHERE gallery_id = ?", gallery_id(1))
            free()

            assert [one.to_bytes() for one in found.blocks] == expected


# --- erasure ------------------------------------------------------------------------------------


def test_what_is_replaced_leaves_the_workers_at_once(service: EmbeddedService) -> None:
    search(service, request_of(1))

    rewrite(service, 1, 4, purge=True)

    assert service.cache_statistics().blocks == BLOCKS - 1
    assert_right(service, request_of(1), search(service, request_of(1)))
    assert service.cache_statistics().blocks == BLOCKS


def test_what_another_server_replaced_leaves_them_with_the_next_search(
    service: EmbeddedService, url: str
) -> None:
    search(service, request_of(1))
    with open_service(url) as other:
        rewrite(other, 1, 4, purge=True)
    known = service.cache_statistics()

    results = search(service, request_of(1))

    assert_right(service, request_of(1), results)
    assert known.blocks == BLOCKS
    assert service.cache_statistics().blocks == BLOCKS
    assert service.cache_statistics().misses == known.misses + 1


def test_a_deleted_gallery_leaves_them_at_once_and_so_it_does_for_other_servers(
    crew: Workers, service: EmbeddedService, url: str
) -> None:
    with open_service(url, cache_size=AMPLE + 1, cluster=crew.address) as other:
        for one in (service, other):
            search(one, request_of(1))
            search(one, request_of(2))

        service.delete(gallery_id(1))

        assert [one.cache_statistics().blocks for one in (service, other)] == [1, 1]


def test_a_purge_leaves_nothing(service: EmbeddedService) -> None:
    search(service, request_of(1))

    service.purge()

    assert service.cache_statistics().bytes == 0


# --- errors -------------------------------------------------------------------------------------


def test_a_damaged_block_reaches_the_caller(service: EmbeddedService, url: str) -> None:
    damage(url, "UPDATE block SET columns = zeroblob(length(columns)) WHERE block_index = 3")

    with pytest.raises(BlockCorruptedError, match="block 3 is damaged"):
        search(service, request_of(1))

    assert len(search(service, request_of(2))) == 1


def test_a_missing_block_reaches_the_caller(service: EmbeddedService, url: str) -> None:
    damage(url, "DELETE FROM block WHERE block_index = 11")

    with pytest.raises(MissingBlockError, match="block 11"):
        search(service, request_of(1))


def test_a_probe_that_does_not_fit_fails_its_own_caller_only(service: EmbeddedService) -> None:
    request = request_of(1)
    foreign = replace(request, probes=(replace(request.probes[0], key_id=b"x" * 16),))

    with pytest.raises(KeyMismatchError):
        search(service, foreign)

    assert_right(service, request, search(service, request))


def test_workers_that_cannot_open_the_database_say_so(
    crew: Workers, url: str, tmp_path: Path
) -> None:
    path = Path(url.removeprefix("sqlite:///"))
    with open_service(url, cluster=crew.address) as service:
        path.rename(tmp_path / "elsewhere.db")
        with pytest.raises(DatabaseError, match=r"was moved, deleted or replaced"):
            search(service, request_of(1))


def test_a_database_in_memory_cannot_be_shared(crew: Workers) -> None:
    with pytest.raises(DatabaseError, match="in memory"):
        with open_service("sqlite://", create=True, cluster=crew.address):
            pass


def test_a_scheduler_that_is_not_there_is_an_error_at_the_start(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_client, "REPLY_TIMEOUT_S", 0.5)
    with pytest.raises(ServerError, match="cannot reach the scheduler"):
        with open_service(url, cluster="tcp://127.0.0.1:1"):
            pass


def test_the_password_of_the_database_is_not_shown(crew: Workers) -> None:
    from gallery.server.cluster.worker import WorkerConfig

    assert "secret" not in repr(WorkerConfig("postgresql://owner:secret@host/faces", "native", 0))


def test_the_empty_gallery_has_no_results(crew: Workers, database: str) -> None:
    with open_service(database, create=True, cluster=crew.address) as service:
        fill(service, 1, 0)

        assert search(service, request_of(1)) == []
