"""A real PostgreSQL for tests, started where its programs are installed.

``GALLERY_TEST_POSTGRESQL`` names a server to use instead. Where there is neither, the tests that
need one are skipped and say so. Import the fixtures into a ``conftest.py``.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

_PACKAGED = "/usr/lib/postgresql/*/bin"
_PATIENCE_S = 60


def program_folder() -> Path | None:
    """Return the folder of PostgreSQL's programs, or None."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).parent
    folders = [path.parent for path in Path("/").glob(f"{_PACKAGED[1:]}/initdb")]
    return max(folders, default=None)


def _as_server(arguments: list[str]) -> list[str]:
    """Prefix a command so that it does not run as root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return arguments
    return ["runuser", "-u", "postgres", "--", *arguments]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The URL of a server that lasts as long as the tests."""
    given = os.environ.get("GALLERY_TEST_POSTGRESQL")
    if given:
        yield given
        return
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    programs = program_folder()
    if programs is None:
        pytest.skip(f"no PostgreSQL: initdb is neither on the PATH nor in {_PACKAGED}")
    with tempfile.TemporaryDirectory(prefix="gallery-postgresql-") as folder:
        yield from _serve(programs, Path(folder))


def _serve(programs: Path, folder: Path) -> Iterator[str]:
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    data, port = folder / "data", _free_port()
    _run([programs / "initdb", "-D", data, "-A", "trust", "-U", "gallery"])
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    control: list[Path | str] = [programs / "pg_ctl", "-D", data]
    _run([*control, "-l", folder / "log", "-o", options, "-w", "start"])
    try:
        yield f"postgresql+psycopg://gallery@127.0.0.1:{port}/postgres"
    finally:
        _run([*control, "-m", "immediate", "stop"])


def _run(arguments: list[Path | str]) -> None:
    command = _as_server([str(argument) for argument in arguments])
    # Output goes nowhere instead of into a pipe, which the server would inherit and keep open.
    done = subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, cwd="/"
    )
    assert done.returncode == 0, f"{command[-1]} failed: {' '.join(command)}"


@pytest.fixture
def postgresql(postgresql_server: str) -> Iterator[str]:
    """The URL of an empty PostgreSQL database of the test's own."""
    name = f"gallery_{uuid.uuid4().hex}"
    engine = create_engine(postgresql_server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(postgresql_server).set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


def wait_for_a_purge(url: str) -> None:
    """Wait until a purge of a database is under way, which waits for those who read it."""
    waiting = text(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = "
        "(SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            give_up = time.monotonic() + _PATIENCE_S
            while not connection.execute(waiting).scalar():
                assert time.monotonic() < give_up, "nothing is purged"
                time.sleep(0.01)
    finally:
        engine.dispose()


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of each kind."""
    if request.param == "SQLite":
        return f"sqlite:///{tmp_path / 'gallery.db'}"
    url: str = request.getfixturevalue("postgresql")
    return url
