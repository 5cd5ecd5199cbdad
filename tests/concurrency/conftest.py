from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.postgresql import postgresql, postgresql_server

__all__ = ["empty_database", "long", "postgresql", "postgresql_server"]


@pytest.fixture(scope="session")
def long() -> bool:
    """Whether to take all the time that there is: `GALLERY_LONG=1 pytest tests/concurrency`."""
    return os.environ.get("GALLERY_LONG") == "1"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'gallery.db'}"
    url: str = request.getfixturevalue("postgresql")
    return url
