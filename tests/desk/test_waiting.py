"""Work that takes long at the desk: what others can do meanwhile, and how it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from gallery.client import GalleryClient, GalleryKey
from gallery.client.photos.images import Photo
from gallery.desk.access.scopes import DeskScope
from gallery.desk.decoding import PhotoDecoder
from gallery.desk.identifying import PhotoDecisions
from gallery.desk.owner import Owner
from gallery.desk.pages.pictures import ShownPhoto, shown
from gallery.desk.texts import Texts
from gallery.desk.warming import warm_up
from gallery.errors import UnreadablePhotoError
from gallery.server import EmbeddedService
from tests.support.desks import PASSPHRASE, Desk, open_desk
from tests.support.galleries import random_embeddings

API = "/v1/galleries/default"
FEW = httpx.Timeout(10)


@contextmanager
def held(desk: Desk) -> Iterator[threading.Thread]:
    """Have somebody else work with the gallery meanwhile, for a minute at most."""
    begun, done = threading.Event(), threading.Event()

    def work() -> None:
        with desk.state.owner.gallery("default"):
            begun.set()
            done.wait(60)

    worker = threading.Thread(target=work)
    worker.start()
    begun.wait()
    try:
        yield worker
    finally:
        done.set()
        worker.join()


def test_many_who_wait_for_a_gallery_stop_nobody_else(desk: Desk) -> None:
    program, anybody = desk.program(DeskScope.MANAGE), desk.program()
    body = {"embeddings": random_embeddings(1, 8).tolist()}

    def search(_: int) -> int:
        return program.post(f"{API}/identify", json=body).status_code

    with ThreadPoolExecutor(60) as pool:
        with held(desk):
            waiting = [pool.submit(search, number) for number in range(60)]
            while sum(item.done() for item in waiting) < 20:  # these are told to come again
                time.sleep(0.01)
            names = program.get("/v1/galleries", timeout=FEW)
            assert anybody.get("/healthz", timeout=FEW).status_code == 200
            assert names.json()["galleries"] == ["default"]
        statuses = [item.result() for item in waiting]

    assert set(statuses) == {200, 503}


def test_the_making_of_a_page_stops_nobody_else(
    photo_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, anybody = photo_desk.browser(), photo_desk.program()
    begun, done = threading.Event(), threading.Event()

    def slowly(decisions: PhotoDecisions, t: Texts) -> ShownPhoto:
        begun.set()
        done.wait(60)
        return shown(decisions, t)

    monkeypatch.setattr("gallery.desk.pages.identify.shown", slowly)
    with ThreadPoolExecutor(1) as pool:
        searched = pool.submit(browser.post, "/g/0/identify", files={"photos": ("a", b"a")})
        try:
            begun.wait()
            assert anybody.get("/healthz", timeout=FEW).status_code == 200
        finally:
            done.set()
        assert searched.result().status_code == 200


def test_a_gallery_is_free_while_photos_are_decoded(
    photo_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, begun, done = photo_desk.program(DeskScope.MANAGE), threading.Event(), threading.Event()

    def decode(*_: object) -> Photo:
        begun.set()
        done.wait()
        raise UnreadablePhotoError("it took long")

    monkeypatch.setattr(PhotoDecoder, "decode", decode)
    with ThreadPoolExecutor(1) as pool:
        searched = pool.submit(owner.post, f"{API}/identify", files={"photos": ("a", b"a")})
        try:
            begun.wait()
            assert owner.get(f"{API}/people", timeout=FEW).status_code == 200
        finally:
            done.set()
        assert searched.result().json()["results"][0]["failure"] == "it took long"


def test_a_gallery_is_checked_once_at_a_time_and_locking_ends_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, begun = desk.browser(), threading.Event()

    def verify(_: GalleryClient, progress: Callable[[int], None]) -> None:
        while True:
            begun.set()
            progress(1)
            time.sleep(0.01)

    monkeypatch.setattr(GalleryClient, "verify", verify)
    job = browser.post("/g/0/verify", follow_redirects=False).headers["location"]
    begun.wait()

    second = browser.post("/g/0/verify", timeout=FEW)
    assert (second.status_code, "is under way already" in second.text) == (503, True)
    assert browser.post("/lock", timeout=FEW).status_code == 200
    browser.post("/unlock", data={"passphrase": PASSPHRASE})
    assert "The desk was locked meanwhile" in browser.get(job).text


def test_a_job_that_breaks_says_nothing_of_what_broke_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def verify(*_: object, **__: object) -> None:
        raise ValueError("the label of Ada")

    monkeypatch.setattr(GalleryClient, "verify", verify)
    browser = desk.browser()
    job = browser.post("/g/0/verify", follow_redirects=False).headers["location"]
    deadline = time.monotonic() + 60
    while "It failed (ValueError)." not in (said := browser.get(job).text):
        assert time.monotonic() < deadline, said
        time.sleep(0.01)

    assert "Ada" not in said + capfd.readouterr().err


def test_the_desk_ends_although_somebody_works(
    service: EmbeddedService,
    key: GalleryKey,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gallery.desk.application._STOP_SECONDS", 0.1)
    GalleryClient.create(service, key, dimension=8).close()
    with ExitStack() as afterwards:
        with open_desk(service, key, tmp_path) as desk:
            worker = afterwards.enter_context(held(desk))
        assert worker.is_alive()


def test_nothing_is_warmed_when_the_desk_ends(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(Owner, "gallery", lambda _, name: opened.append(name))
    desk.state.stopping.set()

    warm_up(desk.state)

    assert opened == []


def test_what_cannot_be_warmed_is_told_by_the_first_search(
    photo_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_: PhotoDecoder) -> None:
        raise OSError("no more processes")

    monkeypatch.setattr(PhotoDecoder, "start", start)

    warm_up(photo_desk.state)


def test_work_keeps_the_desk_from_idling(desk: Desk) -> None:
    owner, idle = desk.state.owner, desk.state.config.idle_lock
    with held(desk):
        desk.clock.now += idle + 1
        owner.lock_if_idle()
        assert not owner.is_locked
    owner.lock_if_idle()
    assert not owner.is_locked
    desk.idle_until_locked()


@pytest.mark.parametrize("path", ["/g/0/identify", "/g/0/live", "/jobs/none"])
def test_looking_at_a_page_keeps_the_desk_from_idling(desk: Desk, path: str) -> None:
    browser, idle = desk.browser(), desk.state.config.idle_lock
    desk.clock.now += idle - 1
    browser.get(path)
    desk.clock.now += idle - 1

    desk.state.owner.lock_if_idle()

    assert not desk.state.owner.is_locked


def test_all_galleries_are_closed_although_one_fails_and_the_desk_locks_again(
    service: EmbeddedService, key: GalleryKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []

    def close(client: GalleryClient) -> None:
        closed.append(client.description.name)
        raise OSError("no temporary folder")

    monkeypatch.setattr("gallery.desk.application._IDLE_CHECK_SECONDS", 0.01)
    for name in ("one", "two"):
        GalleryClient.create(service, key, name, dimension=8).close()
    with open_desk(service, key, tmp_path, ("one", "two")) as desk:
        monkeypatch.setattr(GalleryClient, "close", close)
        for times in (1, 2):
            while len(closed) < 2 * times:
                # Again and again: what warms up at the start counts as use when it ends.
                desk.clock.now += desk.state.config.idle_lock
                time.sleep(0.01)
            assert desk.state.owner.is_locked
            desk.state.owner.unlock(PASSPHRASE)
        monkeypatch.undo()

    assert sorted(closed) == ["one", "one", "two", "two"]
