from __future__ import annotations

import os

import pytest

from tests.support.postgresql import empty_database, postgresql, postgresql_server

__all__ = ["empty_database", "long", "postgresql", "postgresql_server"]


@pytest.fixture(scope="session")
def long() -> bool:
    """Whether to take all the time that there is: `GALLERY_LONG=1 pytest tests/concurrency`."""
    return os.environ.get("GALLERY_LONG") == "1"
