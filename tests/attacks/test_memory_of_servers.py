"""A server's memory stays below what its operator was told, whatever a token's holder asks for."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest

from gallery.messages import SearchRequest
from gallery.parameters import COMPACT, LIGHT, STANDARD, SWIFT, HintedParameterSet, ParameterSet
from gallery.server import open_service
from gallery.server.gatekeeper import Scope
from tests.attacks.conftest import MIB, measured
from tests.support import builders
from tests.support.raw_http import Crowd, head
from tests.support.server_process import make_token, running

SETS = (SWIFT, LIGHT, STANDARD, COMPACT)
BLOCKS = 64

CEILING = (512 + 512 + 64 + 300) * MIB
"""Requests, answers, cache, and the rest, as docs/operations.md adds them up."""


def make_gallery(database: str, parameters: ParameterSet, blocks: int = BLOCKS) -> None:
    """Make a gallery of blocks of one value with a reference in each."""
    description = builders.description(parameters=parameters.name)
    sums = builders.NO_CHECK_SUMS
    if isinstance(parameters, HintedParameterSet):
        description = builders.hinted_description(parameters)
        sums = builders.check_sums(parameters)
    with open_service(database, create=True) as service:
        start = builders.manifest(1)
        service.create_gallery(description, start)
        made = [builders.block_update(i, 2, (i,), parameters=parameters) for i in range(blocks)]
        service.write(builders.GALLERY_ID, builders.update_of(start, *made, check_sums=sums))


def search_of(probes: int, parameters: ParameterSet, known: int = 0) -> bytes:
    """Return a search; with seeds where the set has them, which are read as twice their size."""
    seeded = parameters is COMPACT
    one = builders.probe(seeded=seeded, parameters=parameters)
    versions = dict.fromkeys(range(known), 1)
    return SearchRequest(builders.GALLERY_ID, (one,) * probes, versions).to_bytes()


def request(token: str, body: bytes) -> bytes:
    path = f"galleries/{builders.GALLERY_ID.hex()}/search"
    return head("POST", path, token, f"Content-Length: {len(body)}") + body


@pytest.mark.attack
@pytest.mark.parametrize("probes", [1, 64, 800])
@pytest.mark.parametrize("parameters", SETS, ids=lambda item: item.name)
def test_slow_readers_of_large_answers(
    tmp_path: Path, parameters: ParameterSet, probes: int
) -> None:
    database = f"sqlite:///{tmp_path}/gallery.db"
    make_gallery(database, parameters)
    token, other = (make_token(database, name, Scope.SEARCH) for name in ("attacker", "other"))
    small = search_of(1, parameters)
    options = ("--max-request", "64MiB", "--answer-memory", "512MiB", "--cache-size", "64MiB")
    with running(database, tmp_path / "log", *options) as server, Crowd(server.url) as crowd:
        with measured(server.process.pid) as memory:
            for _ in range(48):
                crowd.ask_and_read(request(token, search_of(probes, parameters)), 100_000)
            waits = [served(server.url, other, small) for _ in range(10)]
        print(
            f"\n{parameters.name}, {probes} probes: from {memory.before // MIB} to "
            f"{memory.most // MIB} MiB; others waited for up to {max(waits):.1f} s; "
            f"{sorted(set(crowd.statuses))}"
        )
    assert memory.most < CEILING


def served(url: str, token: str, body: bytes) -> float:
    """Search as an honest client, and return how long it took."""
    address = f"{url}/v1/galleries/{builders.GALLERY_ID.hex()}/search"
    headers = {"Authorization": f"Bearer {token}"}
    begun = time.perf_counter()
    answer = httpx.post(address, content=body, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    time.sleep(0.5)
    return time.perf_counter() - begun - 0.5
