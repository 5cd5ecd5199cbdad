"""Connections that ask for nothing shut nobody out, with TLS and without."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from gallery.web import connection_gate, graceful_server
from gallery.web.tls import TlsFiles
from tests.support.certificates import make_certificate
from tests.support.raw_http import connected, rest
from tests.support.serving import Serving, serving

MOST = 20


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=[False, True], ids=["plain", "TLS"])
def server(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    files: TlsFiles,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Serving]:
    """A server with few connections and little patience."""
    monkeypatch.setattr(connection_gate, "CONNECTIONS", MOST)
    monkeypatch.setattr(graceful_server, "HEADER_SECONDS", 0.5)
    url = f"sqlite:///{tmp_path}/gallery.db"
    with serving(url, tls=files if request.param else None) as running:
        yield running


def healthy(server: Serving, files: TlsFiles) -> bool:
    trust = ssl.create_default_context(cafile=str(files.certificate))
    return httpx.get(f"{server.url}/healthz", verify=trust).status_code == 200


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01"])
def test_silent_connections_give_way_to_new_ones(
    server: Serving, files: TlsFiles, said: bytes
) -> None:
    with ExitStack() as stack:
        for _ in range(3 * MOST):
            stack.enter_context(connected(server.url)).sendall(said)

        assert all(healthy(server, files) for _ in range(5))


def test_a_connection_that_was_answered_may_be_the_one_to_go(
    server: Serving, files: TlsFiles
) -> None:
    trust = ssl.create_default_context(cafile=str(files.certificate))
    with ExitStack() as stack:
        client = stack.enter_context(httpx.Client(verify=trust))
        assert client.get(f"{server.url}/healthz").status_code == 200
        for _ in range(3 * MOST):
            stack.enter_context(connected(server.url))

        assert healthy(server, files)


def test_a_handshake_that_does_not_come_ends_the_connection(
    files: TlsFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graceful_server, "HEADER_SECONDS", 0.3)
    with serving(f"sqlite:///{tmp_path}/gallery.db", tls=files) as server:
        with connected(server.url) as end:
            end.settimeout(20)  # asyncio itself would wait for a minute

            assert rest(end) == b""


def test_closed_connections_leave_the_count(server: Serving, files: TlsFiles) -> None:
    for _ in range(3 * MOST):
        with connected(server.url):
            pass
    assert healthy(server, files)
    gate = server.gate
    assert gate is not None
    for _ in range(500):
        if gate.open == 0:
            break
        time.sleep(0.01)

    assert gate.open == 0


def test_busy_connections_are_kept_and_those_beyond_them_told() -> None:
    gate = connection_gate.ConnectionGate(2)
    ends = [socket.socketpair() for _ in range(4)]
    try:
        for number, (end, _) in enumerate(ends[:2]):
            gate.admit(number, end)
            gate.speaks(number)
        gate.admit(2, ends[2][0])
        gate.admit(3, ends[3][0])
        for end, _ in ends:
            end.setblocking(False)
        open_still = [number for number, (_, far) in enumerate(ends) if is_open(far)]
    finally:
        for pair in ends:
            for end in pair:
                end.close()

    assert open_still == [0, 1, 3]


def is_open(far: socket.socket) -> bool:
    far.setblocking(False)
    try:
        return far.recv(1) != b""
    except BlockingIOError:
        return True
