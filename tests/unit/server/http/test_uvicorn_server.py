"""A server that is told to stop finishes what it has begun, and begins nothing more."""

from __future__ import annotations

import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from gallery.client import GalleryKey
from tests.support.server_process import make_token, running
from tests.support.serving import Serving
from tests.unit.server.http.conftest import Galleries, a_search, fill, rest, unread_search
from tests.unit.server.http.test_limits import wait_until


def refuses(url: str) -> bool:
    try:
        httpx.get(f"{url}/healthz")
    except httpx.TransportError:
        return True
    return False


def test_a_search_in_flight_is_finished_and_one_that_waits_is_refused(
    tmp_path: Path, key: GalleryKey
) -> None:
    database = f"sqlite:///{tmp_path}/gallery.db"
    token = make_token(database)
    with running(database, tmp_path / "log", "--max-searches", "1") as server:
        with server.connected(token) as service:
            staff = fill(service, key, "staff")
            request = a_search(service, staff)
        galleries = Galleries(
            Serving(server.url, database, None),  # type: ignore[arg-type]  # another process has it
            staff,
            staff,
            request,
            {"all": token},
        )
        with unread_search(galleries) as end, ThreadPoolExecutor() as threads:
            end.recv(1, socket.MSG_PEEK)  # it has its turn
            waiting = threads.submit(galleries.search)
            wait_until(lambda: in_flight(server.url) == 2)

            server.process.send_signal(signal.SIGTERM)
            wait_until(lambda: refuses(server.url))
            begun = rest(end)

            assert begun.startswith(b"HTTP/1.1 200 ")
            assert begun.endswith(b"\0\0\0\0\r\n0\r\n\r\n")
            assert waiting.result().status_code == 503
            assert "shutting down" in waiting.result().json()["detail"]
        assert server.process.wait() == 0
        searches = [item for item in server.records if item.get("route", "").endswith("/search")]

    assert sorted(item["status"] for item in searches) == [200, 503]
    assert [
        (item.probes, item.result) for item in galleries.events() if item.action == "search"
    ] == [
        (64, "ok"),
        (1, "ServerBusyError"),
    ]
    # Nothing is left in a log that only a running server would merge.
    assert not Path(f"{tmp_path}/gallery.db-wal").exists()


def in_flight(url: str) -> int:
    text = httpx.get(f"{url}/metrics").text
    (line,) = (x for x in text.splitlines() if x.startswith("gallery_http_requests_in_flight "))
    return int(float(line.split()[1])) - 1  # this one
