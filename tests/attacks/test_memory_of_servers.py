"""A server's memory stays below what its operator was told, whatever a token's holder asks for."""

from __future__ import annotations

import resource
import ssl
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from gallery.messages import SearchRequest
from gallery.parameters import (
    COMPACT,
    LIGHT,
    STANDARD,
    SWIFT,
    HintedParameterSet,
    ParameterSet,
    find_parameters,
)
from gallery.server import open_service
from gallery.server.gatekeeper import Scope
from gallery.web.connection_gate import CONNECTIONS
from tests.attacks.conftest import MIB, measured
from tests.support import builders
from tests.support.certificates import make_certificate
from tests.support.raw_http import Crowd, connected, head
from tests.support.server_process import ServerProcess, make_token, running

SETS = (SWIFT, LIGHT, STANDARD, COMPACT)
BLOCKS = 64

TOKENS = 4
"""Tokens that attackers have: two of them would be enough to take twice the half of all."""

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


def parameters_of(database: str) -> ParameterSet:
    with open_service(database) as service:
        return find_parameters(service.describe("staff").parameters)


def search_of(probes: int, parameters: ParameterSet, known: int = 0) -> bytes:
    """Return a search; with seeds where the set has them, which are read as twice their size."""
    seeded = parameters is COMPACT
    one = builders.probe(seeded=seeded, parameters=parameters)
    versions = dict.fromkeys(range(known), 1)
    return SearchRequest(builders.GALLERY_ID, (one,) * probes, versions).to_bytes()


def request(token: str, body: bytes) -> bytes:
    path = f"galleries/{builders.GALLERY_ID.hex()}/search"
    return head("POST", path, token, f"Content-Length: {len(body)}") + body


OPTIONS = ("--max-request", "32MiB", "--answer-memory", "512MiB", "--cache-size", "64MiB")


@contextmanager
def attacked(database: str, folder: Path, what: str) -> Iterator[tuple[ServerProcess, Crowd]]:
    """Run a server and a crowd that attacks it; others must be served, and memory must do."""
    other = make_token(database, "other", Scope.SEARCH)
    parameters = parameters_of(database)
    with (
        running(database, folder / "log", *OPTIONS) as server,
        Crowd(server.url) as crowd,
        measured(server.process.pid) as memory,
        httpx.Client(timeout=60, headers={"Authorization": f"Bearer {other}"}) as honest,
    ):
        body = search_of(1, parameters)
        served(honest, server.url, body)
        yield server, crowd
        waits = [served(honest, server.url, body) for _ in range(20)]
    answers = dict(sorted(Counter(crowd.statuses).items()))
    print(
        f"\n{what}: memory from {memory.before // MIB} to {memory.most // MIB} MiB of "
        f"{CEILING // MIB}; others waited up to {max(waits):.1f} s; answers {answers}"
    )
    assert memory.most < CEILING


@pytest.mark.attack
@pytest.mark.parametrize("parameters", SETS, ids=lambda item: item.name)
def test_searches_whose_answers_are_read_slowly(tmp_path: Path, parameters: ParameterSet) -> None:
    database = f"sqlite:///{tmp_path}/gallery.db"
    make_gallery(database, parameters)
    tokens = [make_token(database, f"attacker {i}", Scope.SEARCH) for i in range(TOKENS)]
    with attacked(database, tmp_path, f"slow readers, {parameters.name}") as (_, crowd):
        for probes in (1, 16, 24, 64, 800):
            body = search_of(probes, parameters)
            for number in range(12):
                crowd.ask_and_read(request(tokens[number % TOKENS], body), 100_000)


