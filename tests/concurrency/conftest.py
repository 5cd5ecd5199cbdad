from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

_VARIABLE = "GALLERY_TEST_POSTGRESQL"


@pytest.fixture(scope="session")
def long() -> bool:
    """Whether to take all the time that there is: `GALLERY_LONG=1 pytest tests/concurrency`."""
    return os.environ.get("GALLERY_LONG") == "1"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'gallery.db'}"
        return
    server = os.environ.get(_VARIABLE)
    if not server:
        pytest.skip(f"{_VARIABLE} names no PostgreSQL server, like postgresql+psycopg://user@host/")
    name = f"gallery_test_{secrets.token_hex(6)}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        engine.dispose()
