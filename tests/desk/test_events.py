"""Live results of the desk: who hears what, what ends a stream, and readers that do not read."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from gallery.client import GalleryClient, GalleryKey
from gallery.desk.access.scopes import DeskScope, Holder
from gallery.desk.config import DeskConfig
from gallery.server import EmbeddedService
from gallery.web.pace import Pace
from tests.support.desks import PASSPHRASE, Desk, open_desk
from tests.support.event_streams import Event, listening
from tests.support.galleries import random_embeddings

API = "/v1/galleries/default"
EVENTS = f"{API}/events"
ADA = random_embeddings(1, 8).tolist()


@pytest.fixture
def enrolled(desk: Desk) -> Iterator[Desk]:
    """A desk that knows Ada."""
    body = {"label": "Ada", "embeddings": ADA}
    assert desk.program(DeskScope.ENROLL).post(f"{API}/enroll", json=body).status_code == 200
    yield desk
    # Whatever a test did, each stream has given up its place.
    while desk.state.listeners.count:
        time.sleep(0.01)


def search(program: httpx.Client, call: str = "identify", **more: object) -> httpx.Response:
    """Search with Ada's embedding."""
    answer = program.post(f"{API}/{call}", json={"embeddings": ADA, **more})
    assert answer.status_code == 200
    return answer


def test_who_may_only_search_hears_decisions_of_the_same_token_alone(enrolled: Desk) -> None:
    door, other = enrolled.program(DeskScope.IDENTIFY), enrolled.program(DeskScope.IDENTIFY)
    with listening(door, EVENTS) as screen, listening(other, EVENTS) as elsewhere:
        answer = search(door).json()["results"][0]
        search(enrolled.program(DeskScope.MANAGE))
        search(other, "match", label="Ada")

        heard, further = screen.next(), elsewhere.next()

    assert heard is not None and further is not None
    assert heard.name == "search"
    assert {name: heard.data[name] for name in answer} == answer
    (face,) = heard.data["faces"]
    assert (face["label"], face["candidates"]) == ("Ada", [])
    assert (heard.data["gallery"], heard.data["call"]) == ("default", "identify")
    # Of three searches by three tokens the second screen has heard its own first.
    assert further.data["call"] == "match"


def test_who_may_manage_hears_everybody_in_full(enrolled: Desk) -> None:
    with listening(enrolled.program(DeskScope.MANAGE), EVENTS) as office:
        limited = search(enrolled.program(DeskScope.IDENTIFY)).json()["results"][0]["faces"]
        heard = office.next()

    assert heard is not None
    assert limited[0]["candidates"] == []
    assert [item["label"] for item in heard.data["faces"][0]["candidates"]] == ["Ada"]
    assert heard.data["by"].startswith("identify")


def test_searches_by_pages_are_heard_by_the_owners_browser(photo_desk: Desk) -> None:
    browser = photo_desk.browser()
    with listening(browser, EVENTS) as screen:
        browser.post("/g/0/identify", files={"photos": ("a\n\nevent: state", b"no photo")})
        heard = screen.next()

    assert heard is not None
    assert (heard.name, heard.data["by"], heard.data["faces"]) == ("search", "owner", [])
    assert "cannot" in heard.data["failure"]


def test_a_token_called_owner_does_not_hear_the_owner(enrolled: Desk) -> None:
    token = enrolled.state.tokens.issue("door", DeskScope.IDENTIFY)
    file = enrolled.state.tokens.path
    file.write_text(file.read_text().replace('"door"', '"owner"'))  # as former versions let it be
    door = enrolled.program()
    door.headers["Authorization"] = f"Bearer {token}"
    with listening(door, EVENTS) as screen:
        search(enrolled.browser())
        search(door, "match", label="Ada")
        heard = screen.next()

    assert heard is not None and heard.data["call"] == "match"


def test_a_stream_tells_when_the_desk_is_locked_and_unlocked(enrolled: Desk) -> None:
    owner = enrolled.state.owner
    with listening(enrolled.program(DeskScope.IDENTIFY), EVENTS) as screen:
        owner.lock()
        assert screen.next() == Event("state", {"locked": True})
        owner.unlock(PASSPHRASE)
        assert screen.next() == Event("state", {"locked": False})


def test_a_stream_does_not_keep_the_key_open(enrolled: Desk) -> None:
    with listening(enrolled.program(DeskScope.IDENTIFY), EVENTS):
        enrolled.idle_until_locked()


