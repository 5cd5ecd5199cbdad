"""The alarm of the first page after unlocking, of a gallery that is not what its owner left."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from gallery.client import GalleryClient, GalleryKey, StateFile
from gallery.client.integrity import clock
from gallery.client.integrity.rollback import NewestState, wrong_results_id
from gallery.desk.access.scopes import DeskScope
from gallery.desk.pages import gates
from gallery.forwarding import ForwardingService
from gallery.messages import BlockReferences
from gallery.protocol import GalleryService
from gallery.server import EmbeddedService, open_service
from tests.support.desks import PASSPHRASE, Desk, open_desk
from tests.support.galleries import random_embeddings

API = "/v1/galleries/default"
PROBE = {"embeddings": random_embeddings(1, 8).tolist()}
TITLE = "Do not rely on the gallery default"


@dataclass(frozen=True)
class Scene:
    """A desk that is locked, its database, an older state of that, and where states are kept."""

    desk: Desk
    database: Path
    yesterday: Path
    states: StateFile
    key: GalleryKey

    def put_into_place(self, copy: Path) -> None:
        """Put another database's content into the place of the desk's."""
        with closing(sqlite3.connect(copy)) as given, closing(sqlite3.connect(self.database)) as to:
            given.backup(to)

    def run(self, statement: str) -> None:
        """Change the database."""
        with closing(sqlite3.connect(self.database)) as connection, connection:
            assert connection.execute(statement).rowcount == 1

    def unlock(self) -> str:
        """Return the page that a browser comes to when it unlocks the desk."""
        browser = self.desk.browser()
        return browser.post("/unlock", data={"passphrase": PASSPHRASE}).text


@pytest.fixture
def scene(key: GalleryKey, database: str, tmp_path: Path) -> Iterator[Scene]:
    """A gallery of two people in a desk, and of one yesterday."""
    path, yesterday = tmp_path / "gallery.db", tmp_path / "yesterday.db"
    states = StateFile(tmp_path / "seen")
    with open_service(database, create=True) as service:
        with GalleryClient.create(service, key, dimension=8, threshold=0.3) as client:
            client.enroll(random_embeddings(1, 8), ["Ada"])
        with closing(sqlite3.connect(path)) as now, closing(sqlite3.connect(yesterday)) as copy:
            now.backup(copy)
        with GalleryClient(service, key, states=states) as client:
            client.enroll(random_embeddings(1, 8, seed=1), ["Grace"])

        def open_client(opened: GalleryKey, name: str) -> GalleryClient:
            return GalleryClient(service, opened, name, states=states)

        with open_desk(service, key, tmp_path, open_client=open_client) as desk:
            desk.state.owner.lock()
            yield Scene(desk, path, yesterday, states, key)


def roll_back(scene: Scene) -> None:
    scene.put_into_place(scene.yesterday)


def restore(scene: Scene) -> None:
    """Put what was restored from a backup into its place, which has another lineage."""
    folder = scene.database.parent
    with open_service(f"sqlite:///{scene.database}") as service:
        with GalleryClient(service, scene.key) as client:
            client.export(folder / "backup")
    with open_service(f"sqlite:///{folder / 'restored.db'}", create=True) as service:
        GalleryClient.restore(service, scene.key, folder / "backup").close()
    scene.put_into_place(folder / "restored.db")


def damage_a_row(scene: Scene) -> None:
    scene.run("UPDATE reference SET sealed_label = zeroblob(length(sealed_label)) WHERE position=0")


def damage_the_manifest(scene: Scene) -> None:
    scene.run("UPDATE gallery SET manifest = zeroblob(length(manifest))")


def remember_wrong_results(scene: Scene) -> None:
    with open_service(f"sqlite:///{scene.database}") as service:
        gallery_id = service.describe("default").gallery_id
    scene.states.remember(wrong_results_id(gallery_id), NewestState(1, b""))


@pytest.mark.parametrize(
    ("change", "said", "kind"),
    [
        (roll_back, "an older state was put back", "RolledBackError"),
        (restore, "was restored from a backup", "RolledBackError"),
        (damage_a_row, "are not the ones that were enrolled", "AuthenticationError"),
        (damage_the_manifest, "anifest message: it does not start with", "MalformedMessageError"),
        (remember_wrong_results, "has given results that", "WrongResultError"),
    ],
)
def test_the_first_page_after_unlocking_has_the_alarm_and_searches_are_refused(
    scene: Scene, change: Callable[[Scene], None], said: str, kind: str
) -> None:
    change(scene)

    first = scene.unlock()

    assert TITLE in first and said in first
    assert "data-send-at-once" in first, "it is the page with the form for photos"
    owner, kiosk = (scene.desk.program(scope) for scope in (DeskScope.MANAGE, DeskScope.IDENTIFY))
    refused = owner.post(f"{API}/identify", json=PROBE)
    assert refused.status_code == 502 and said in refused.json()["detail"]
    assert refused.json()["title"] == kind
    assert kiosk.post(f"{API}/identify", json=PROBE).status_code == 502
    described = owner.get(API).json()
    assert said in (described.get("alarm") or described["detail"])


def test_a_gallery_of_another_key_stays_locked_and_says_why(scene: Scene) -> None:
    other = scene.database.with_name("other.db")
    with open_service(f"sqlite:///{other}", create=True) as service:
        GalleryClient.create(service, GalleryKey.generate(), dimension=8).close()
    scene.put_into_place(other)

    first = scene.unlock()

    assert "was made with another key" in first
    assert scene.desk.state.owner.is_locked


def test_a_gallery_that_is_as_it_was_left_raises_no_alarm(scene: Scene) -> None:
    assert "data-alarm" not in scene.unlock()
    found = scene.desk.program(DeskScope.MANAGE).post(f"{API}/identify", json=PROBE)
    assert found.json()["results"][0]["faces"][0]["label"] == "Ada"


class SlowService(ForwardingService):
    """Gives references when it is told to."""

    def __init__(self, service: GalleryService) -> None:
        super().__init__(service)
        self.asked, self.answers = threading.Event(), threading.Event()

    def references(self, gallery_id: bytes, index: int) -> BlockReferences:
        self.asked.set()
        self.answers.wait(60)
        return super().references(gallery_id, index)


def test_a_page_does_not_wait_for_ever_for_a_gallery_that_is_being_read(
    service: EmbeddedService, key: GalleryKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gates, "_LOOK_SECONDS", 0.1)
    with GalleryClient.create(service, key, dimension=8, threshold=0.3) as client:
        client.enroll(random_embeddings(1, 8), ["Ada"])
    slow = SlowService(service)
    with open_desk(slow, key, tmp_path) as desk:
        browser = desk.browser()

        assert browser.get("/g/0/identify").status_code == 200

        assert slow.asked.is_set() and not slow.answers.is_set()
        slow.answers.set()
        people = desk.program(DeskScope.MANAGE).get(f"{API}/people").json()
        assert [person["label"] for person in people] == ["Ada"]


def test_the_alarm_of_a_state_that_is_too_old_goes_with_a_new_signature(
    service: EmbeddedService, key: GalleryKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with GalleryClient.create(service, key, dimension=8, threshold=0.3) as client:
        client.enroll(random_embeddings(1, 8), ["Ada"])
    later = clock.seconds() + timedelta(days=8) // timedelta(seconds=1)
    monkeypatch.setattr(clock, "seconds", lambda: later)

    def open_client(opened: GalleryKey, name: str) -> GalleryClient:
        return GalleryClient(service, opened, name, max_age=timedelta(days=7))

    with open_desk(service, key, tmp_path, open_client=open_client) as desk:
        program = desk.program(DeskScope.MANAGE)

        def unlock() -> str:
            desk.state.owner.lock()
            return desk.browser().post("/unlock", data={"passphrase": PASSPHRASE}).text

        assert TITLE in unlock()
        assert program.post(f"{API}/identify", json=PROBE).status_code == 502
        with GalleryClient(service, key) as client:
            client.refresh(accept_unseen=True)

        assert "data-alarm" not in unlock()
        found = program.post(f"{API}/identify", json=PROBE)
        assert found.json()["results"][0]["faces"][0]["label"] == "Ada"
