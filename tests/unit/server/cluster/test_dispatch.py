"""Dispatch to workers that are killed, and to workers that join."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gallery.errors import ErasurePendingError, ServerBusyError, ServerError
from gallery.server import EmbeddedService, open_service
from tests.support.searching import (
    assert_right,
    request_of,
    rewrite,
    search,
)
from tests.unit.server.cluster.conftest import AMPLE, BLOCKS
from tests.unit.server.cluster.workers import Workers, workers


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Workers]:
    """Two workers that a test may kill."""
    with workers(tmp_path / "log", 2) as running:
        yield running


def test_workers_that_are_killed_during_searches_leave_them_right(
    crew: Workers, service: EmbeddedService
) -> None:
    crew.start(1)
    search(service, request_of(1))

    # The last one has nothing that the others need; the first one is where they get the probes.
    for seed, number in ((8, -1), (9, 0)):
        request = request_of(1, seed, 10)
        victim = sorted(crew.addresses())[number]
        with crew.occupied(victim):
            found = service.search(request)
            crew.wait_until_asked(victim)
            crew.kill(victim)
            assert_right(service, request, list(found.blocks))

    assert service.cache_statistics().blocks == BLOCKS
    assert service.search_statistics().passes == 3


def test_workers_come_and_go_between_searches(crew: Workers, service: EmbeddedService) -> None:
    def search_right(seed: int) -> int:
        request = request_of(1, seed)
        assert_right(service, request, search(service, request))
        held = service.cache_statistics()
        assert held.blocks == BLOCKS  # each once, by whoever is responsible for it now
        return held.misses

    search_right(1)
    crew.start(1)
    search_right(2)
    joined = search_right(3)
    assert search_right(4) == joined
    crew.kill(next(iter(crew.addresses())))
    crew.wait_for(2)
    search_right(5)


def test_without_workers_there_is_an_error_until_there_is_one(
    crew: Workers, service: EmbeddedService
) -> None:
    with crew.occupied():
        found = service.search(request_of(1))
        for address in crew.addresses():
            crew.wait_until_asked(address)
        crew.kill(*crew.addresses())
        with pytest.raises(ServerBusyError, match=r"has no workers|no worker of the cluster"):
            list(found.blocks)
    crew.wait_for(0)

    with pytest.raises(ServerBusyError, match="has no workers; start some with: dask worker"):
        search(service, request_of(1))
    assert service.cache_statistics().blocks == 0
    rewrite(service, 1, 0, purge=True)  # nobody holds anything

    crew.start(1)
    assert_right(service, request_of(1), search(service, request_of(1)))


def test_a_lost_scheduler_is_an_error_and_so_is_an_erasure_then(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with workers(tmp_path / "log", 1) as crew:
        service = open_service(url, cache_size=AMPLE, cluster=crew.address)
        opened = service.__enter__()
        search(opened, request_of(1))
    # Not before: a worker may take longer for its first search.
    monkeypatch.setattr("gallery.server.cluster.dask_client.REPLY_TIMEOUT_S", 1.0)
    try:
        with pytest.raises(ServerError):
            search(opened, request_of(1))
        with pytest.raises(ErasurePendingError, match="may still hold"):
            rewrite(opened, 1, 0, purge=True)
        rewrite(opened, 1, 1)  # replaced, not erased: the next search would drop it
    finally:
        service.__exit__(None, None, None)