@pytest.mark.attack
@pytest.mark.parametrize("rate", [1_000, 70_000])
def test_bodies_that_drip(tmp_path: Path, rate: int) -> None:
    database = f"sqlite:///{tmp_path}/gallery.db"
    make_gallery(database, SWIFT, 1)
    tokens = [make_token(database, scope.value, scope) for scope in (Scope.SEARCH, Scope.ADMIN)]
    tokens += [make_token(database, f"another {scope}", scope) for scope in Scope]
    with attacked(database, tmp_path, f"{rate} bytes a second") as (_, crowd):
        for number in range(300):
            size = (1_000_000, 30_000_000, 2**29)[number % 3]
            path = f"galleries/{builders.GALLERY_ID.hex()}/" + ("search", "updates")[number % 2]
            token = tokens[number % len(tokens)]
            crowd.send_slowly(head("POST", path, token, f"Content-Length: {size}"), rate)


@pytest.mark.attack
def test_large_bodies_that_wait(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/gallery.db"
    make_gallery(database, COMPACT, 1)
    token = make_token(database, "attacker", Scope.SEARCH)
    body = search_of(64, COMPACT)
    with attacked(database, tmp_path, "large searches at once") as (_, crowd):
        for _ in range(100):
            crowd.ask_and_read(request(token, body), 10_000)


@pytest.mark.attack
@pytest.mark.parametrize("what", ["blocks/0", "blocks/0/references", "manifest"])
def test_reads_without_a_pause(tmp_path: Path, what: str) -> None:
    database = f"sqlite:///{tmp_path}/gallery.db"
    make_gallery(database, SWIFT)
    token = make_token(database, "attacker", Scope.SEARCH)
    path = f"galleries/{builders.GALLERY_ID.hex()}/{what}"
    with attacked(database, tmp_path, f"reads of {what}") as (_, crowd):
        for _ in range(100):
            crowd.ask_and_read(head("GET", path, token, "Connection: close"), 100_000_000)


@pytest.mark.attack
@pytest.mark.parametrize(
    "start",
    [
        b"GET /healthz HTTP/1.1\r\n" + b"a:\r\n" * 15_000,
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 8_000,
        b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 60_000,
        b"POST /v1/galleries HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n" + bytes(250_000),
    ],
    ids=["fields", "pipelined requests", "half a head", "bodies without a token"],
)
def test_strangers_without_a_token(tmp_path: Path, start: bytes) -> None:
    database = f"sqlite:///{tmp_path}/gallery.db"
    make_gallery(database, SWIFT, 1)
    with attacked(database, tmp_path, f"strangers, {start[:40]!r}") as (_, crowd):
        for _ in range(400):
            crowd.ask_and_read(start, 100)


@pytest.mark.attack
@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01", None])
def test_tls_connections_that_are_silent(tmp_path: Path, said: bytes | None) -> None:
    """More than there may be: before, within and after their handshake."""
    database = f"sqlite:///{tmp_path}/gallery.db"
    files = make_certificate(tmp_path)
    make_gallery(database, SWIFT, 1)
    count = CONNECTIONS + 500
    allow_files(count + 500)
    context = ssl.create_default_context(cafile=str(files.certificate))
    with (
        running(database, tmp_path / "log", *OPTIONS, tls=files) as server,
        measured(server.process.pid) as memory,
        ExitStack() as stack,
    ):
        for number in range(count):
            tls = context if said is None else None
            with suppress(ConnectionError, ssl.SSLError):
                end = stack.enter_context(connected(server.url, tls=tls))
                end.sendall(said or b"")
            if number % 250 == 0:
                assert httpx.get(f"{server.url}/healthz", verify=context).status_code == 200
        assert httpx.get(f"{server.url}/healthz", verify=context).status_code == 200
    print(f"\n{count} silent connections: {memory.before // MIB} to {memory.most // MIB} MiB")
    assert memory.most < CEILING


def allow_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def served(client: httpx.Client, url: str, body: bytes) -> float:
    """Search as an honest client, and return how long it took."""
    address = f"{url}/v1/galleries/{builders.GALLERY_ID.hex()}/search"
    begun = time.perf_counter()
    answer = client.post(address, content=body)
    waited = time.perf_counter() - begun
    assert answer.status_code == 200, answer.text
    time.sleep(0.5)
    return waited
