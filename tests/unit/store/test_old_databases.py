"""A database of every released schema version is upgraded and then used."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, inspect

from gallery.client import GalleryClient, GalleryKey, read_key_file
from gallery.parameters import SWIFT, find_parameters
from gallery.server import migrate, open_service
from gallery.server.gatekeeper import Gatekeeper
from gallery.store import Action, AuditStore, Database, TokenStore, open_database
from gallery.store.schema import migrations_folder
from gallery.store.tables import METADATA, SCHEMA_REVISION

ASSETS = Path(__file__).parents[2] / "assets" / "databases"
VERSIONS = sorted(path.stem for path in ASSETS.glob("*.db"))


def test_every_schema_version_has_its_database() -> None:
    scripts = ScriptDirectory(str(migrations_folder()))

    released = sorted(script.revision for script in scripts.walk_revisions())
    assert released == VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_an_old_database_is_upgraded_and_used(version: str, tmp_path: Path) -> None:
    database = f"sqlite:///{shutil.copy(ASSETS / f'{version}.db', tmp_path / 'old.db')}"

    assert migrate(database) == (version, SCHEMA_REVISION)

    use(database, version, tmp_path)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_old_database_on_postgresql_is_upgraded_and_used(
    version: str, postgresql: str, tmp_path: Path
) -> None:
    with closing(Database(postgresql)) as opened:
        step(opened, version)
        fill(opened, ASSETS / f"{version}.db")

    assert migrate(postgresql) == (version, SCHEMA_REVISION)

    use(postgresql, version, tmp_path)


def test_a_database_can_be_taken_back_and_forth(empty_database: str) -> None:
    def tables() -> set[str]:
        return set(inspect(opened.engine).get_table_names()) - {"alembic_version"}

    with open_database(empty_database, create=True) as opened:
        assert tables() == set(METADATA.tables)
        step(opened, "0001")
        assert tables() == {"gallery", "block", "reference"}
        step(opened, SCHEMA_REVISION)
        assert tables() == set(METADATA.tables)
        step(opened, "base")
        assert tables() == set()


def use(database: str, version: str, folder: Path) -> None:
    """Do with an upgraded database what can be done with a new one, and find all that was in it."""
    content = json.loads((ASSETS / f"{version}.json").read_text(encoding="utf-8"))
    embeddings, labels = np.array(content["embeddings"]), content["labels"]
    key = key_of(version, folder)
    with open_service(database) as service:
        for name in content.get("galleries", ["default"]):
            with GalleryClient(service, key, name) as client:
                assert all(item.undated == item.references for item in client.people())
                use_gallery(client, embeddings, labels)
        # What galleries could not have then can be made now.
        with GalleryClient.create(service, key, "newer", dimension=2, parameters=SWIFT) as client:
            client.enroll(embeddings, labels)
            use_gallery(client, embeddings, labels)
    if "token" in content:
        with open_database(database) as opened:
            assert Gatekeeper(TokenStore(opened)).admit(content["token"]).covers("default")
            assert [event.action for event in AuditStore(opened).read()] == [Action.WRITE]


def use_gallery(client: GalleryClient, embeddings: np.ndarray, labels: list[str]) -> None:
    """Search a gallery, add to it, remove from it, and verify it."""
    bound = find_parameters(client.description.parameters).max_distance_error(2)
    found = client.identify(embeddings, threshold=max(0.001, bound))
    assert [*found.labels[:, 0]] == labels
    assert found.decisions.all()
    assert not client.enroll(embeddings, labels).added.any()
    assert client.enroll([[0.3, -0.4]], ["Hedy"]).added.all()
    client.remove([labels[0]])
    client.rename(labels[1], "Renamed")
    assert [item.label for item in client.references()] == ["Renamed", *labels[2:], "Hedy"]
    assert "Hedy" in [item.label for item in client.people() if not item.undated]
    assert client.verify(deep=True).findings == ()


def step(opened: Database, version: str) -> None:
    """Bring a database to a schema version, up or down."""
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    before = opened.revision()
    down = version == "base" or (before is not None and version < before)
    move = command.downgrade if down else command.upgrade
    with opened.writing() as connection:
        config.attributes["connection"] = connection
        move(config, version)


def fill(opened: Database, asset: Path) -> None:
    """Put the rows of a SQLite database into another that has the same tables."""
    metadata = MetaData()
    metadata.reflect(opened.engine)
    with closing(sqlite3.connect(asset)) as source, opened.writing() as target:
        source.row_factory = sqlite3.Row
        for table in metadata.sorted_tables:
            rows = [dict(row) for row in source.execute(f'SELECT * FROM "{table.name}"')]
            if rows and table.name != "alembic_version":
                target.execute(table.insert(), rows)


def key_of(version: str, folder: Path) -> GalleryKey:
    """Return the key of an asset; version control keeps no file for its owner alone."""
    copy = Path(shutil.copy(ASSETS / f"{version}.testkey", folder / "owner.key"))
    copy.chmod(0o600)
    return read_key_file(copy)
