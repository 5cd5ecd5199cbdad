"""Locking of the desk: nothing of the key is left, and work under way ends in order."""

from __future__ import annotations

import gc
import threading
import time
from pathlib import Path

import pytest

from gallery.client import GalleryClient, GalleryKey, PhotoEmbedder
from gallery.client.keys.secrets import Secret
from gallery.desk.access.scopes import DeskScope
from gallery.desk.errors import LockedError
from gallery.desk.owner import Owner
from gallery.desk.texts import english
from gallery.server import EmbeddedService
from tests.support.desks import PASSPHRASE, Clock, Desk, open_desk
from tests.support.galleries import random_embeddings

API = "/v1/galleries/default"


def secrets() -> dict[int, str]:
    """Return the kinds of all objects with secrets, and of all clients, that are alive."""
    gc.collect()
    kinds = (Secret, GalleryKey, GalleryClient)
    found = [item for item in gc.get_objects() if issubclass(type(item), kinds)]
    return {id(item): type(item).__name__ for item in found}


def test_nothing_of_the_key_is_left_when_a_desk_is_locked(
    service: EmbeddedService, key: GalleryKey, tmp_path: Path
) -> None:
    GalleryClient.create(service, key, dimension=8, threshold=0.3).close()
    probe = {"embeddings": random_embeddings(1, 8).tolist()}
    body = {"label": "Ada", **probe}
    with open_desk(service, key, tmp_path) as desk:
        browser, program = desk.browser(), desk.program(DeskScope.MANAGE)
        desk.state.owner.lock()
        before = secrets()
        assert browser.post("/unlock", data={"passphrase": PASSPHRASE}).status_code == 200
        assert program.post(f"{API}/enroll", json=body).status_code == 200
        assert program.post(f"{API}/identify", json=probe).status_code == 200
        assert program.post(f"{API}/people/rename", json={"old": "no", "new": "one"}).is_error
        browser.get("/g/0/gallery")
        job = browser.post("/g/0/verify").url.path
        while english()("gallery.verify.clean") not in browser.get(job).text:
            time.sleep(0.01)
        opened = secrets()
        kinds = {opened[number] for number in set(opened) - set(before)}
        assert {"GalleryKey", "GalleryClient"} <= kinds

        assert browser.post("/lock").status_code == 200

        left = {}
        for _ in range(200):  # threads that wait for work keep their last for a moment
            now = secrets()
            left = {number: now[number] for number in set(now) - set(before)}
            if not left:
                break
            time.sleep(0.05)
        assert not left
        assert (
            program.post(f"{API}/identify", json={"embeddings": body["embeddings"]}).status_code
            == 423
        )


def test_a_lock_waits_for_a_search_and_those_behind_it_are_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, begun, done = desk.program(DeskScope.MANAGE), threading.Event(), threading.Event()
    identified, statuses = GalleryClient.identify, list[int]()

    def slowly(client: GalleryClient, *arguments: object, **named: object) -> object:
        begun.set()
        done.wait(60)
        return identified(client, *arguments, **named)  # type: ignore[arg-type]

    def search() -> None:
        probe = {"embeddings": random_embeddings(1, 8).tolist()}
        statuses.append(program.post(f"{API}/identify", json=probe).status_code)

    monkeypatch.setattr(GalleryClient, "identify", slowly)
    first, second = threading.Thread(target=search), threading.Thread(target=search)
    locking = threading.Thread(target=desk.state.owner.lock)
    first.start()
    begun.wait(60)
    second.start()
    locking.start()
    while not desk.state.owner.is_locked:
        time.sleep(0.01)
    assert locking.is_alive()
    done.set()
    for thread in (first, second, locking):
        thread.join()

    assert sorted(statuses) == [200, 423]


def test_galleries_of_one_model_share_it(
    service: EmbeddedService, key: GalleryKey, tmp_path: Path
) -> None:
    made = PhotoEmbedder("Dlib")
    for name in ("staff", "visitors"):
        GalleryClient.create(
            service, key, name, dimension=made.dimension, preprocessing=made.preprocessing
        ).close()
    with open_desk(service, key, tmp_path, ("staff", "visitors")) as desk:
        with desk.state.owner.gallery("staff") as opened:
            staff = desk.state.reader.embedder(opened.client)
        desk.state.owner.lock()
        desk.state.owner.unlock(PASSPHRASE)
        with desk.state.owner.gallery("visitors") as opened:
            visitors = desk.state.reader.embedder(opened.client)

    assert staff is visitors


def test_a_desk_that_was_idle_for_long_answers_nobody_though_nothing_has_locked_it(
    service: EmbeddedService, key: GalleryKey
) -> None:
    """A machine that slept has run nothing that could lock it."""
    GalleryClient.create(service, key, dimension=8, threshold=0.3).close()
    clock = Clock()
    owner = Owner(
        lambda _: key,
        lambda opened, name: GalleryClient(service, opened, name),
        ("default",),
        idle_lock=900.0,
        clock=clock,
    )
    owner.unlock(None)
    owner.used()
    clock.now += 900
    with pytest.raises(LockedError), owner.gallery("default"):
        pytest.fail("it is open")
    assert owner.is_locked

    owner.unlock(None)
    clock.now += 900
    with pytest.raises(LockedError):
        owner.used()
    assert owner.is_locked
