"""The database: its settings, its schema versions, and its errors."""

from __future__ import annotations

import fcntl
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

from gallery.client import GalleryClient, GalleryKey
from gallery.errors import DatabaseError, IntegrityError, SchemaVersionError
from gallery.server import migrate, open_service
from gallery.store import Database
from gallery.store.schema import migrations_folder, upgrade
from gallery.store.tables import SCHEMA_REVISION
from tests.support.galleries import names, random_embeddings
from tests.support.small_disks import mounted_disk


def test_the_models_and_the_migrations_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'gallery.db'}"
    with closing(Database(url, create=True)) as opened:
        upgrade(opened)
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    monkeypatch.setenv("GALLERY_DATABASE", url)

    command.check(config)


def test_the_newest_migration_is_the_one_that_the_program_wants() -> None:
    assert ScriptDirectory(str(migrations_folder())).get_current_head() == SCHEMA_REVISION


def test_a_new_database_is_created_and_then_left_as_it_is(database: str) -> None:
    with open_service(database, create=True) as service:
        assert service.gallery_names() == []

    assert migrate(database) == (SCHEMA_REVISION, SCHEMA_REVISION)


def test_sqlite_is_set_up_for_crash_safety_and_erasure(database: str) -> None:
    with closing(Database(database, create=True)) as opened, opened.reading() as connection:
        settings = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "foreign_keys", "secure_delete", "synchronous")
        }

    assert settings == {
        "journal_mode": "wal",
        "foreign_keys": 1,
        "secure_delete": 1,
        "synchronous": 2,
    }


def test_a_missing_database_is_not_created_by_accident(tmp_path: Path) -> None:
    with (
        pytest.raises(DatabaseError, match=r"open_service\(\.\.\., create=True\)"),
        open_service(f"sqlite:///{tmp_path / 'missing.db'}"),
    ):
        pass

    assert list(tmp_path.iterdir()) == []


def test_a_database_without_tables_says_so(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    sqlite3.connect(path).close()
    path.touch()

    with pytest.raises(DatabaseError, match="no galleries yet"), open_service(f"sqlite:///{path}"):
        pass


@pytest.mark.parametrize("version", ["0000", "9999"])
def test_another_schema_version_is_refused_with_what_upgrades_it(
    tmp_path: Path, version: str
) -> None:
    path = tmp_path / "other.db"
    with open_service(f"sqlite:///{path}", create=True):
        pass
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
    connection.close()

    with (
        pytest.raises(SchemaVersionError, match=f"sqlite:///{path} .*gallery.server.migrate"),
        open_service(f"sqlite:///{path}"),
    ):
        pass


def test_a_database_of_a_newer_program_cannot_be_migrated(tmp_path: Path) -> None:
    path = tmp_path / "newer.db"
    with open_service(f"sqlite:///{path}", create=True):
        pass
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()

    with pytest.raises(SchemaVersionError, match="newer version of the program"):
        migrate(f"sqlite:///{path}")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("not a url", "cannot be parsed"),
        ("nosuchdatabase://host/name", "no driver"),
        ("sqlite:///gone/folder/gallery.db", "folder"),
    ],
)
def test_urls_that_lead_nowhere_are_refused(
    url: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatabaseError, match=words), open_service(url, create=True):
        pass


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "letter.db"
    path.write_text("Dear database, " * 100)

    with pytest.raises(DatabaseError, match="not a database"), open_service(f"sqlite:///{path}"):
        pass


def test_no_message_holds_the_password_of_a_url() -> None:
    url = "postgresql+nosuchdriver://owner:hunter2@db.invalid/gallery"

    with pytest.raises(DatabaseError) as caught, open_service(url):
        pass

    assert "hunter2" not in str(caught.value)


def test_a_read_of_damage_leaves_no_old_state_to_the_next(database: str, key: GalleryKey) -> None:
    """An exception keeps a half-read statement alive, and that kept SQLite's view of the file."""
    path, kept = database.removeprefix("sqlite:///"), []
    with open_service(database, create=True) as service:
        with GalleryClient.create(service, key, dimension=2) as client:
            client.enroll(random_embeddings(5, 2), names(5))
            gallery_id = client.description.gallery_id
        with closing(sqlite3.connect(path)) as other, other:
            other.execute("UPDATE reference SET sealed_label = 'text' WHERE rowid = 3")
        try:
            service.references(gallery_id, 0)
        except IntegrityError as error:
            kept.append(error)
        with closing(sqlite3.connect(path)) as other, other:
            other.execute("UPDATE block SET block_index = 7")

        assert service.stored_blocks(gallery_id) == (7,)
    assert len(kept) == 1


def test_opening_a_database_that_is_there_takes_no_lock_from_the_process(database: str) -> None:
    path = Path(database.removeprefix("sqlite:///"))
    path.touch()
    with path.open("r+b") as held:
        fcntl.lockf(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        Database(database, create=True).close()
        code = (
            "import fcntl, sys\n"
            "fcntl.lockf(open(sys.argv[1], 'r+b'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)], capture_output=True, check=False
        )

    assert b"BlockingIOError" in done.stderr


def test_a_file_that_is_gone_is_said_and_not_written_to(
    client: GalleryClient, database: str
) -> None:
    """The system lets a process go on with a file without a name; what it writes there is lost."""
    path = Path(database.removeprefix("sqlite:///"))
    embedding = random_embeddings(1, 8)
    client.enroll(embedding, ["before"])
    aside = path.with_name("aside.db")

    path.rename(aside)
    with pytest.raises(DatabaseError, match="was moved, deleted or replaced since"):
        client.enroll(random_embeddings(1, 8, seed=1), ["lost"])
    assert not path.exists()
    aside.rename(path)
    client.enroll(random_embeddings(1, 8, seed=2), ["after"])

    assert sorted(item.label for item in client.references()) == ["after", "before"]


def test_a_file_that_took_the_place_of_another_is_not_used(database: str, tmp_path: Path) -> None:
    """Its connections would read the former file's log."""
    with open_service(f"sqlite:///{tmp_path / 'other.db'}", create=True):
        pass
    with open_service(database, create=True) as service:
        assert service.gallery_names() == []
        (tmp_path / "other.db").rename(tmp_path / "gallery.db")

        with pytest.raises(DatabaseError, match="was moved, deleted or replaced since"):
            service.gallery_names()


def test_where_sqlite_can_make_no_file_beside_the_database_a_copy_is_searched(
    tmp_path: Path,
) -> None:
    """As on a disk that is mounted read-only."""
    with mounted_disk(tmp_path / "disk", "4m") as disk:
        with open_service(f"sqlite:///{disk / 'gallery.db'}", create=True):
            pass
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)

        with (
            pytest.raises(DatabaseError, match=r"also to search; .*immutable=1"),
            open_service(f"sqlite:///{disk / 'gallery.db'}") as service,
        ):
            service.gallery_names()
        with open_service(f"sqlite:///file:{disk / 'gallery.db'}?immutable=1&uri=true") as service:
            assert service.gallery_names() == []
