"""Purges: one at a time, joined by those who wait, and none where nothing was erased."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import event, make_url, text

from gallery.client import GalleryClient, GalleryKey, renew_gallery
from gallery.errors import ErasurePendingError
from gallery.parameters import SWIFT
from gallery.server import EmbeddedService, migrate, open_service
from gallery.store import Database, open_database, purging
from gallery.store.purging import PurgeQueue, mark_erased
from tests.support.galleries import names, random_embeddings

ASSETS = Path(__file__).parents[2] / "assets" / "databases"
SECONDS = 60.0


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Gated:
    """A purge that stands still until it is let go."""

    def __init__(self) -> None:
        self.begun = 0
        self.running = 0
        self.most = 0
        self.opened = threading.Event()

    def __call__(self) -> None:
        self.begun += 1
        self.running += 1
        self.most = max(self.most, self.running)
        assert self.opened.wait(SECONDS)
        self.running -= 1
        if self.begun == 1:
            raise ErasurePendingError("the first fails")


def test_those_who_come_while_a_purge_runs_join_the_next_one() -> None:
    gated = Gated()
    queue = PurgeQueue(gated)
    with ThreadPoolExecutor(46) as threads:
        first = threads.submit(queue.run)
        until(lambda: gated.begun == 1)
        others = [threads.submit(queue.run) for _ in range(45)]
        until(lambda: queue.is_awaited)
        time.sleep(0.1)
        gated.opened.set()
        with pytest.raises(ErasurePendingError):
            first.result(SECONDS)
        for other in others:
            other.result(SECONDS)

    assert gated.begun in (2, 3)  # a thread may come late
    assert gated.most == 1


def test_those_who_joined_a_purge_that_fails_are_told() -> None:
    opened, begun = threading.Event(), threading.Semaphore(0)

    def fail() -> None:
        begun.release()
        assert opened.wait(SECONDS)
        raise ErasurePendingError("traces remain")

    queue = PurgeQueue(fail)
    with ThreadPoolExecutor(8) as threads:
        first = threads.submit(queue.run)
        assert begun.acquire(timeout=SECONDS)
        others = [threads.submit(queue.run) for _ in range(7)]
        opened.set()
        for future in (first, *others):
            with pytest.raises(ErasurePendingError):
                future.result(SECONDS)


def test_between_two_purges_there_is_as_much_time_as_the_first_took(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[float] = []

    def take_a_while() -> None:
        begun.append(time.monotonic())
        time.sleep(0.2)

    queue = PurgeQueue(take_a_while)
    for _ in range(3):
        queue.run()
    monkeypatch.setattr(purging, "LONGEST_REST_S", 0.0)
    queue.run()
    queue.run()

    rests = [later - earlier - 0.2 for earlier, later in pairwise(begun)]
    assert all(rest >= 0.2 for rest in rests[:3])


@contextmanager
def statements(*databases: Database) -> Iterator[list[str]]:
    """Record the full vacuums that databases are asked for."""
    found: list[str] = []

    def note(*arguments: object) -> None:
        statement = str(arguments[2])
        if statement.startswith("VACUUM"):
            found.append(statement)

    for database in databases:
        event.listen(database.engine, "before_cursor_execute", note)
    yield found


def erase(database: Database) -> None:
    with database.writing() as connection:
        mark_erased(connection)


@pytest.fixture
def two(postgresql: str) -> Iterator[tuple[Database, Database]]:
    """Two processes' ends of one database, with nothing left to purge."""
    with open_database(postgresql, create=True) as one, open_database(postgresql) as other:
        one.purge()
        yield one, other


def test_nothing_is_purged_where_nothing_was_erased(two: tuple[Database, Database]) -> None:
    one, other = two
    with statements(one, other) as vacuums:
        for database in (one, other, one):
            database.purge()
        assert vacuums == []

        erase(one)
        other.purge()
        one.purge()

    assert len(vacuums) == 1


def test_many_purges_of_many_processes_are_one(two: tuple[Database, Database]) -> None:
    one, other = two
    erase(one)
    with statements(one, other) as vacuums, ThreadPoolExecutor(20) as threads:
        with other.reading() as connection:
            connection.execute(text("SELECT count(*) FROM gallery"))
            purges = [threads.submit(item.purge) for item in (one, other) * 10]
            time.sleep(0.3)
            assert not any(purge.done() for purge in purges)
        for purge in purges:
            purge.result(SECONDS)

    assert len(vacuums) == 1


