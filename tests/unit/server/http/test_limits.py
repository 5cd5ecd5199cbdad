"""A server takes no more than it has room for, and says so in a way that is worth waiting for."""

from __future__ import annotations

import time

import httpx
import pytest

from gallery.messages.stream import write_stream
from tests.unit.server.http.conftest import (
    Galleries,
    Prepare,
    connected,
    head,
    logged,
    rest,
    unread_search,
)


def test_a_token_that_asks_too_often_is_told_to_wait(prepare: Prepare) -> None:
    with prepare(rate="20/hour") as galleries:
        answers = [galleries.ask("GET", "galleries", "search") for _ in range(21)]
        another = galleries.ask("GET", "galleries", "enroll")

    assert [answer.status_code for answer in answers] == [200] * 20 + [503]
    assert answers[20].headers["retry-after"] == "1"
    assert answers[20].json()["title"] == "ServerBusyError"
    assert another.status_code == 200


def test_a_request_that_is_too_large_is_refused_before_it_is_sent(shared: Galleries) -> None:
    path = f"galleries/{shared.staff.gallery_id.hex()}/search"
    token = shared.tokens["search"]
    with connected(shared.server.url) as end:
        end.sendall(head("POST", path, token, "Content-Length: 99999999999", "Connection: close"))
        answer = rest(end)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"RequestTooLargeError" in answer


def test_a_client_that_waits_for_leave_does_not_send_what_is_too_large(shared: Galleries) -> None:
    lines = ("Content-Length: 99999999999", "Expect: 100-continue", "Connection: close")
    with connected(shared.server.url) as end:
        end.sendall(head("POST", "galleries", shared.tokens["all"], *lines))
        answer = rest(end)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"100 Continue" not in answer


def test_a_length_must_be_declared_where_the_body_is_kept_in_memory(shared: Galleries) -> None:
    answer = shared.search(content=iter([shared.request]))

    assert answer.status_code == 411


def test_a_restore_may_come_without_a_length_and_is_bounded_all_the_same(prepare: Prepare) -> None:
    with prepare(max_restore=1000) as galleries:
        small = galleries.ask("POST", "restore", content=write_stream([]))
        large = galleries.ask("POST", "restore", content=iter([b"x" * 600, b"x" * 600]))

    assert (small.status_code, large.status_code) == (400, 413)


@pytest.mark.parametrize("path", ["galleries", "restore"])
@pytest.mark.parametrize("drops", [0, 1_000_000], ids=["stops", "drips"])
def test_a_body_that_comes_too_slowly_is_given_up(prepare: Prepare, path: str, drops: int) -> None:
    with prepare(grace=0.4, least_rate=1000) as galleries:
        token = galleries.tokens["all"]
        with connected(galleries.server.url) as end:
            end.sendall(head("POST", path, token, "Content-Length: 1000000") + b"some")
            end.settimeout(0.05)
            answer = b""
            while not answer:
                try:
                    answer = end.recv(2**16)
                except TimeoutError:
                    end.sendall(b"x" if drops else b"")
        assert galleries.server.state.request_budget.used == 0

    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_body_that_is_cut_off_gives_its_room_back(prepare: Prepare) -> None:
    with prepare() as galleries:
        with connected(galleries.server.url) as end:
            line = "Content-Length: 1000000"
            end.sendall(head("POST", "galleries", galleries.tokens["all"], line) + b"some")
            wait_until(lambda: galleries.server.state.request_budget.used > 0)
        wait_until(lambda: galleries.server.state.request_budget.used == 0)


def test_bodies_wait_for_room_and_not_for_ever(prepare: Prepare) -> None:
    with prepare(request_bytes=100_000, patience=0.3) as galleries:
        token = galleries.tokens["all"]
        with connected(galleries.server.url) as end:
            end.sendall(head("POST", "galleries", token, "Content-Length: 90000") + b"some")
            wait_until(lambda: galleries.server.state.request_budget.used > 0)
            refused = galleries.search()
        wait_until(lambda: galleries.server.state.request_budget.used == 0)
        served = galleries.search()

    assert (refused.status_code, served.status_code) == (503, 200)
    assert refused.headers["retry-after"] == "1"


@pytest.mark.parametrize("limit", [{"searches": 1}, {"answer_bytes": 1_000_000}])
def test_searches_wait_for_their_turn_and_not_for_ever(
    prepare: Prepare, limit: dict[str, int]
) -> None:
    with prepare(patience=0.3, **limit) as galleries:
        state = galleries.server.state
        with unread_search(galleries):
            wait_until(lambda: state.answer_budget.used > 0)
            refused = galleries.search()
        wait_until(lambda: state.answer_budget.used == 0)
        served = galleries.search()

    assert (refused.status_code, served.status_code) == (503, 200)
    assert refused.json()["title"] == "ServerBusyError"


def test_a_client_that_does_not_read_is_dropped_and_holds_up_nobody(
    prepare: Prepare, caplog: pytest.LogCaptureFixture
) -> None:
    with prepare(grace=2.0, least_rate=2**40) as galleries:
        state = galleries.server.state
        with unread_search(galleries) as end:
            wait_until(lambda: state.answer_budget.used > 0)
            others = [galleries.search() for _ in range(3)]
            assert state.answer_budget.used > 0, "the reader is still waited for"
            wait_until(lambda: state.answer_budget.used == 0)
            read = rest(end)
        events = galleries.events()

    assert [answer.status_code for answer in others] == [200] * 3
    assert others[0].content == others[1].content == others[2].content
    assert not read.endswith(b"0\r\n\r\n")
    assert "dropped" in [item["event"] for item in logged(caplog)]
    assert [item.result for item in events if item.probes == 64] == ["abandoned"]


def test_a_large_answer_to_a_slow_but_steady_reader_is_sent_whole(prepare: Prepare) -> None:
    with prepare(grace=0.5, least_rate=2**20) as galleries:
        with unread_search(galleries) as end:
            got = bytearray()
            while not got.endswith(b"0\r\n\r\n"):
                data = end.recv(2**18)
                assert data, f"cut off after {len(got)} bytes"
                got += data
                time.sleep(len(data) / 2**22)

    assert len(got) > 5_000_000


def test_a_single_answer_that_is_not_read_is_dropped_too(
    prepare: Prepare, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not streamed waits in the server's memory just the same."""
    with prepare(grace=0.5, least_rate=2**40) as galleries:
        path = f"galleries/{galleries.staff.gallery_id.hex()}/blocks/0"
        request = head("GET", path, galleries.tokens["all"])
        with connected(galleries.server.url, 4096) as end:
            end.sendall(request * 12)
            wait_until(lambda: "dropped" in [item["event"] for item in logged(caplog)])
            assert httpx.get(f"{galleries.server.url}/healthz").status_code == 200
            end.close()


def wait_until(true: object) -> None:
    """Wait until something has happened in the server's thread."""
    assert callable(true)
    for _ in range(6000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it does not happen")
