"""A server takes no more than it has room for, and says so in a way that is worth waiting for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from gallery.arrays import residue_bytes
from gallery.messages import SearchRequest
from gallery.messages.stream import write_stream
from gallery.server.http.request_sizes import SMALL_REQUEST
from tests.unit.server.http.conftest import (
    Galleries,
    Prepare,
    connected,
    head,
    logged,
    rest,
    unread_search,
)

ROOM = 20_000_000
"""Half of the memory for requests in some of these tests."""


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
    with prepare(request_bytes=2 * ROOM, patience=0.3) as galleries:
        with half_sent(galleries, "all", ROOM * 9 // 40):
            refused = galleries.search()
        wait_until(lambda: galleries.server.state.request_budget.used == 0)
        served = galleries.search()

    assert (refused.status_code, served.status_code) == (503, 200)
    assert refused.headers["retry-after"] == "1"


def test_one_token_has_half_of_the_room_and_others_are_served(prepare: Prepare) -> None:
    with prepare(request_bytes=2 * ROOM, patience=0.3) as galleries:
        with half_sent(galleries, "all", ROOM * 9 // 40):
            others = [galleries.search(token="search") for _ in range(3)]

    assert [answer.status_code for answer in others] == [200] * 3


def test_a_body_takes_room_as_it_comes_and_not_before(prepare: Prepare) -> None:
    with prepare(request_bytes=2 * ROOM) as galleries:
        state = galleries.server.state
        with half_sent(galleries, "all", 1000, declared=ROOM // 4):
            assert 0 < state.request_budget.used < ROOM // 10


def test_a_body_that_can_never_have_room_is_refused_at_once(prepare: Prepare) -> None:
    with prepare(request_bytes=2 * ROOM) as galleries:
        with connected(galleries.server.url) as end:
            size = f"Content-Length: {ROOM // 4 + 1}"
            end.sendall(head("POST", updates(galleries), galleries.tokens["all"], size))
            answer = rest(end)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"one token may have" in answer


def test_the_larger_a_body_is_the_faster_it_must_come(prepare: Prepare) -> None:
    with prepare(grace=0.2, least_rate=1000, longest=4.0) as galleries:
        path = updates(galleries)
        answers = []
        for size in (200_000, 8_000_000):
            with connected(galleries.server.url) as end:
                line = f"Content-Length: {size}"
                end.sendall(head("POST", path, galleries.tokens["all"], line))
                end.settimeout(0.05)
                answer, left = b"", size
                while not answer:
                    try:
                        answer = end.recv(2**16)
                    except TimeoutError:
                        end.sendall(bytes(min(10_000, left)))
                        left -= min(10_000, left)
                answers.append(answer[:13])

    assert answers[1] == b"HTTP/1.1 408 "
    assert answers[0] == b"HTTP/1.1 400 "  # it came, and is no update


@pytest.mark.parametrize(
    ("method", "path", "most"),
    [
        ("POST", "galleries", SMALL_REQUEST),
        ("PUT", "galleries/{}/description", SMALL_REQUEST),
        ("PUT", "galleries/{}/replacement", SMALL_REQUEST),
        ("POST", "galleries/{}/updates", 60_000_000),
        ("POST", "galleries/{}/search", 64 * 1_000_000),
    ],
)
def test_a_body_is_no_larger_than_its_gallery_calls_for(
    prepare: Prepare, method: str, path: str, most: int
) -> None:
    with prepare(max_request=2**30, request_bytes=2**40) as galleries:
        with connected(galleries.server.url) as end:
            line = f"Content-Length: {most + 1}"
            place = path.format(galleries.staff.gallery_id.hex())
            end.sendall(head(method, place, galleries.tokens["all"], line))
            answer = end.recv(2**16)

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_token_has_some_bodies_under_way_and_others_have_theirs(prepare: Prepare) -> None:
    with prepare(token_bodies=2, patience=0.3) as galleries, ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(half_sent(galleries, "all", 1000))
        waited = galleries.search()
        served = galleries.search(token="search")

    assert (waited.status_code, served.status_code) == (503, 200)


def test_a_token_has_some_requests_under_way(prepare: Prepare) -> None:
    with prepare(token_requests=2) as galleries, ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(half_sent(galleries, "all", 1000))
        refused, served = galleries.ask("GET", "galleries"), galleries.search(token="search")
        stack.close()
        wait_until(lambda: galleries.ask("GET", "galleries").status_code == 200)

    assert (refused.status_code, served.status_code) == (503, 200)
    assert "under way" in refused.json()["detail"]


def test_a_search_has_some_probes(prepare: Prepare) -> None:
    with prepare(max_probes=2) as galleries:
        answers = [galleries.search(content=search_of(galleries, count)) for count in (0, 2, 3, 9)]

    assert [answer.status_code for answer in answers] == [400, 200, 413, 413]


def test_an_answer_that_can_never_have_room_is_refused_by_name(prepare: Prepare) -> None:
    with prepare(answer_bytes=8_000_000) as galleries:
        served, refused = galleries.search(), galleries.search(content=search_of(galleries, 64))

    assert (served.status_code, refused.status_code) == (200, 413)
    assert refused.json()["title"] == "RequestTooLargeError"


def test_probes_hold_their_room_until_the_answer_is_read(prepare: Prepare) -> None:
    with prepare() as galleries:
        state = galleries.server.state
        with unread_search(galleries):
            wait_until(lambda: state.answer_budget.used > 0)
            assert state.request_budget.used >= 64 * residue_bytes(probe_shape(galleries))
        wait_until(lambda: state.request_budget.used == state.answer_budget.used == 0)


def test_a_token_has_half_of_the_searches_and_others_are_served(prepare: Prepare) -> None:
    with prepare(searches=2, patience=0.3) as galleries:
        with unread_search(galleries):
            wait_until(lambda: galleries.server.state.answer_budget.used > 0)
            waited, served = galleries.search(), galleries.search(token="search")

    assert (waited.status_code, served.status_code) == (503, 200)


def test_several_tokens_leave_searches_to_those_that_have_few(prepare: Prepare) -> None:
    with prepare(searches=8, patience=0.3) as galleries, ExitStack() as stack:
        for token in ["all"] * 4 + ["admin"] * 2:
            stack.enter_context(unread_search(galleries, token=token))
        wait_until(lambda: galleries.server.state.searches.used == 6)
        waited, served = galleries.search(token="admin"), galleries.search(token="search")

    assert (waited.status_code, served.status_code) == (503, 200)


@pytest.mark.parametrize("limit", [{"searches": 1}, {"answer_bytes": 19_200_000}])
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


def updates(galleries: Galleries) -> str:
    return f"galleries/{galleries.staff.gallery_id.hex()}/updates"


@contextmanager
def half_sent(
    galleries: Galleries, token: str, size: int, declared: int = ROOM * 19 // 80
) -> Iterator[None]:
    """Send the start of an update, and wait until the server has taken room for it."""
    budget = galleries.server.state.request_budget
    with connected(galleries.server.url) as end:
        line = f"Content-Length: {declared}"
        before = budget.used
        end.sendall(head("POST", updates(galleries), galleries.tokens[token], line) + bytes(size))
        wait_until(lambda: budget.used >= before + 4 * size)
        yield


def search_of(galleries: Galleries, count: int) -> bytes:
    """Return a search with so many probes."""
    one = SearchRequest.from_bytes(galleries.request)
    return SearchRequest(one.gallery_id, one.probes * count, {}).to_bytes()


def probe_shape(galleries: Galleries) -> tuple[int, ...]:
    return SearchRequest.from_bytes(galleries.request).probes[0].constants.shape


def wait_until(true: object) -> None:
    """Wait until something has happened in the server's thread."""
    assert callable(true)
    for _ in range(6000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it does not happen")