def test_what_another_transaction_could_still_see_is_not_taken_for_purged(
    two: tuple[Database, Database],
) -> None:
    # Such as a backup's: it reads another table, and a full vacuum keeps dead rows for it.
    one, other = two
    with one.writing() as connection:
        connection.execute(text("CREATE TABLE elsewhere (a integer)"))
        connection.execute(
            text("INSERT INTO gallery VALUES ('\\x00', 'staff', :big, 1, '\\x00')"),
            {"big": b"\x01" * 5_000},
        )

    with ThreadPoolExecutor(1) as threads:
        with other.reading() as connection:
            connection.execute(text("SELECT count(*) FROM elsewhere"))
            with one.writing() as writer:
                writer.execute(text("DELETE FROM gallery"))
                mark_erased(writer)
            purge = threads.submit(one.purge)
            time.sleep(0.5)
            assert not purge.done()
        purge.result(SECONDS)

    with one.reading() as connection:
        assert connection.execute(text("SELECT pg_relation_size('gallery')")).scalar() == 0


def test_a_user_who_does_not_own_the_tables_is_told_that_traces_remain(
    postgresql: str, two: tuple[Database, Database]
) -> None:
    one, _ = two
    role = f"guest_{make_url(postgresql).database}"
    with one.writing() as connection:
        connection.execute(text(f"CREATE ROLE {role} LOGIN"))
        connection.execute(text(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}"))
    guest = make_url(postgresql).set(username=role).render_as_string(hide_password=False)
    with closing(Database(guest)) as opened:
        erase(opened)

        with pytest.raises(ErasurePendingError, match="does not own the tables"):
            opened.purge()
    with one.writing() as connection:
        connection.execute(text(f"DROP OWNED BY {role}"))
        connection.execute(text(f"DROP ROLE {role}"))


# --- the size of an SQLite file -------------------------------------------------------------------


def size_of(database: str) -> int:
    return Path(database.removeprefix("sqlite:///")).stat().st_size


def fill(service: EmbeddedService, key: GalleryKey, name: str) -> None:
    with GalleryClient.create(service, key, name, dimension=64, parameters=SWIFT) as client:
        client.enroll(random_embeddings(3, 64), names(3))


def test_a_file_shrinks_with_its_content(database: str, key: GalleryKey) -> None:
    with open_service(database, create=True) as service:
        fill(service, key, "kept")
        service.purge()
        before = size_of(database)
        fill(service, key, "erased")
        service.delete(service.describe("erased").gallery_id)

        assert size_of(database) <= 1.02 * before
        with GalleryClient(service, key, "kept") as client:
            assert client.verify(deep=True).findings == ()


def test_a_file_is_no_larger_after_a_renewal(database: str, key: GalleryKey) -> None:
    new = GalleryKey.generate()
    with open_service(database, create=True) as service:
        fill(service, key, "default")
        service.purge()
        before = size_of(database)
        renew_gallery(service, key, new, "default")

        assert size_of(database) <= 1.05 * before


@pytest.mark.parametrize("version", ["0001", "0003"])
def test_the_file_of_an_older_version_shrinks_too(
    version: str, key: GalleryKey, tmp_path: Path
) -> None:
    database = f"sqlite:///{shutil.copy(ASSETS / f'{version}.db', tmp_path / 'old.db')}"
    migrate(database)
    before = size_of(database)
    with open_service(database) as service:
        for _ in range(2):
            fill(service, key, "erased")
            service.purge()
            assert size_of(database) > before + 2**20
            service.delete(service.describe("erased").gallery_id)
            assert size_of(database) <= 1.1 * before
    with closing(sqlite3.connect(tmp_path / "old.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_reader_does_not_keep_a_file_from_shrinking_later(
    database: str, key: GalleryKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gallery.store.database._BUSY_TIMEOUT_MS", 200)
    with open_service(database, create=True) as service:
        fill(service, key, "kept")
        service.purge()
        before = size_of(database)
        fill(service, key, "erased")
        with open_database(database) as reader, reader.reading() as connection:
            connection.execute(text("SELECT count(*) FROM block"))
            with pytest.raises(ErasurePendingError):
                service.delete(service.describe("erased").gallery_id)
        service.purge()

        assert size_of(database) <= 1.02 * before
