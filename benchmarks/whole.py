"""From embeddings to candidate lists: one call for many probes, and one call a probe with SEAL.

Both are measured twice on the same database, with as many threads as there are cores. As a library,
`GalleryClient.identify` asks an embedded service whose blocks are in its cache. As a command,
``gallery identify`` is a process that opens its key file, reads the database and ends. The one call
for many uses the backend ``native``, the call for each probe ``seal``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
import numpy as np

from benchmarks.owner import unit_vectors
from benchmarks.schemes import Floats
from benchmarks.timing import Candidate, Series, Spread, in_turn
from gallery.ciphertexts.blocks import columns_size, position_count
from gallery.client import GalleryClient, GalleryKey, write_key_file
from gallery.parameters import ParameterSet
from gallery.server import open_service

_PROGRAM = Path(__file__).parents[1] / "cli.py"
_THRESHOLD = 0.3
_AWAY = 0.3
"""Norm of what is added to a reference to make a probe of the same subject."""

_BESIDES = 512 * 1024 * 1024
"""Room in the cache for what references take beside their columns."""


_PASSPHRASE = "a passphrase, so that commands take the time to open a key file"


@dataclass(frozen=True)
class Calls:
    """Seconds a probe: of many probes in one call, and of one call a probe."""

    batch: Series
    single: Series

    @property
    def gain(self) -> Spread:
        """How many times as long a probe takes alone."""
        return self.batch.times_faster_than(self.single)


@dataclass(frozen=True)
class Whole:
    """From embedding to candidate; the seconds of the enrollment are for a reference."""

    parameters: str
    dimension: int
    references: int
    probes: int
    enroll_seconds: float
    library: Calls
    command: Calls


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
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_key_file(folder / "owner.key", key, _PASSPHRASE)
        with (
            open_service(
                _database(folder), create=True, cache_size=2 * memory + _BESIDES
            ) as service,
            GalleryClient.create(
                service, key, dimension=dimension, parameters=parameters
            ) as native,
            GalleryClient(service, key, backend="seal") as slow,
        ):
            started = time.perf_counter()
            native.enroll(crowd, labels)
            enrolled = time.perf_counter() - started
            expected = [labels[number] for number in chosen]
            for client, some in ((native, vectors), (slow, vectors[:1])):
                _check(client, some, expected[: len(some)])
            library = in_turn(
                [
                    Candidate("batch", partial(_identify, native, vectors), probes),
                    Candidate("single", partial(_identify, slow, vectors[:1])),
                ],
                repeats,
            )
        command = in_turn(_commands(folder, vectors, expected), repeats)
    sizes = dimension, references, probes
    return Whole(parameters.name, *sizes, enrolled / references, Calls(*library), Calls(*command))


def _database(folder: Path) -> str:
    return f"sqlite:///{folder / 'gallery.db'}"


def _commands(folder: Path, vectors: Floats, expected: list[str]) -> list[Candidate]:
    """Return both commands; each run checks what the command has found."""
    candidates = []
    for name, count, backend in (("batch", len(vectors), "native"), ("single", 1, "seal")):
        probes = folder / f"{name}.npz"
        np.savez(probes, embeddings=vectors[:count])
        run = partial(_run, folder, probes, backend, expected[:count])
        candidates.append(Candidate(name, run, count))
    return candidates


def _run(folder: Path, probes: Path, backend: str, expected: list[str]) -> None:
    found = folder / "found.npz"
    options = {
        "--key": folder / "owner.key",
        "--database": _database(folder),
        "--backend": backend,
        "--threshold": _THRESHOLD,
        "--output": found,
    }
    words = [str(word) for option in options.items() for word in option]
    done = subprocess.run(
        [sys.executable, _PROGRAM, "identify", probes, *words, "--force", "--quiet"],
        env={**os.environ, "GALLERY_PASSPHRASE": _PASSPHRASE},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise click.ClickException(f"gallery identify failed: {done.stderr.strip()}")
    with np.load(found, allow_pickle=False) as results:
        if results["labels"][:, 0].tolist() != expected:
            raise click.ClickException("a probe does not find its subject: nothing to time")


def _check(client: GalleryClient, vectors: Floats, expected: list[str]) -> None:
    """Check that every probe finds its subject: otherwise there is nothing to time."""
    found = client.identify(vectors, threshold=_THRESHOLD)
    if not found.decisions.all() or found.labels[:, 0].tolist() != expected:
        raise click.ClickException("a probe does not find its subject: nothing to time")


def _identify(client: GalleryClient, vectors: Floats) -> object:
    return client.identify(vectors, threshold=_THRESHOLD)
