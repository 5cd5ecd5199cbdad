"""A database whose operator fills it with what is too long: nothing of that is read.

Where the service runs within the owner's program, the database is what may be another's.
"""

from __future__ import annotations

import sqlite3
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gallery.client import GalleryClient, GalleryKey
from gallery.errors import DatabaseError, GalleryError, IntegrityError
from gallery.parameters import LIGHT
from gallery.server import open_service
from gallery.store import AuditEvent, AuditStore, open_database
from gallery.store.audit_store import Action
from tests.support.galleries import names, random_embeddings

MIB = 2**20
LONG = f"zeroblob({48 * MIB})"
CEILING = 32 * MIB
"""Measured: at most 14 MiB, of rows of references that do not belong there."""

MANY_ROWS = """
WITH RECURSIVE number(i) AS (SELECT 5000 UNION ALL SELECT i + 1 FROM number WHERE i < 100000)
INSERT INTO reference
SELECT gallery_id, block_index, i, randomblob(16), pseudonym, content_tag, zeroblob(900)
FROM reference, number WHERE position = 0
"""

MANY_NAMES = """
WITH RECURSIVE number(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number WHERE i < 90000)
INSERT INTO gallery
SELECT randomblob(16), printf('%0200d', i), description, 1, zeroblob(1), NULL FROM gallery, number
"""

Use = Callable[[GalleryClient], object]


def identify(client: GalleryClient) -> object:
    return client.identify(random_embeddings(1, 8))


def enroll(client: GalleryClient) -> object:
    return client.enroll(random_embeddings(1, 8, seed=5), ["new"])


def references(client: GalleryClient) -> object:
    return list(client.references())


def verify(client: GalleryClient) -> object:
    findings = client.verify(deep=True).findings
    if findings:  # what cannot be read is a finding, and no error
        raise IntegrityError(findings[0].problem)
    return findings


WAYS: dict[str, tuple[str, tuple[Use, ...]]] = {
    "columns": (f"UPDATE block SET columns = {LONG}", (identify, enroll, verify)),
    "header": (f"UPDATE block SET header = {LONG}", (identify, references)),
    "hint": (f"UPDATE block SET hint = {LONG}", (identify, references, verify)),
    "check sums": (f"UPDATE gallery SET check_sums = {LONG}", (identify, enroll, verify)),
    "manifest": (f"UPDATE gallery SET manifest = {LONG}", (identify, references)),
    "description": (f"UPDATE gallery SET description = {LONG}", (identify,)),
    "label": (f"UPDATE reference SET sealed_label = {LONG} WHERE position = 0", (identify, verify)),
    "tag": (f"UPDATE reference SET content_tag = {LONG} WHERE position = 0", (enroll, references)),
    "label in text": (
        f"UPDATE reference SET sealed_label = char(0) || hex({LONG})",
        (identify, verify),
    ),
    "name": (f"UPDATE gallery SET name = hex({LONG})", (identify,)),
    "name with a zero": (f"UPDATE gallery SET name = char(0) || hex({LONG})", (identify,)),
    "names": (f"UPDATE gallery SET name = 'other'; {MANY_NAMES}", (identify,)),
    "rows": (MANY_ROWS, (references,)),
}

COMPUTED = {
    "view": (
        "ALTER TABLE gallery RENAME TO former; CREATE VIEW gallery AS "
        "SELECT * FROM former WHERE length(randomblob(900000000)) > 0"
    ),
    "virtual table": (
        "DROP TABLE token_gallery; CREATE VIRTUAL TABLE token_gallery USING fts4(token_id, name)"
    ),
    "generated column": (
        "ALTER TABLE token ADD COLUMN more BLOB "
        "GENERATED ALWAYS AS (printf('%.*c', 900000000, 'x')) VIRTUAL"
    ),
    "trigger": (
        "CREATE TRIGGER more AFTER UPDATE ON gallery BEGIN SELECT randomblob(900000000); END"
    ),
}
"""What has SQLite compute at a look or a write; no file of this program's holds that."""


@pytest.fixture(scope="module")
def template(key: GalleryKey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a gallery with three references."""
    path = tmp_path_factory.mktemp("filled") / "gallery.db"
    with (
        open_service(f"sqlite:///{path}", create=True) as service,
        GalleryClient.create(service, key, dimension=8, parameters=LIGHT, threshold=0.1) as client,
    ):
        client.enroll(random_embeddings(3, 8), names(3))
        client.identify(random_embeddings(1, 8))  # so that all that is compiled is there
        client.verify(deep=True)
    return path


@pytest.mark.parametrize("way", WAYS)
def test_what_is_too_long_is_refused_and_not_read(
    template: Path, key: GalleryKey, tmp_path: Path, way: str
) -> None:
    statement, uses = WAYS[way]
    path = tmp_path / "gallery.db"
    path.write_bytes(template.read_bytes())
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(statement)

    for use in uses:
        tracemalloc.start()
        try:
            with (
                pytest.raises(GalleryError) as caught,
                open_service(f"sqlite:///{path}") as service,
                GalleryClient(service, key) as client,
            ):
                use(client)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

        assert caught.value.exit_code in (41, 42, 43), use
        assert peak < CEILING, f"{use.__name__}: {peak / MIB:.0f} MiB"


@pytest.mark.parametrize("way", COMPUTED)
def test_what_sqlite_would_compute_is_refused_before_it_does(
    template: Path, tmp_path: Path, way: str
) -> None:
    path = tmp_path / "gallery.db"
    path.write_bytes(template.read_bytes())
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(COMPUTED[way])

    with (
        pytest.raises(DatabaseError, match="no plain table"),
        open_service(f"sqlite:///{path}"),
    ):
        pass


def test_an_audit_row_that_is_too_long_is_refused_and_not_read(tmp_path: Path) -> None:
    path = tmp_path / "gallery.db"
    with open_database(f"sqlite:///{path}", create=True) as opened:
        AuditStore(opened).append([AuditEvent(Action.PURGE)])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TRIGGER audit_no_update")
        connection.execute(f"UPDATE audit SET boundary = {LONG}")

    with open_database(f"sqlite:///{path}") as opened:
        with pytest.raises(IntegrityError, match="longer, than any that belongs there"):
            list(AuditStore(opened).read())
