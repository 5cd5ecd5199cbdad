"""What one process reads while another drops a block is the state before or after, never damage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gallery.client import GalleryClient, GalleryKey
from gallery.parameters import COMPACT, SWIFT, ParameterSet
from gallery.server import EmbeddedService
from tests.support.galleries import key, names, service
from tests.support.interception import InterceptedService, before

__all__ = ["key", "service"]

FULL_BLOCK = 4094


@pytest.fixture
def database(tmp_path: Any) -> str:
    return f"sqlite:///{tmp_path / 'gallery.db'}"


@pytest.mark.parametrize("parameters", [COMPACT, SWIFT], ids=lambda chosen: chosen.name)
@pytest.mark.parametrize(
    ("call", "work"),
    [
        ("search", lambda client: client.identify(np.eye(2)[0], threshold=0.001)),
        ("references", lambda client: client.verify(deep=True)),
        pytest.param(
            "references",
            lambda client: list(client.references()),
        ),
        pytest.param(
            "block",
            lambda client: client.enroll(-np.eye(2)[:1], ["late"]),
        ),
    ],
    ids=["search", "verify", "list", "enroll"],
)
def test_a_block_that_is_dropped_meanwhile_is_not_taken_for_damage(
    service: EmbeddedService,
    key: GalleryKey,
    call: str,
    work: Callable[[GalleryClient], object],
    parameters: ParameterSet,
) -> None:
    angles = np.linspace(0.0, 3.0, FULL_BLOCK + 2)
    rows = np.column_stack([np.cos(angles), np.sin(angles)])
    people = names(len(rows))
    with GalleryClient.create(service, key, dimension=2, parameters=parameters) as client:
        client.enroll(rows, people)
        removal = before([lambda: client.remove(people[FULL_BLOCK:])])
        with GalleryClient(InterceptedService(service, [call], removal), key) as other:
            work(other)
            assert other.summary().blocks in (1, 2)
            assert client.verify(deep=True).findings == ()
            assert client.identify(rows[:1], threshold=0.001).decisions.all()
