"""A disk that is full or read-only is an error that names the database, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool

from gallery.client import GalleryClient, GalleryKey
from gallery.errors import DatabaseError
from gallery.server import open_service
from tests.crashes.processes import Done
from tests.crashes.scenarios import (
    DATABASE,
    KEY_FILE,
    LABELS,
    SMALL,
    Workshop,
    gallery_state,
    some_enrolled,
)
from tests.support.galleries import names, random_embeddings
from tests.support.small_disks import mounted_disk

NOBODY = 65534
DISK_KB = 2048
WRITES = (["enroll", "second.npz"], ["remove", LABELS[0], "--yes"], ["init", "--dimension", 2])
"""Commands that write; the last is given another gallery's name."""


def refused(done: Done) -> bool:
    """Whether a command ended with an error of the database that names it."""
    return done.code == DatabaseError.exit_code and DATABASE in done.err


# --- full -----------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    with mounted_disk(tmp_path / "disk", f"{DISK_KB}k") as disk:
        yield disk


def test_a_full_disk_refuses_or_writes_whole_however_much_is_left(
    tmp_path: Path, small_disk: Path, long: bool
) -> None:
    shop, pristine = workshop(tmp_path, small_disk), small_disk / DATABASE
    some_enrolled(shop)
    spare = tmp_path / "spare.db"
    shutil.copy(pristine, spare)
    outcomes = set()

    for free_kb in range(0, 700, 20 if long else 100):
        fill(small_disk, free_kb)
        (done,) = shop.run(["enroll", "second.npz"])
        (small_disk / "filler").unlink()
        assert done.code == 0 or refused(done), f"with {free_kb} KB free: {done}"
        assert gallery_state(shop) == (LABELS[:5] if done.code else LABELS[:8])
        outcomes.add(done.code)
        shop.do(["enroll", "second.npz"])
        assert gallery_state(shop) == LABELS[:8]
        for file in small_disk.iterdir():
            file.unlink()
        shutil.copy(spare, pristine)
        (shop.folder / f"{KEY_FILE}.seen").unlink(missing_ok=True)

    assert outcomes == {0, DatabaseError.exit_code}, "the disk was never full, or always"


def workshop(folder: Path, disk: Path) -> Workshop:
    """Return a place of work whose database is on the small disk."""
    return Workshop(folder, SMALL, {"GALLERY_DATABASE": f"sqlite:///{disk / DATABASE}"})


def fill(disk: Path, free_kb: int) -> None:
    """Leave so much free space on a disk."""
    with (disk / "filler").open("wb") as file:
        status = os.statvfs(disk)
        file.write(bytes(max(0, status.f_bavail * status.f_frsize - 1024 * free_kb)))


@pytest.fixture
def page_limit() -> Iterator[dict[str, int]]:
    """Limits the size of every SQLite database that is opened, in pages, while it is not empty."""
    limit: dict[str, int] = {}

    def apply(connection: Any, _record: object) -> None:
        if limit:
            connection.execute(f"PRAGMA max_page_count = {limit['pages']}")

    event.listen(Pool, "connect", apply)
    yield limit
    event.remove(Pool, "connect", apply)


def test_a_database_that_cannot_grow_says_that_it_is_full_and_loses_nothing(
    tmp_path: Path, page_limit: dict[str, int]
) -> None:
    url, key = f"sqlite:///{tmp_path / DATABASE}", GalleryKey.generate()
    rows = random_embeddings(3, 8)
    with open_service(url, create=True) as service:
        GalleryClient.create(service, key, dimension=8).close()
    page_limit["pages"] = 30

    with (
        open_service(url) as service,
        GalleryClient(service, key) as client,
        pytest.raises(DatabaseError, match=r"gallery\.db: database or disk is full"),
    ):
        client.enroll(rows, names(3))

    page_limit.clear()
    with open_service(url) as service, GalleryClient(service, key) as client:
        assert client.verify(deep=True).findings == ()
        assert client.summary().references == 0
        client.enroll(rows, names(3))
        assert [*client.identify(rows, threshold=0.001).labels[:, 0]] == names(3)


# --- read-only ------------------------------------------------------------------------------------


@pytest.fixture
def shop() -> Iterator[Workshop]:
    """A gallery of five references in a folder that any user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="gallery-test-"))
    folder.chmod(0o755)
    shop = Workshop(folder, SMALL)
    some_enrolled(shop)
    yield shop
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_a_database_opened_read_only_can_be_searched_and_not_written(shop: Workshop) -> None:
    url = f"sqlite:///file:{shop.folder / DATABASE}?mode=ro&uri=true"
    reader = replace(shop, environment={"GALLERY_DATABASE": url})

    assert gallery_state(reader) == LABELS[:5]
    for done in reader.run(*writes()):
        assert refused(done), done
        assert "readonly" in done.err
    assert gallery_state(shop) == LABELS[:5]


def test_without_write_access_a_database_is_refused_and_named(shop: Workshop) -> None:
    """Also to readers: SQLite keeps its locks in a file beside the database."""
    hand_over(shop, file_mode=0o444)
    elsewhere = {"GALLERY_STATE_FILE": f"{shop.folder / 'states' / 'seen'}"}
    reader = replace(shop, environment=elsewhere)

    for done in reader.run(["list"], *writes(), user=other_user()):
        assert refused(done), done

    assert gallery_state(shop) == LABELS[:5]


def test_a_database_that_cannot_be_read_is_named(shop: Workshop) -> None:
    hand_over(shop, file_mode=0o000)

    (done,) = shop.run(["list"], user=other_user())

    assert refused(done), done
    assert "unable to open" in done.err


def writes() -> list[list[Any]]:
    return [*WRITES[:-1], [*WRITES[-1], "--gallery", "another"]]


def other_user() -> int | None:
    """Another user to be, since nothing is read-only for root."""
    return NOBODY if os.geteuid() == 0 else None


def hand_over(shop: Workshop, file_mode: int) -> None:
    """Let another user have the key, a folder for seen states, and the database at this mode."""
    (shop.folder / "states").mkdir()
    (shop.folder / DATABASE).chmod(file_mode)
    if os.geteuid() == 0:
        for name in (KEY_FILE, "states"):
            os.chown(shop.folder / name, NOBODY, NOBODY)
        (shop.folder / f"{KEY_FILE}.seen").unlink(missing_ok=True)
    shop.folder.chmod(0o555)
