from __future__ import annotations

import os

import pytest

from tests.support.galleries import key

__all__ = ["key"]


@pytest.fixture(scope="session")
def changes_to_make() -> int:
    """How many changes to make: a sample, or all with `GALLERY_LONG=1 pytest tests/mutations`."""
    return 2500 if os.environ.get("GALLERY_LONG") == "1" else 300
