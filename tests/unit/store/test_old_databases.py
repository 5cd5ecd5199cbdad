"""A database of every released schema version is upgraded and then used."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from alembic.script import ScriptDirectory

from gallery.client import GalleryClient, GalleryKey, read_key_file
from gallery.server import migrate, open_service
from gallery.store.models import SCHEMA_REVISION
from gallery.store.schema import migrations_folder

ASSETS = Path(__file__).parents[2] / "assets" / "databases"
VERSIONS = sorted(path.stem for path in ASSETS.glob("*.db"))


def test_every_schema_version_has_its_database() -> None:
    scripts = ScriptDirectory(str(migrations_folder()))

    released = sorted(script.revision for script in scripts.walk_revisions())
    assert released == VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_an_old_database_is_upgraded_and_used(version: str, tmp_path: Path) -> None:
    content = json.loads((ASSETS / f"{version}.json").read_text(encoding="utf-8"))
    embeddings, labels = np.array(content["embeddings"]), content["labels"]
    database = f"sqlite:///{shutil.copy(ASSETS / f'{version}.db', tmp_path / 'old.db')}"
    key = key_of(version, tmp_path)

    assert migrate(database) == (version, SCHEMA_REVISION)

    with open_service(database) as service, GalleryClient(service, key) as client:
        found = client.identify(embeddings, threshold=0.001)
        assert [*found.labels[:, 0]] == labels
        assert found.decisions.all()
        assert not client.enroll(embeddings, labels).added.any()
        assert client.enroll([[0.3, -0.4]], ["Hedy"]).added.all()
        client.remove([labels[0]])
        assert [item.label for item in client.references()] == [*labels[1:], "Hedy"]
        assert client.verify(deep=True).findings == ()


def key_of(version: str, folder: Path) -> GalleryKey:
    """Return the key of an asset; version control keeps no file for its owner alone."""
    copy = Path(shutil.copy(ASSETS / f"{version}.testkey", folder / "owner.key"))
    copy.chmod(0o600)
    return read_key_file(copy)
