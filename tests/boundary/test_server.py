"""A real server, looked into from outside: what it loads, hears, stores and keeps in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from gallery.client import GalleryClient, GalleryKey
from tests.boundary.test_secrets_stay import LABELS, secrets_of
from tests.support.galleries import random_embeddings
from tests.support.relay import Exchange, relaying
from tests.support.server_process import ServerProcess, make_token, running

PLANTED = "Somebody Who Was Planted"
PREFIX = 8
"""Bytes by which the search finds its candidates; no secret is shorter."""

TELL_MODULES = """
import atexit, json, os, sys
def tell():
    with open(os.environ["MODULES"], "w") as file:
        json.dump(sorted(sys.modules), file)
atexit.register(tell)
"""


@dataclass(frozen=True)
class RequestLogMiddleware:
    """What there is to see of a server after some work.

    Attributes
    ----------
    said
        Every request and answer.
    match, other
        Those of a mated and of a non-mated search.
    memory
        What could be read of the process's memory, or None where the system forbids it.
    stored
        The database's files.
    modules
        What the process had loaded when it ended.
    secrets
        What must be in none of it.
    """

    said: bytes
    match: list[Exchange]
    other: list[Exchange]
    memory: list[bytes] | None
    stored: bytes
    modules: set[str]
    secrets: list[bytes]


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory, key: GalleryKey) -> RequestLogMiddleware:
    """Enroll, search and remove through a server in a process of its own."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "sitecustomize.py").write_text(TELL_MODULES)
    environment = {
        "PYTHONPATH": str(folder),
        "MODULES": str(folder / "modules.json"),
        "PLANTED": PLANTED,
    }
    database = f"sqlite:///{folder}/gallery.db"
    token = make_token(database)
    embeddings = random_embeddings(3, 8)
    with running(database, folder / "log", environment=environment) as server:
        with relaying(server.url) as relay:
            behind = ServerProcess(server.process, int(relay.url.rpartition(":")[2]), server.log)
            with behind.connected(token) as service:
                with GalleryClient.create(service, key, dimension=8, metric="euclidean") as client:
                    client.enroll(embeddings, LABELS)
                searches = []
                for probes in (embeddings[:1] + 0.01, -embeddings.sum(axis=0)[None]):
                    before = len(relay.exchanges)
                    with GalleryClient(service, key) as client:
                        found = client.identify(probes, k=3, threshold=1.0)
                    searches.append((found, relay.exchanges[before:]))
                memory = memory_of(server.process.pid)
                with GalleryClient(service, key) as client:
                    client.remove([LABELS[1]])
            said = relay.said
        assert server.stop() == 0
    (mated, match), (stranger, other) = searches
    assert [*mated.decisions, *stranger.decisions] == [True, False]
    distances = np.vstack([mated.distances, stranger.distances])
    files = (path.read_bytes() for path in folder.iterdir() if path.name.startswith("gallery.db"))
    return RequestLogMiddleware(
        said,
        match,
        other,
        memory,
        b"".join(files),
        set(json.loads((folder / "modules.json").read_text())),
        secrets_of(key, embeddings, distances),
    )


def memory_of(process: int) -> list[bytes] | None:
    """Return the memory that a process can write to, region by region."""
    regions = []
    try:
        maps = Path(f"/proc/{process}/maps").read_text()
        with open(f"/proc/{process}/mem", "rb", 0) as memory:
            for line in maps.splitlines():
                bounds, permissions = line.split()[:2]
                if not permissions.startswith("rw"):
                    continue
                start, end = (int(bound, 16) for bound in bounds.split("-"))
                memory.seek(start)
                try:
                    regions.append(memory.read(end - start))
                except OSError:
                    continue  # a device's memory
    except OSError:
        return None
    return regions


def found_in(regions: Iterable[bytes], secrets: list[bytes]) -> Iterator[bytes]:
    """Yield the secrets that are in some of the regions.

    There are hundreds of secrets and hundreds of megabytes: positions whose first two bytes begin
    no secret are left out at once, then those whose first eight do not.
    """
    starts = np.array([int.from_bytes(item[:PREFIX], "little") for item in secrets], np.uint64)
    begins = np.zeros(2**16, bool)
    begins[(starts & np.uint64(0xFFFF)).astype(int)] = True
    for region in regions:
        data = np.frombuffer(region, np.uint8)
        if len(data) < PREFIX:
            continue
        firsts = data[:-1].astype(np.uint16) | (data[1:].astype(np.uint16) << 8)
        places = np.flatnonzero(begins[firsts[: len(data) - PREFIX + 1]])
        words = np.lib.stride_tricks.sliding_window_view(data, PREFIX)[places]
        found = np.isin(np.ascontiguousarray(words).view("<u8")[:, 0], starts)
        for place in places[found]:
            window = region[place : place + max(map(len, secrets))]
            yield from (secret for secret in secrets if window.startswith(secret))


def test_a_server_never_loads_the_secret_side(observed: RequestLogMiddleware) -> None:
    rooms = {name.partition(".")[0] for name in observed.modules}

    assert {"gallery.server.http.search_routes", "gallery.evaluator.native"} <= observed.modules
    assert not [name for name in observed.modules if name.startswith("gallery.client")]
    assert not rooms & {"tenseal", "tensorflow", "tf_keras", "deepface", "dlib", "cv2"}


def test_nothing_that_passes_over_the_network_is_secret(observed: RequestLogMiddleware) -> None:
    for path in (b"POST /v1/galleries ", b"/updates ", b"/search ", b"/manifest "):
        assert path in observed.said
    assert len(observed.said) > 2_000_000
    assert [*found_in([observed.said], observed.secrets)] == []


def test_nothing_that_the_server_stores_is_secret(observed: RequestLogMiddleware) -> None:
    assert len(observed.stored) > 400_000
    assert [*found_in([observed.stored], observed.secrets)] == []


def test_nothing_in_the_servers_memory_is_secret(observed: RequestLogMiddleware) -> None:
    if observed.memory is None:
        pytest.skip("the memory of another process cannot be read here")
    assert PLANTED.encode() in found_in(observed.memory, [PLANTED.encode()])
    assert [*found_in(observed.memory, observed.secrets)] == []


def test_the_search_for_secrets_would_find_each(observed: RequestLogMiddleware) -> None:
    for secret in observed.secrets:
        assert [*found_in([bytes(7), b"\xff" * 1001 + secret + b"\0"], observed.secrets)]


def test_the_network_cannot_tell_a_match_from_a_non_match(observed: RequestLogMiddleware) -> None:
    def shape(exchanges: list[Exchange]) -> list[tuple[bytes, int, int]]:
        return [
            (bytes(item.request.partition(b"\r\n")[0]), len(item.request), len(item.answer))
            for item in exchanges
        ]

    assert any(b"/search" in item.request for item in observed.match)
    assert shape(observed.match) == shape(observed.other)
