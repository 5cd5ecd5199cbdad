"""Damage in the database is an error that says what is damaged, never a wrong answer."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gallery.client import GalleryClient, GalleryKey
from gallery.errors import (
    AuthenticationError,
    BlockCorruptedError,
    DatabaseError,
    GalleryError,
    IntegrityError,
    MissingBlockError,
    SwappedBlockError,
)
from gallery.server import open_service
from tests.support.galleries import names, random_embeddings

Damage = Callable[[sqlite3.Connection], object]


def flip_column_byte(connection: sqlite3.Connection) -> None:
    (columns,) = connection.execute("SELECT columns FROM block").fetchone()
    damaged = bytearray(columns)
    damaged[len(damaged) // 2] ^= 1
    connection.execute("UPDATE block SET columns = ?", (bytes(damaged),))


def truncate_columns(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE block SET columns = substr(columns, 1, 1000)")


def flip_header_byte(connection: sqlite3.Connection) -> None:
    (header,) = connection.execute("SELECT header FROM block").fetchone()
    damaged = bytearray(header)
    damaged[-1] ^= 1
    connection.execute("UPDATE block SET header = ?", (bytes(damaged),))


def swap_labels(connection: sqlite3.Connection) -> None:
    rows = connection.execute("SELECT position, sealed_label FROM reference").fetchall()
    (first, label_a), (second, label_b) = rows[:2]
    connection.execute("UPDATE reference SET sealed_label=? WHERE position=?", (label_b, first))
    connection.execute("UPDATE reference SET sealed_label=? WHERE position=?", (label_a, second))


def flip_manifest_byte(connection: sqlite3.Connection) -> None:
    (manifest,) = connection.execute("SELECT manifest FROM gallery").fetchone()
    damaged = bytearray(manifest)
    damaged[-1] ^= 1
    connection.execute("UPDATE gallery SET manifest = ?", (bytes(damaged),))


def change_metric(connection: sqlite3.Connection) -> None:
    (description,) = connection.execute("SELECT description FROM gallery").fetchone()
    changed = description.replace(b"\x06\x00cosine", b"\x09\x00euclidean")
    connection.execute("UPDATE gallery SET description = ?", (changed,))


DAMAGES: list[tuple[Damage, type[GalleryError], str]] = [
    (flip_column_byte, BlockCorruptedError, "block 0 is damaged"),
    (truncate_columns, BlockCorruptedError, "block 0 is damaged"),
    (flip_header_byte, AuthenticationError, "header of block 0"),
    (swap_labels, AuthenticationError, "references or the hint of block 0"),
    (lambda c: c.execute("DELETE FROM reference WHERE position=1"), AuthenticationError, "dropped"),
    (lambda c: c.execute("DELETE FROM block"), MissingBlockError, "block 0"),
    (flip_manifest_byte, AuthenticationError, "manifest"),
    (change_metric, AuthenticationError, "description"),
]


@pytest.fixture
def damaged_database(database: str, key: GalleryKey) -> Path:
    """The file of a gallery with three references, to be damaged."""
    with (
        open_service(database, create=True) as service,
        GalleryClient.create(service, key, dimension=8) as client,
    ):
        client.enroll(random_embeddings(3, 8), names(3))
    return Path(database.removeprefix("sqlite:///"))


@pytest.mark.parametrize(("damage", "error", "words"), DAMAGES)
def test_identify_notices_damage(
    damaged_database: Path, key: GalleryKey, damage: Damage, error: type[Exception], words: str
) -> None:
    with closing(sqlite3.connect(damaged_database)) as connection, connection:
        damage(connection)
    connection.close()

    with (
        open_service(f"sqlite:///{damaged_database}") as service,
        pytest.raises(error, match=words),
        GalleryClient(service, key) as client,
    ):
        client.identify(random_embeddings(1, 8), threshold=0.5)


@pytest.mark.parametrize(("damage", "error", "words"), DAMAGES)
def test_verify_names_the_damaged_thing(
    damaged_database: Path, key: GalleryKey, damage: Damage, error: type[Exception], words: str
) -> None:
    with closing(sqlite3.connect(damaged_database)) as connection, connection:
        damage(connection)
    connection.close()

    with open_service(f"sqlite:///{damaged_database}") as service:
        try:
            with GalleryClient(service, key) as client:
                report = client.verify()
        except IntegrityError as caught:
            said = str(caught)
        else:
            said = " ".join(finding.problem for finding in report.findings)

    assert words in said


def test_blocks_of_two_galleries_cannot_be_swapped(database: str, key: GalleryKey) -> None:
    with open_service(database, create=True) as service:
        for name, seed in (("a", 1), ("b", 2)):
            with GalleryClient.create(service, key, name, dimension=8) as client:
                client.enroll(random_embeddings(1, 8, seed), [name])
    connection = sqlite3.connect(database.removeprefix("sqlite:///"))
    with connection:
        rows = connection.execute("SELECT gallery_id, header, columns FROM block").fetchall()
        for (gallery_id, _, _), (_, header, columns) in zip(rows, rows[::-1], strict=True):
            connection.execute(
                "UPDATE block SET header = ?, columns = ? WHERE gallery_id = ?",
                (header, columns, gallery_id),
            )
    connection.close()

    with (
        open_service(database) as service,
        GalleryClient(service, key, "a") as client,
        pytest.raises(SwappedBlockError, match="block 0 is not the one"),
    ):
        client.identify(random_embeddings(1, 8), threshold=0.5)


def test_a_gallery_cannot_be_passed_off_as_another(damaged_database: Path, key: GalleryKey) -> None:
    with closing(sqlite3.connect(damaged_database)) as connection, connection:
        connection.execute("UPDATE gallery SET name = 'visitors'")
    connection.close()

    with (
        open_service(f"sqlite:///{damaged_database}") as service,
        pytest.raises(AuthenticationError, match="'default' as 'visitors'"),
    ):
        GalleryClient(service, key, "visitors")


def test_a_former_version_of_a_block_cannot_be_put_back(
    damaged_database: Path, key: GalleryKey
) -> None:
    url = f"sqlite:///{damaged_database}"
    with closing(sqlite3.connect(damaged_database)) as connection, connection:
        former = connection.execute("SELECT version, header, columns FROM block").fetchone()
    connection.close()
    with open_service(url) as service, GalleryClient(service, key) as client:
        client.enroll(random_embeddings(1, 8, seed=1), ["newer"])
    with closing(sqlite3.connect(damaged_database)) as connection, connection:
        connection.execute("UPDATE block SET version = ?, header = ?, columns = ?", former)
    connection.close()

    with open_service(url) as service, GalleryClient(service, key) as client:
        with pytest.raises(SwappedBlockError, match="older state"):
            client.identify(random_embeddings(1, 8), threshold=0.5)


def test_a_damaged_page_is_an_error_of_the_database_in_every_thread(
    damaged_database: Path, key: GalleryKey
) -> None:
    with closing(sqlite3.connect(damaged_database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'block'"
        (page,) = connection.execute(query).fetchone()
    content = bytearray(damaged_database.read_bytes())
    content[(page - 1) * size] = 0xFF  # a kind of page that there is not
    damaged_database.write_bytes(content)

    with (
        open_service(f"sqlite:///{damaged_database}") as service,
        pytest.raises(DatabaseError, match="malformed") as caught,
        GalleryClient(service, key) as client,
    ):
        client.identify(random_embeddings(1, 8), threshold=0.5)

    assert "SELECT" not in str(caught.value)
