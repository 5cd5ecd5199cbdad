"""Garbage collection of a command's process: put off at the start, left out at the end."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator, Mapping

import numpy as np
import pytest

from gallery.commands.garbage_collection import leave_out_collections, put_off_collections
from tests.unit.commands.conftest import Command

COUNTED = """
import atexit, gc
from gallery.commands import main
collections = []
gc.callbacks.append(lambda phase, info: collections.append(phase))
atexit.register(lambda: print(len(collections) or "no", "collections"))
main()
"""


class _Node:
    """An object of a cycle."""

    other: _Node


@pytest.fixture
def _collection_restored() -> Iterator[None]:
    thresholds, callbacks = gc.get_threshold(), gc.callbacks.copy()
    yield
    gc.unfreeze()
    gc.callbacks[:] = callbacks
    gc.set_threshold(*thresholds)


def test_a_search_looks_for_no_garbage_while_it_starts(made: Command, people: np.ndarray) -> None:
    assert made("enroll", "people.npz").code == 0
    np.savez("one.npz", embeddings=people[:1])
    search = ("identify", "one.npz", "--threshold", "0.5")
    assert made(*search).code == 0  # what is not compiled yet is compiled

    done = subprocess.run(
        [sys.executable, "-c", COUNTED, *search], capture_output=True, text=True, check=True
    )

    assert "person 0" in done.stdout
    assert done.stdout.splitlines()[-1] == "no collections"


@pytest.mark.usefixtures("_collection_restored")
def test_a_command_that_goes_on_collects_as_usual() -> None:
    usual = gc.get_threshold()
    phases: list[str] = []

    def note(phase: str, _: Mapping[str, int]) -> None:
        phases.append(phase)

    gc.collect()
    put_off_collections()
    gc.callbacks.append(note)
    few = [[] for _ in range(usual[0] + 100)]  # type: ignore[var-annotated]
    assert not phases
    many = [[] for _ in range(200_000)]  # type: ignore[var-annotated]

    assert phases
    assert gc.get_threshold() == usual
    assert len(few) + len(many) > usual[0]


@pytest.mark.usefixtures("_collection_restored")
def test_what_is_there_at_the_end_is_not_looked_through() -> None:
    one, other = _Node(), _Node()
    one.other, other.other = other, one
    assert any(item is one for item in gc.get_objects())

    leave_out_collections()

    assert not any(item is one for item in gc.get_objects())
