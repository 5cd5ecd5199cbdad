"""A server on a gallery that was enrolled before, and the access of its clients."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from benchmarks.load.gallery_access import GalleryAccess
from benchmarks.load.settings import LoadSettings
from benchmarks.load.workload import make_workload, reference_label
from benchmarks.shared.server_process import ServerProcess, create_token
from gallery.client import GalleryClient, GalleryKey, write_key_file
from gallery.parameters import PARAMETER_SETS
from gallery.server import open_service

_RATE = "1000000/minute"
"""Limit of one token's requests, out of the way: here all clients of a kind share a token."""


class PreparedServer(NamedTuple):
    """A server that runs, and the access of the clients that search and that enroll."""

    server: ServerProcess
    searching: GalleryAccess
    enrolling: GalleryAccess


@contextmanager
def prepared_server(
    database: str, log: Path | None, settings: LoadSettings, console: Console
) -> Iterator[PreparedServer]:
    """Enroll a gallery, and give a server on it that stops at the end."""
    # A name of its own, so that one database can serve several measurements.
    gallery = f"load-{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory(prefix="gallery-load-") as name:
        folder = Path(name)
        console.print(f"enrolling {settings.references:,} references ...")
        url = database or f"sqlite:///{folder}/load.db"
        _enroll(url, gallery, settings, folder)
        server = ServerProcess(
            url, log or folder / "server.log", settings.cache_size, "--rate", _RATE
        )
        searching, enrolling = (
            GalleryAccess(
                server.url,
                create_token(url, f"{gallery}-{scope}", scope, gallery),
                gallery,
                _key_file(folder),
                folder,
            )
            for scope in ("search", "enroll")
        )
        server.start()
        try:
            server.wait_ready()
            yield PreparedServer(server, searching, enrolling)
        finally:
            server.stop()


def _enroll(database: str, gallery: str, settings: LoadSettings, folder: Path) -> None:
    """Make workload, key and gallery, straight in the database, which takes no server."""
    workload = make_workload(settings.references, settings.dimension)
    workload.save(folder)
    key = GalleryKey.generate()
    write_key_file(_key_file(folder), key, None)
    parameters = PARAMETER_SETS[settings.parameters]
    labels = [reference_label(index) for index in range(settings.references)]
    with (
        open_service(database, create=True) as service,
        GalleryClient.create(
            service, key, gallery, dimension=settings.dimension, parameters=parameters
        ) as client,
    ):
        client.enroll(workload.references, labels)


def _key_file(folder: Path) -> Path:
    return folder / "key"