def test_a_stream_without_events_says_that_it_is_alive(
    enrolled: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gallery.desk.api.events.HEARTBEAT_SECONDS", 0.0)
    monkeypatch.setattr("gallery.desk.api.events.CHECK_SECONDS", 0.01)
    with listening(enrolled.program(DeskScope.IDENTIFY), EVENTS) as screen:
        assert screen.block() == [": still here"]


def test_a_revoked_token_hears_nothing_more(
    enrolled: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gallery.desk.api.events.RIGHTS_SECONDS", 0.0)
    monkeypatch.setattr("gallery.desk.api.events.CHECK_SECONDS", 0.01)
    door = enrolled.program(DeskScope.IDENTIFY)
    with listening(door, EVENTS) as screen:
        enrolled.state.tokens.revoke(enrolled.state.tokens.all()[-1].token_id)
        assert screen.next() is None
    assert door.get(EVENTS).status_code == 401


def test_streams_end_with_the_desk(enrolled: Desk) -> None:
    with listening(enrolled.program(DeskScope.IDENTIFY), EVENTS) as screen:
        enrolled.state.stopping.set()
        assert screen.next() is None


def test_a_token_has_few_streams_at_a_time(enrolled: Desk) -> None:
    door, other = enrolled.program(DeskScope.IDENTIFY), enrolled.program(DeskScope.IDENTIFY)
    with ExitStack() as streams:
        for _ in range(4):
            streams.enter_context(listening(door, EVENTS))
        refused = door.get(EVENTS)
        assert (refused.status_code, refused.json()["title"]) == (429, "TooManyStreamsError")
        with listening(other, EVENTS):
            pass
    while enrolled.state.listeners.count:
        time.sleep(0.01)
    with listening(door, EVENTS):
        pass


def test_pages_of_other_sites_take_no_streams_of_the_owners(enrolled: Desk) -> None:
    # Another port of this machine is the same site to a browser, which sends the cookie along.
    browser = enrolled.browser()
    for headers in ({"sec-fetch-site": "same-site"}, {"origin": "http://localhost:3000"}):
        answer = browser.get(EVENTS, headers=headers)
        assert (answer.status_code, answer.json()["title"]) == (403, "NotAllowedError")
    with browser.stream("GET", EVENTS, headers={"sec-fetch-site": "same-origin"}) as answer:
        assert answer.status_code == 200


def test_a_gallery_that_is_not_there_or_not_allowed_has_no_stream(enrolled: Desk) -> None:
    state, program = enrolled.state, enrolled.program()
    token = state.tokens.issue("elsewhere", DeskScope.IDENTIFY, galleries=("other",))
    program.headers["Authorization"] = f"Bearer {token}"
    for gallery in ("default", "other"):
        answer = program.get(f"/v1/galleries/{gallery}/events")
        assert (answer.status_code, answer.json()["title"]) == (404, "UnknownGalleryError")


def test_a_listener_that_does_not_read_is_dropped_and_disturbs_nobody(
    service: EmbeddedService, key: GalleryKey, tmp_path: Path
) -> None:
    GalleryClient.create(service, key, dimension=8, threshold=0.3).close()
    config = DeskConfig(pace=Pace(grace=0.2, least_rate=2**20, longest=1.0))
    with (
        open_desk(service, key, tmp_path, config=config) as desk,
        socket.create_connection(("127.0.0.1", desk.state.config.port)) as hostile,
    ):
        office = desk.program(DeskScope.MANAGE)
        token = office.headers["Authorization"]
        head = f"GET {EVENTS} HTTP/1.1\r\nHost: {desk.address[7:]}\r\nAuthorization: {token}\r\n"
        hostile.sendall(f"{head}\r\n".encode())
        while not desk.state.listeners.count:
            time.sleep(0.01)
        piece = b": " + b"x" * 2**16 + b"\n\n"
        holder = Holder("owner", DeskScope.MANAGE)
        until = time.monotonic() + 60
        while desk.state.listeners.count and time.monotonic() < until:
            desk.state.listeners.tell("default", holder, lambda _: [piece])
            time.sleep(0.005)
        assert desk.state.listeners.count == 0

        with listening(office, EVENTS) as screen:
            search(office)
            heard = screen.next()
        assert heard is not None and heard.name == "search"
