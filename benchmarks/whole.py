"""From embeddings to candidate lists: one call for many probes, and one call a probe with SEAL.

Both go through `GalleryClient.identify` and an embedded service on the same database, whose blocks
are in its cache, with as many threads as there are cores. The one uses the engine ``native``, the
other ``tenseal``.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from functools import partial

import click
import numpy as np

from benchmarks.owner import unit_vectors
from benchmarks.schemes import Floats
from benchmarks.timing import Candidate, Series, in_turn
from gallery.blocks import columns_size, position_count
from gallery.client import GalleryClient, GalleryKey
from gallery.parameters import ParameterSet
from gallery.server import open_service

_THRESHOLD = 0.3
_AWAY = 0.3
"""Norm of what is added to a reference to make a probe of the same subject."""

_BESIDES = 512 * 1024 * 1024
"""Room in the cache for what references take beside their columns."""


@dataclass(frozen=True)
class Whole:
    """Seconds a probe from embedding to candidate, and of the enrollment a reference."""

    parameters: str
    dimension: int
    references: int
    probes: int
    enroll_seconds: float
    batch: Series
    single: Series


def whole(
    parameters: ParameterSet, dimension: int, references: int, probes: int, repeats: int
) -> Whole:
    """Enroll, check the answers, and time a batch of probes and single probes in turn."""
    random = np.random.default_rng(2)
    crowd = unit_vectors(random, references, dimension)
    chosen = random.choice(references, probes)
    vectors = crowd[chosen] + _AWAY * unit_vectors(random, probes, dimension)
    labels = [f"subject-{number}" for number in range(references)]
    memory = columns_size(dimension, parameters) * references // position_count(parameters)
    key = GalleryKey.generate()
    with (
        tempfile.TemporaryDirectory() as folder,
        open_service(
            f"sqlite:///{folder}/gallery.db", create=True, memory=2 * memory + _BESIDES
        ) as service,
        GalleryClient.create(service, key, dimension=dimension, parameters=parameters) as native,
        GalleryClient(service, key, engine="tenseal") as tenseal,
    ):
        started = time.perf_counter()
        native.enroll(crowd, labels)
        enrolled = time.perf_counter() - started
        expected = [labels[number] for number in chosen]
        for client, some in ((native, vectors), (tenseal, vectors[:1])):
            _check(client, some, expected[: len(some)])
        batch, single = in_turn(
            [
                Candidate("batch", partial(_identify, native, vectors), probes),
                Candidate("single", partial(_identify, tenseal, vectors[:1])),
            ],
            repeats,
        )
    sizes = dimension, references, probes
    return Whole(parameters.name, *sizes, enrolled / references, batch, single)


def _check(client: GalleryClient, vectors: Floats, expected: list[str]) -> None:
    """Check that every probe finds its subject: otherwise there is nothing to time."""
    found = client.identify(vectors, threshold=_THRESHOLD)
    if not found.decisions.all() or found.labels[:, 0].tolist() != expected:
        raise click.ClickException("a probe does not find its subject: nothing to time")


def _identify(client: GalleryClient, vectors: Floats) -> object:
    return client.identify(vectors, threshold=_THRESHOLD)
