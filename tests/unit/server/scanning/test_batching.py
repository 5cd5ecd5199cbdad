"""Searches that come together share a pass, and nothing else."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gallery.arrays import residue_bytes
from gallery.client import GalleryClient, GalleryKey
from gallery.errors import (
    BlockCorruptedError,
    DimensionMismatchError,
    GalleryError,
    GalleryNotFoundError,
    KeyMismatchError,
    MalformedMessageError,
    ServerBusyError,
)
from gallery.messages import NO_CHECK_SUMS, SearchRequest, columns_digest
from gallery.parameters import COMPACT, LIGHT, ParameterSet
from gallery.server import EmbeddedService, open_service
from gallery.server.scanning.batching import GALLERIES_AT_ONCE, PROBES_PER_PASS
from tests.support.builders import random_columns
from tests.support.galleries import names, random_embeddings
from tests.support.searching import (
    BLOCK_BYTES,
    PATIENCE,
    WatchedEvaluator,
    assert_right,
    fill,
    fill_hinted,
    gallery_id,
    request_of,
    rewrite,
    search,
    search_together,
    wait_until_waiting,
    watched_service,
)

AMPLE = 1000 * BLOCK_BYTES
BLOCKS = 12

Watched = tuple[EmbeddedService, WatchedEvaluator]


@pytest.fixture
def url(database: str) -> str:
    """A database with a gallery of twelve blocks and one of a single block."""
    with open_service(database, create=True) as service:
        fill(service, 1, BLOCKS)
        fill(service, 2, 1)
    return database


@pytest.fixture(params=[0, AMPLE], ids=["cold", "warm"])
def watched(request: pytest.FixtureRequest, url: str) -> Iterator[Watched]:
    """A service that keeps nothing, and one that has read all blocks."""
    with watched_service(url, request.param) as (service, evaluator):
        if request.param:
            search(service, request_of(1))
            search(service, request_of(2))
            evaluator.reset()
        yield service, evaluator


@pytest.fixture
def cold(url: str) -> Iterator[Watched]:
    """A service that keeps nothing, so that each turn of a pass is one block."""
    with watched_service(url) as opened:
        yield opened


# --- the same results ---------------------------------------------------------------------------


def test_searches_that_share_a_pass_get_what_each_gets_alone(watched: Watched) -> None:
    service, evaluator = watched
    requests = [request_of(1, seed) for seed in range(1, 4)]
    requests += [request_of(1, 7, 8, known={0: 2, 3: 1}), request_of(1, 9, known={0: 2, 5: 2})]

    outcomes = search_together(service, evaluator, requests)

    for request, results in zip(requests, outcomes, strict=True):
        assert not isinstance(results, BaseException)
        assert_right(service, request, results)
    assert {probes for _, probes in evaluator.calls} == {1, 5}


def test_any_number_of_threads_may_search_at_once(url: str) -> None:
    requests = [request_of(1 + seed % 2, seed) for seed in range(24)]
    with watched_service(url, 5 * BLOCK_BYTES) as (service, _), ThreadPoolExecutor(24) as pool:
        outcomes = list(pool.map(lambda request: search(service, request), requests))

        for request, results in zip(requests, outcomes, strict=True):
            assert_right(service, request, results)
        statistics, cache = service.search_statistics(), service.cache_statistics()

    assert (statistics.searches, statistics.probes) == (24, 24)
    assert statistics.comparisons == 12 * (BLOCKS + 1) * 2
    assert cache.bytes <= cache.budget


def test_owners_who_search_together_find_their_own(database: str, key: GalleryKey) -> None:
    embeddings = random_embeddings(12, 8)
    with open_service(database, create=True, cache_size=10**8) as service:
        with GalleryClient.create(service, key, dimension=8) as client:
            client.enroll(embeddings, names(12))

        def identify(number: int) -> str:
            with GalleryClient(service, key) as one:  # a client belongs to one thread
                found = one.identify(embeddings[number], threshold=0.01)
            assert found.decisions.all()
            return str(found.labels[0, 0])

        with ThreadPoolExecutor(6) as pool:
            assert list(pool.map(identify, range(12))) == names(12)


def test_a_block_is_read_once_for_all_who_wait(url: str) -> None:
    with watched_service(url, AMPLE) as (service, evaluator):
        search_together(service, evaluator, [request_of(1, seed) for seed in range(6)])

        assert service.cache_statistics().misses == BLOCKS
        assert service.search_statistics().passes == 2


def test_blocks_of_the_cache_are_scanned_several_at_once(url: str) -> None:
    with watched_service(url, AMPLE) as (service, evaluator):
        search(service, request_of(1))
        search(service, request_of(1))
        search(service, request_of(1, *range(40)))

    assert BLOCKS == 12
    assert evaluator.calls == [(1, 1)] * BLOCKS + [(12, 1), (8, 40), (4, 40)]


# --- how many share a pass ----------------------------------------------------------------------


def test_a_pass_takes_so_many_probes_and_no_more(watched: Watched) -> None:
    service, evaluator = watched
    requests = [request_of(2, seed) for seed in range(1 + PROBES_PER_PASS + 3)]

    search_together(service, evaluator, requests)

    assert [probes for _, probes in evaluator.calls] == [1, PROBES_PER_PASS, 3]


def test_a_larger_request_has_a_pass_for_itself_and_is_not_overtaken(watched: Watched) -> None:
    service, evaluator = watched
    large = request_of(2, *range(PROBES_PER_PASS + 2))

    (_, *outcomes) = search_together(
        service, evaluator, [request_of(2), large, request_of(2), request_of(2)]
    )

    assert [probes for _, probes in evaluator.calls] == [1, PROBES_PER_PASS + 2, 2]
    assert len(outcomes[0][0].distances) == PROBES_PER_PASS + 2  # type: ignore[index]


# --- errors -------------------------------------------------------------------------------------


def with_probe(request: SearchRequest, **changes: Any) -> SearchRequest:
    return replace(request, probes=(replace(request.probes[0], **changes),))


def test_probes_that_do_not_fit_fail_their_own_caller_only(watched: Watched) -> None:
    service, evaluator = watched
    foreign = with_probe(request_of(1), key_id=b"x" * 16)
    small = with_probe(request_of(1), dimension=2, constants=random_columns(dimension=2))
    right = request_of(1, 5)

    outcomes = search_together(service, evaluator, [request_of(1), foreign, right, small, right])

    assert isinstance(outcomes[1], KeyMismatchError)
    assert isinstance(outcomes[3], DimensionMismatchError)
    for results in (outcomes[2], outcomes[4]):
        assert not isinstance(results, BaseException)
        assert_right(service, right, results)
    assert service.search_statistics().searches == service.search_statistics().probes


def test_a_residue_that_is_too_large_is_refused_before_it_waits(cold: Watched) -> None:
    service, evaluator = cold
    wrong = random_columns()
    wrong[1, 2, 0, 1, 3] = 2**27

    with pytest.raises(MalformedMessageError, match="not below its prime"):
        service.search(with_probe(request_of(1), constants=wrong))

    assert evaluator.calls == []


def test_a_damaged_block_reaches_every_caller_of_the_pass_and_nobody_else(
    url: str, cold: Watched
) -> None:
    service, evaluator = cold
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    with connection:
        connection.execute(
            "UPDATE block SET columns = zeroblob(length(columns)) "
            "WHERE gallery_id = ? AND block_index = 3",
            (gallery_id(1),),
        )
    connection.close()

    outcomes = search_together(service, evaluator, [request_of(1, seed) for seed in range(4)])

    assert all(isinstance(error, BlockCorruptedError) for error in outcomes)
    assert len({id(error) for error in outcomes}) == 4
    assert_right(service, request_of(2), search(service, request_of(2)))


def test_results_before_the_damaged_block_are_given(url: str, cold: Watched) -> None:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    with connection:
        connection.execute("DELETE FROM block WHERE block_index = 3")
        connection.execute("UPDATE block SET columns = x'00' WHERE block_index = 2")
    connection.close()
    blocks = cold[0].search(request_of(1)).blocks

    assert [next(blocks).header.index for _ in range(2)] == [0, 1]
    with pytest.raises(BlockCorruptedError, match="block 2"):
        next(blocks)
    with pytest.raises(StopIteration):
        next(blocks)


def test_an_unknown_gallery_is_told_to_all_who_ask(watched: Watched) -> None:
    service, evaluator = watched

    outcomes = search_together(service, evaluator, [request_of(1), request_of(9), request_of(9)])

    assert [type(error) for error in outcomes[1:]] == [GalleryNotFoundError] * 2


# --- callers that go, and callers that are slow -------------------------------------------------


@pytest.mark.parametrize("how", ["closed", "let go of"])
def test_a_pass_ends_when_its_last_caller_has_gone(cold: Watched, how: str) -> None:
    service, evaluator = cold
    with evaluator.held():
        result = service.search(request_of(1))
        evaluator.wait_for_a_call()
        if how == "closed":
            result.blocks.close()  # type: ignore[attr-defined]
            assert list(result.blocks) == []
        else:
            del result
    service.close()

    assert len(evaluator.calls) == 1


def test_a_caller_that_goes_does_not_hold_the_others(cold: Watched) -> None:
    service, evaluator = cold
    with ThreadPoolExecutor(2) as pool:
        with evaluator.held():
            running = service.search(request_of(1))
            evaluator.wait_for_a_call()
            gone, stays = (pool.submit(service.search, request_of(1, seed)) for seed in (5, 6))
            wait_until_waiting(service, 2)
            del running
        gone.result(PATIENCE).blocks.close()  # type: ignore[attr-defined]

        results = list(stays.result(PATIENCE).blocks)

    assert_right(service, request_of(1, 6), results)


def test_who_takes_no_results_holds_neither_scan_nor_database(watched: Watched) -> None:
    service, _ = watched
    request = request_of(1, 3)
    slow = service.search(request)

    # The write waits until no snapshot is open, and it would wait in vain for this thread.
    rewrite(service, 1, 0, purge=True)
    assert_right(service, request, search(service, request))

    results = list(slow.blocks)
    assert slow.manifest.version == 2
    assert [result.header.version for result in results] == [2] * BLOCKS


# --- turns --------------------------------------------------------------------------------------


def test_a_small_gallery_does_not_wait_for_the_end_of_a_large_one(cold: Watched) -> None:
    service, evaluator = cold
    with ThreadPoolExecutor(2) as pool:
        with evaluator.held():
            large = pool.submit(search, service, request_of(1))
            evaluator.wait_for_a_call()
            small = pool.submit(search, service, request_of(2, 1, 2))
            wait_until_waiting(service, 1)
        large.result(PATIENCE)
        small.result(PATIENCE)

    assert [probes for _, probes in evaluator.calls] == [1, 1, 2, *[1] * (BLOCKS - 2)]


def test_more_galleries_than_have_a_pass_at_once_are_all_served(database: str) -> None:
    galleries = range(1, 2 * GALLERIES_AT_ONCE + 2)
    with open_service(database, create=True) as service:
        for number in galleries:
            fill(service, number, 2)
    with watched_service(database) as (service, evaluator):
        requests = [request_of(number) for number in galleries] * 2
        outcomes = search_together(service, evaluator, requests)

        for request, results in zip(requests, outcomes, strict=True):
            assert not isinstance(results, BaseException)
            assert_right(service, request, results)


# --- the end ------------------------------------------------------------------------------------


def test_closing_refuses_what_waits_and_finishes_what_runs(cold: Watched) -> None:
    service, evaluator = cold
    with ThreadPoolExecutor(3) as pool:
        with evaluator.held():
            runs = pool.submit(search, service, request_of(1))
            evaluator.wait_for_a_call()
            waits = pool.submit(search, service, request_of(1))
            wait_until_waiting(service, 1)
            closing = pool.submit(service.close)
            assert isinstance(waits.exception(PATIENCE), ServerBusyError)
        closing.result(PATIENCE)

    assert_right(service, request_of(1), runs.result(PATIENCE))
    with pytest.raises(ServerBusyError, match="shutting down"):
        service.search(request_of(1))


def test_no_thread_is_left_after_closing(url: str) -> None:
    before = threading.active_count()
    with watched_service(url, AMPLE) as (service, _):
        search(service, request_of(1))
        assert threading.active_count() > before

    assert threading.active_count() == before


# --- figures ------------------------------------------------------------------------------------


def test_figures_add_up(cold: Watched) -> None:
    service, evaluator = cold
    assert service.search_statistics().searches == 0

    search_together(service, evaluator, [request_of(1, 1), request_of(1, 2, 3), request_of(1, 4)])

    figures = service.search_statistics()
    assert (figures.searches, figures.probes, figures.passes) == (3, 4, 2)
    assert figures.comparisons == 4 * BLOCKS * 2
    assert figures.waiting_seconds > 0.0
    assert figures.scanning_seconds > 0.0
    assert np.isfinite(figures.waiting_seconds + figures.scanning_seconds)


# --- check sums -----------------------------------------------------------------------------------


def test_searches_of_one_pass_get_the_check_sums_that_each_lacks(database: str) -> None:
    with open_service(database, create=True) as service:
        fill_hinted(service, 1, 3)
        stored = service.check_sums(gallery_id(1))
    with watched_service(database) as (service, evaluator):
        made = request_of(1, 1, known={0: 2, 1: 2, 2: 2}, parameters=LIGHT)
        knowing = replace(made, known_check_sums=stored.digest())
        outdated = replace(made, known=({0: 2}), known_check_sums=bytes(32))
        with ThreadPoolExecutor(4) as pool:
            with evaluator.held():
                first = pool.submit(search, service, made)
                evaluator.wait_for_a_call()
                others = [pool.submit(service.search, one) for one in (made, knowing, outdated)]
                wait_until_waiting(service, 3)
            first.result(PATIENCE)
            found = [item.result(PATIENCE) for item in others]
            sums = [result.check_sums for result in found]
            blocks = [list(result.blocks) for result in found]

        assert sums == [stored, NO_CHECK_SUMS, stored]
        for request, results in zip((made, knowing, outdated), blocks, strict=True):
            assert_right(service, request, results)
        assert service.search_statistics().passes == 2


def test_a_stored_block_of_other_columns_stops_its_search_and_no_other(database: str) -> None:
    with open_service(database, create=True) as service:
        fill_hinted(service, 1, 2)
        fill_hinted(service, 2, 1)
        other = random_columns(LIGHT, dimension=2)
        header = replace(
            service.block(gallery_id(1), 1).header,
            dimension=2,
            columns=2,
            columns_digest=columns_digest(other),
        )
        path = database.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(
                "UPDATE block SET header = ?, columns = ? WHERE gallery_id = ? AND block_index = 1",
                (header.to_bytes(), other.tobytes(), gallery_id(1)),
            )

        with pytest.raises(GalleryError, match=r"columns|shape|or longer, than any"):
            search(service, request_of(1, 1, parameters=LIGHT))
        request = request_of(2, 1, parameters=LIGHT)
        assert_right(service, request, search(service, request))


# --- room for results ---------------------------------------------------------------------------


@pytest.mark.parametrize("parameters", [COMPACT, LIGHT], ids=lambda item: item.name)
def test_a_search_whose_results_have_no_room_is_stopped(
    database: str, parameters: ParameterSet
) -> None:
    result = residue_bytes(parameters.result_shape)
    with open_service(database, create=True) as service:
        filling = fill if parameters is COMPACT else fill_hinted
        filling(service, 1, BLOCKS)
        known = {index: 1 for index in range(BLOCKS)}
        slow = service.search(request_of(1, 1, 2, parameters=parameters), room=6 * result)
        other = request_of(1, 3, known=known, parameters=parameters)
        assert_right(service, other, search(service, other))
        with pytest.raises(ServerBusyError, match="did not take"):
            list(slow.blocks)
        served = service.search(request_of(1, 1, 2, parameters=parameters), room=100 * result)

        assert len(list(served.blocks)) == BLOCKS


# --- turns of owners ----------------------------------------------------------------------------


def test_an_owner_with_many_searches_makes_nobody_wait_for_all_of_them(url: str) -> None:
    order: list[str] = []
    probes = tuple(range(1, PROBES_PER_PASS + 1))  # each of these searches has a pass for itself
    with watched_service(url) as (service, evaluator), ThreadPoolExecutor(10) as pool:

        def one(owner: str, *seeds: int) -> None:
            for _ in service.search(request_of(1, *seeds), owner=owner).blocks:
                pass
            order.append(owner)

        with evaluator.held():
            running = [pool.submit(one, "many", *probes)]
            evaluator.wait_for_a_call()
            for count in range(1, 6):
                running.append(pool.submit(one, "many", *probes))
                wait_until_waiting(service, count)
            running.append(pool.submit(one, "other", 1))
            wait_until_waiting(service, 6)
        for item in running:
            item.result(PATIENCE)

    assert order.index("other") <= 2
