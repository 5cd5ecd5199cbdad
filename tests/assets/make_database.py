"""Make the test asset of the present schema version: a small database, its key, what it holds.

Run as ``python -m tests.assets.make_database`` once for each released schema version, and never
again for the same one: the point of the files is that they were written by the program of then.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import numpy as np

from gallery.client import GalleryClient, GalleryKey, write_key_file
from gallery.parameters import COMPACT, LIGHT, SWIFT
from gallery.server import open_service
from gallery.server.gatekeeper import Scope, issue_token
from gallery.store import Action, AuditEvent, AuditStore, TokenStore, open_database
from gallery.store.tables import SCHEMA_REVISION

FOLDER = Path(__file__).parent / "databases"
LABELS = ["Ada", "Grace", "Edith"]
GALLERIES = {"default": COMPACT, "swift": SWIFT, "light": LIGHT}


def main() -> None:
    """Write the three files."""
    stem = FOLDER / SCHEMA_REVISION
    if stem.with_suffix(".db").exists():
        raise SystemExit(f"{stem}.db is there already and is not to be made anew")
    key = GalleryKey.generate()
    write_key_file(stem.with_suffix(".testkey"), key, None)
    embeddings = np.random.default_rng(1).normal(size=(3, 2))
    with open_service(f"sqlite:///{stem}.db", create=True) as service:
        for name, chosen in GALLERIES.items():
            with GalleryClient.create(service, key, name, dimension=2, parameters=chosen) as client:
                client.enroll(embeddings, LABELS)
    with open_database(f"sqlite:///{stem}.db") as database:
        token = issue_token(TokenStore(database), "kiosk", Scope.SEARCH, galleries=["default"])
        AuditStore(database).append([AuditEvent(Action.WRITE, gallery="default", blocks=1)])
    connection = sqlite3.connect(stem.with_suffix(".db"))
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    content = {
        "galleries": [*GALLERIES],
        "labels": LABELS,
        "embeddings": embeddings.tolist(),
        "token": token,
    }
    stem.with_suffix(".json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
