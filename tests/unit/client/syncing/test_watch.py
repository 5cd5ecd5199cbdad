"""A watch follows a folder, through errors and outages, until it is told to end."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gallery.client import FolderSync, GalleryClient, GalleryKey, SyncPlan, SyncReport, watch_folder
from gallery.errors import AuthenticationError, GalleryError, ServerError
from gallery.server import EmbeddedService
from tests.support.interception import InterceptedService
from tests.support.syncing import ContentEmbedder, PeopleFolder, held

PATIENCE = 60.0


class Watched:
    """A watch in a thread, whose reports are kept."""

    def __init__(self, sync: FolderSync, **options: Any) -> None:
        self.stop = threading.Event()
        self.plans: list[SyncPlan] = []
        self.reports: list[SyncReport] = []
        self.troubles: list[GalleryError | OSError] = []
        self.ended: BaseException | None = None
        self._options = {"settle": 0.05, **options}
        self._sync = sync
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        def report(plan: SyncPlan, done: SyncReport) -> None:
            self.plans.append(plan)
            self.reports.append(done)

        try:
            watch_folder(
                self._sync,
                stop=self.stop,
                report=report,
                trouble=self.troubles.append,
                **self._options,
            )
        except BaseException as error:
            self.ended = error

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Wait until something is so, for a long time."""
        until = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < until, "it did not happen"
            assert self.thread.is_alive() or self.stop.is_set(), self.ended
            time.sleep(0.02)


@contextmanager
def watching(sync: FolderSync, **options: Any) -> Iterator[Watched]:
    """Watch a folder while a block of code runs."""
    watched = Watched(sync, **options)
    watched.thread.start()
    try:
        yield watched
    finally:
        watched.stop.set()
        watched.thread.join(PATIENCE)
        assert not watched.thread.is_alive()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have errors tried again soon."""
    monkeypatch.setattr("gallery.client.syncing.watch._FIRST_PAUSE", 0.05)
    monkeypatch.setattr("gallery.client.syncing.watch._STEP_SECONDS", 0.1)


@pytest.fixture
def reader(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey
) -> Iterator[GalleryClient]:
    """Another client of the same gallery: each belongs to one thread."""
    with GalleryClient(service, key) as opened:
        yield opened


def test_each_change_is_followed(sync: FolderSync, people: PeopleFolder) -> None:
    people.write("Ada/1.jpg", "Ada")
    with watching(sync) as watched:
        watched.wait_for(lambda: [item.added for item in watched.reports if item.added])
        people.write("Grace/1.jpg", "Grace")
        watched.wait_for(lambda: sum(len(item.added) for item in watched.reports) == 2)
        people.move("Ada", "Ada Lovelace")
        watched.wait_for(lambda: any(item.relabelled for item in watched.reports))
        people.remove("Grace/1.jpg")
        watched.wait_for(lambda: any(item.removed for item in watched.reports))
    assert watched.ended is None
    assert watched.troubles == []


def test_what_is_gone_stays_where_nothing_is_to_be_erased(
    sync: FolderSync, people: PeopleFolder, client: GalleryClient
) -> None:
    people.write("Ada/1.jpg", "Ada")
    people.write("Grace/1.jpg", "Grace")
    sync.apply(sync.plan())
    people.remove("Grace/1.jpg")
    with watching(sync, remove=False) as watched:
        watched.wait_for(lambda: watched.reports)
    assert [item.reference.label for item in watched.reports[0].kept] == ["Grace"]
    assert held(client) == ["Ada", "Grace"]


def test_a_file_that_is_being_copied_is_enrolled_when_it_is_complete(
    sync: FolderSync, people: PeopleFolder, embedder: ContentEmbedder
) -> None:
    with watching(sync, settle=0.6) as watched:
        watched.wait_for(lambda: watched.reports)
        path = people.write("Ada/1.jpg", "Ada")
        for _ in range(20):
            with path.open("ab") as file:
                file.write(b" and more")
            time.sleep(0.1)
        watched.wait_for(lambda: embedder.embedded)
        watched.wait_for(lambda: sync.plan().is_empty)
    assert embedder.embedded == [path]


def test_a_folder_may_go_away_and_come_back(
    sync: FolderSync, people: PeopleFolder, reader: GalleryClient
) -> None:
    people.write("Ada/1.jpg", "Ada")
    sync.apply(sync.plan())
    with watching(sync) as watched:
        watched.wait_for(lambda: watched.reports)
        people.path.rename(people.path.with_name("elsewhere"))
        watched.wait_for(lambda: watched.troubles)
        people.path.mkdir()  # as a mount point is, without its disk
        watched.wait_for(lambda: any("nothing is left" in str(it) for it in watched.troubles))
        assert held(reader) == ["Ada"]
        people.path.rmdir()
        people.path.with_name("elsewhere").rename(people.path)
        people.write("Grace/1.jpg", "Grace")
        watched.wait_for(lambda: held(reader) == ["Ada", "Grace"])


def test_a_server_may_be_away_for_a_while(
    service: EmbeddedService,
    key: GalleryKey,
    client: GalleryClient,
    people: PeopleFolder,
    ledgers: Path,
) -> None:
    away, embedder = threading.Event(), ContentEmbedder()

    def intercept(call: Callable[[], Any]) -> Any:
        if away.is_set():
            raise ServerError("the server does not answer")
        return call()

    relay = InterceptedService(service, ("manifest", "write"), intercept)
    people.write("Ada/1.jpg", "Ada")
    with GalleryClient(relay, key) as other:
        with watching(other.folder_sync(people.path, ledgers, embedder=embedder)) as watched:
            watched.wait_for(lambda: watched.reports)
            away.set()
            people.write("Grace/1.jpg", "Grace")
            watched.wait_for(lambda: len(watched.troubles) > 2)
            away.clear()
            watched.wait_for(lambda: held(client) == ["Ada", "Grace"])


def test_what_time_does_not_heal_ends_the_watch(
    service: EmbeddedService,
    key: GalleryKey,
    client: GalleryClient,
    people: PeopleFolder,
    ledgers: Path,
) -> None:
    def intercept(call: Callable[[], Any]) -> Any:
        raise AuthenticationError("the manifest is not the owner's")

    relay = InterceptedService(service, ("manifest",), intercept)
    with GalleryClient(relay, key) as other:
        watched = Watched(other.folder_sync(people.path, ledgers, embedder=ContentEmbedder()))
        watched.thread.start()
        watched.thread.join(PATIENCE)
    assert isinstance(watched.ended, AuthenticationError)


def test_photos_that_failed_are_tried_again_when_all_is_looked_through(
    sync: FolderSync, people: PeopleFolder, embedder: ContentEmbedder
) -> None:
    tries: list[int] = []
    embedder.before = lambda: tries.append(1)
    people.write("Ada/1.jpg", "half", damaged=True)
    with watching(sync, rescan=0.3) as watched:
        watched.wait_for(lambda: len(tries) > 2)


def test_a_folder_that_is_removed_for_good_keeps_the_watch_alive(
    sync: FolderSync, people: PeopleFolder
) -> None:
    people.write("Ada/1.jpg", "Ada")
    with watching(sync) as watched:
        watched.wait_for(lambda: watched.reports)
        shutil.rmtree(people.path)
        watched.wait_for(lambda: len(watched.troubles) > 1)
    assert watched.ended is None
