"""The end-to-end time of a search, from embeddings to candidate lists.

One call for many probes is compared with one call a probe that encrypts with SEAL.

Both are measured twice on the same database, with as many threads as there are cores. As a library,
`GalleryClient.identify` asks an embedded service whose blocks are in its cache. As a command,
``gallery identify`` is a process that opens its key file, reads the database and ends. The one call
for many uses the backend ``native``, the call for each probe ``seal``.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
import numpy as np

from benchmarks.compare.free_memory import blocks_size
from benchmarks.shared.command_line import gallery_command
from benchmarks.shared.timing import Series, Spread, TimedCall, time_in_turn
from benchmarks.shared.unit_vectors import unit_vectors
from gallery.arrays import Floats
from gallery.client import GalleryClient, GalleryKey, write_key_file
from gallery.parameters import ParameterSet
from gallery.server import open_service

_THRESHOLD = 0.3
_NOISE = 0.3
"""Norm of what is added to a reference to make a probe of the same subject."""

_REFERENCES_SIZE = 512 * 1024 * 1024
"""Room in the cache for what references take beside their columns."""

_WRONG_CANDIDATE = "a probe does not find its subject: nothing to time"
_PASSPHRASE = "a passphrase, so that commands take the time to open a key file"


@dataclass(frozen=True)
class CallTimes:
    """Seconds a probe: of many probes in one call, and of one call a probe."""

    batch: Series
    single: Series

    @property
    def gain(self) -> Spread:
        """How many times as long a probe takes on its own."""
        return self.batch.times_faster_than(self.single)


@dataclass(frozen=True)
class EndToEndTimes:
    """The times of one gallery.

    Attributes
    ----------
    parameters, dimension, references, probes
        The gallery and the size of a batch.
    enroll_seconds
        Seconds for one reference.
    library, command
        Searches by `GalleryClient` and by ``gallery identify``.
    """

    parameters: str
    dimension: int
    references: int
    probes: int
    enroll_seconds: float
    library: CallTimes
    command: CallTimes


def time_end_to_end(
    parameters: ParameterSet, dimension: int, references: int, probes: int, repeats: int
) -> EndToEndTimes:
    """Enroll, check the answers, and time a batch of probes and single probes in turn."""
    random = np.random.default_rng(2)
    embeddings = unit_vectors(random, references, dimension)
    chosen = random.choice(references, probes)
    vectors = embeddings[chosen] + _NOISE * unit_vectors(random, probes, dimension)
    labels = [f"subject-{number}" for number in range(references)]
    expected = [labels[number] for number in chosen]
    columns = int(blocks_size(parameters, dimension, references))
    key = GalleryKey.generate()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_key_file(folder / "owner.key", key, _PASSPHRASE)
        with (
            open_service(
                _database(folder), create=True, cache_size=2 * columns + _REFERENCES_SIZE
            ) as service,
            GalleryClient.create(
                service, key, dimension=dimension, parameters=parameters
            ) as native,
            GalleryClient(service, key, backend="seal") as seal,
        ):
            started = time.perf_counter()
            native.enroll(embeddings, labels)
            enrolled = time.perf_counter() - started
            library = time_in_turn(_library_calls(native, seal, vectors, expected), repeats)
        command = time_in_turn(_commands(folder, vectors, expected), repeats)
    sizes = dimension, references, probes
    times = enrolled / references, CallTimes(*library), CallTimes(*command)
    return EndToEndTimes(parameters.name, *sizes, *times)


def _library_calls(
    native: GalleryClient, seal: GalleryClient, vectors: Floats, expected: list[str]
) -> list[TimedCall]:
    """Check the candidates of both clients, and return a batch of one and a probe of the other."""
    calls = []
    for name, client, count in (("batch", native, len(vectors)), ("single", seal, 1)):
        run = partial(client.identify, vectors[:count], threshold=_THRESHOLD)
        found = run()
        if not found.decisions.all() or found.labels[:, 0].tolist() != expected[:count]:
            raise click.ClickException(_WRONG_CANDIDATE)
        calls.append(TimedCall(name, run, count))
    return calls


def _database(folder: Path) -> str:
    return f"sqlite:///{folder / 'gallery.db'}"


def _commands(folder: Path, vectors: Floats, expected: list[str]) -> list[TimedCall]:
    """Return both commands; each run checks the candidates that the command has found."""
    calls = []
    for name, count, backend in (("batch", len(vectors), "native"), ("single", 1, "seal")):
        probes = folder / f"{name}.npz"
        np.savez(probes, embeddings=vectors[:count])
        run = partial(_run, folder, probes, backend, expected[:count])
        calls.append(TimedCall(name, run, count))
    return calls


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
        gallery_command("identify", probes, *words, "--force", "--quiet"),
        env={**os.environ, "GALLERY_PASSPHRASE": _PASSPHRASE},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise click.ClickException(f"gallery identify failed: {done.stderr.strip()}")
    with np.load(found, allow_pickle=False) as results:
        if results["labels"][:, 0].tolist() != expected:
            raise click.ClickException(_WRONG_CANDIDATE)
