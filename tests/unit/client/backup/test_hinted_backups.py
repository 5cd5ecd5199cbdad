"""Backups of the hinted scheme: they hold hints and check sums, and are refused with wrong ones."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from gallery.client import GalleryClient, GalleryKey
from gallery.errors import AuthenticationError, BackupError, KeyMismatchError
from gallery.messages import SealedCheckSums
from gallery.parameters import LIGHT, SWIFT, ParameterSet
from gallery.server import EmbeddedService, open_service
from tests.support.backup_files import MAC_SIZE, backup_of, boundaries_of, messages_of
from tests.support.galleries import names

DIMENSION = 2
ANGLES = 2.0 * np.pi * np.arange(5) / 5
PEOPLE = 3.0 * np.column_stack([np.cos(ANGLES), np.sin(ANGLES)])
"""Five embeddings, 3.5 from each other: far beyond the noise of ``light``."""

SAME = 1.0
CHECK_SUMS = 2
"""Which message of a backup holds the check sums: after description and manifest."""


@pytest.fixture
def filled_database(tmp_path: Path) -> str:
    """The URL of the database of `filled`."""
    return f"sqlite:///{tmp_path / 'original.db'}"


@pytest.fixture(params=[SWIFT, LIGHT], ids=lambda parameters: parameters.name)
def filled(
    request: pytest.FixtureRequest, filled_database: str, key: GalleryKey
) -> Iterator[GalleryClient]:
    """A client of a gallery of five references that was changed once; of each hinted set."""
    parameters: ParameterSet = request.param
    with (
        open_service(filled_database, create=True) as service,
        GalleryClient.create(
            service,
            key,
            "staff",
            dimension=DIMENSION,
            metric="euclidean",
            norm_bound=4.0,
            parameters=parameters,
        ) as client,
    ):
        client.enroll(PEOPLE, names(5))
        client.remove(["person 4"])
        yield client


@pytest.fixture
def backup(filled: GalleryClient, folder: Path) -> Path:
    """The file of its backup, which a test may damage."""
    path = folder / "staff.backup"
    filled.export(path)
    return path


def refused(path: Path, key: GalleryKey, service: EmbeddedService) -> str:
    """Return the words with which a restore is refused, after which the database is empty."""
    with pytest.raises(BackupError) as caught:
        GalleryClient.restore(service, key, path)
    assert service.gallery_names() == []
    return str(caught.value)


def test_a_restored_gallery_is_searched_and_changed_like_the_one_that_was_exported(
    backup: Path, service: EmbeddedService, key: GalleryKey, folder: Path
) -> None:
    with GalleryClient.restore(service, key, backup) as restored:
        restored.export(folder / "again.backup")
        again = messages_of((folder / "again.backup").read_bytes())
        assert again[2:] == messages_of(backup.read_bytes())[2:]
        assert restored.verify(deep=True).findings == ()
        assert [*restored.identify(PEOPLE[:4], threshold=SAME).labels[:, 0]] == names(4)
        restored.enroll(PEOPLE[4:], ["back again"])
        assert restored.identify(PEOPLE[4], threshold=SAME).labels[0, 0] == "back again"
        assert restored.verify(deep=True).findings == ()


def test_an_empty_gallery_has_no_check_sums_to_back_up(
    filled: GalleryClient, service: EmbeddedService, key: GalleryKey, folder: Path
) -> None:
    filled.remove(names(4))
    filled.export(folder / "empty.backup")

    assert len(messages_of((folder / "empty.backup").read_bytes())) == 2
    with GalleryClient.restore(service, key, folder / "empty.backup") as restored:
        restored.enroll(PEOPLE, names(5))
        assert [*restored.identify(PEOPLE, threshold=SAME).labels[:, 0]] == names(5)


def test_a_truncated_or_changed_backup_is_refused(
    backup: Path, service: EmbeddedService, key: GalleryKey
) -> None:
    whole, generator = backup.read_bytes(), random.Random(0)
    boundaries = boundaries_of(whole)

    for end in sorted({*boundaries, *generator.sample(range(len(whole)), 20)}, reverse=True):
        os.truncate(backup, end)
        refused(backup, key, service)
    backup.write_bytes(whole)
    within_check_sums = range(boundaries[7], boundaries[9])
    offsets = [
        *(start + shift for start in boundaries[:-1] for shift in range(4)),
        *generator.sample(within_check_sums, 20),
        *generator.sample(range(len(whole)), 30),
        len(whole) - MAC_SIZE,
        len(whole) - 1,
    ]
    for offset in offsets:
        changed = bytearray(whole)
        changed[offset] ^= 1 << generator.randrange(8)
        backup.write_bytes(changed)
        refused(backup, key, service)
    backup.write_bytes(whole)
    GalleryClient.restore(service, key, backup).close()


def test_another_key_does_not_open_it(
    backup: Path, service: EmbeddedService, other_key: GalleryKey
) -> None:
    with pytest.raises(KeyMismatchError):
        GalleryClient.restore(service, other_key, backup)

    assert service.gallery_names() == []


def test_check_sums_of_another_state_are_refused(
    filled: GalleryClient, backup: Path, service: EmbeddedService, key: GalleryKey, folder: Path
) -> None:
    filled.enroll(PEOPLE[4:], ["later"])
    filled.export(folder / "later.backup")
    whole = backup.read_bytes()
    ours, theirs = messages_of(whole), messages_of((folder / "later.backup").read_bytes())
    swapped = [*ours[:CHECK_SUMS], theirs[CHECK_SUMS], *ours[CHECK_SUMS + 1 :]]

    start = boundaries_of(whole)[8]
    size = len(ours[CHECK_SUMS])
    backup.write_bytes(whole[:start] + theirs[CHECK_SUMS] + whole[start + size :])
    assert "(its end)" in refused(backup, key, service)

    # An owner's program that made such a backup would find out at the first search.
    gallery_id = filled.description.gallery_id
    backup.write_bytes(backup_of(key, gallery_id, swapped, version=5))
    with GalleryClient.restore(service, key, backup) as restored:
        with pytest.raises(AuthenticationError, match="check sums of the gallery are not those"):
            restored.identify(PEOPLE, threshold=SAME)
        assert [item.subject for item in restored.verify().findings] == ["check sums"]


@pytest.mark.parametrize(
    "sums", [None, b"", SealedCheckSums().to_bytes()], ids=["left out", "no message", "empty"]
)
def test_check_sums_that_are_missing_are_refused(
    filled: GalleryClient,
    backup: Path,
    service: EmbeddedService,
    key: GalleryKey,
    sums: bytes | None,
) -> None:
    ours = messages_of(backup.read_bytes())
    others = [] if sums is None else [sums]
    changed = [*ours[:CHECK_SUMS], *others, *ours[CHECK_SUMS + 1 :]]
    backup.write_bytes(backup_of(key, filled.description.gallery_id, changed, version=5))

    assert "(its check sums)" in refused(backup, key, service)


def test_damaged_check_sums_are_not_exported(
    filled: GalleryClient, filled_database: str, folder: Path
) -> None:
    path = filled_database.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE gallery SET check_sums = zeroblob(1000)")

    with pytest.raises(AuthenticationError, match="check sums of the gallery are not those"):
        filled.export(folder / "damaged.backup")

    assert [*folder.iterdir()] == []
