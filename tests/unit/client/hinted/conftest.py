"""An owner of few columns for each parameter set."""

from __future__ import annotations

import pytest

from gallery.parameters import LIGHT, SWIFT
from tests.support.hinted_owner import HintedOwner

COLUMNS = 19
"""More than the sixteen that are worked on at once, and more than `light` folds at once."""


@pytest.fixture(scope="package", params=[SWIFT, LIGHT], ids=lambda p: p.name)
def owner(request: pytest.FixtureRequest) -> HintedOwner:
    return HintedOwner(request.param, COLUMNS)
