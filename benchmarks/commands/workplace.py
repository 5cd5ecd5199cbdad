"""A folder with a key, a gallery and a cache, in which commands are measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.commands.command_run import CommandRun, run_command
from benchmarks.commands.counting_relay import CountingRelay, counting_relay
from benchmarks.commands.measured_commands import (
    BEFORE,
    COMMANDS,
    IDENTIFY,
    LABEL,
    NEWCOMER,
    PROBE,
    SOMEBODY,
    VERIFY,
    MeasuredCommand,
)
from benchmarks.shared.former_state import ROOT
from benchmarks.shared.server_process import ServerProcess, create_token
from benchmarks.shared.unit_vectors import unit_vectors
from gallery.client import GalleryClient, GalleryKey, StateFile, write_key_file
from gallery.parameters import find_parameters
from gallery.server import open_service

_ROWS = 40_940
"""References that are enrolled at a time: ten full blocks."""


class Workplace:
    """Where commands are measured.

    Parameters
    ----------
    folder
        An empty folder.
    parameters
        Name of the gallery's parameter set.
    dimension
        Values of an embedding.
    former
        A former state of the program, to measure beside this one.
    """

    def __init__(
        self, folder: Path, parameters: str, dimension: int, former: Path | None = None
    ) -> None:
        self._former = former
        self._folder, self._parameters, self._dimension = folder, parameters, dimension
        self._database = f"sqlite:///{folder / 'gallery.db'}"
        self._random = np.random.default_rng(0)
        self._environment = {
            "GALLERY_KEY": str(folder / "owner.key"),
            "GALLERY_DATABASE": self._database,
            "GALLERY_CACHE_DIR": str(folder / "cache"),
        }

    def enroll(self, count: int) -> None:
        """Make the key and the gallery, and enroll so many people of two references each."""
        key, path = GalleryKey.generate(), self._folder / "owner.key"
        write_key_file(path, key, None)
        states = StateFile(path.with_name(path.name + ".seen"))
        with open_service(self._database, create=True) as service:
            GalleryClient.create(
                service,
                key,
                dimension=self._dimension,
                parameters=find_parameters(self._parameters),
            ).close()
            with GalleryClient(service, key, states=states) as client:
                for start in range(0, count, _ROWS):
                    stop = min(start + _ROWS, count)
                    rows = unit_vectors(self._random, stop - start, self._dimension)
                    labels = [f"person {number // 2}" for number in range(start, stop)]
                    client.enroll(rows, labels)
                    if start == 0:
                        self._write_files(rows, labels)

    def measure(
        self, repeats: int, told: Callable[[int], None]
    ) -> Mapping[str, Sequence[CommandRun]]:
        """Run each command so many times, all of them in turn; return the runs by command."""
        runs = defaultdict[str, list[CommandRun]](list)
        commands = COMMANDS if self._former is None else (*BEFORE, *COMMANDS)
        server = ServerProcess(self._database, self._folder / "log", "4GiB")
        token = create_token(self._database, "owner", "admin", "default")
        (self._folder / "token").write_text(token + "\n", encoding="utf-8")
        server.start()
        try:
            server.wait_ready()
            with counting_relay(server.url) as relay:
                for item in commands:  # compiles kernels, and has the server read its blocks
                    self._run(item, relay)
                for number in range(repeats):
                    told(number + 1)
                    for item in commands:
                        runs[item.name].append(self._run(item, relay))
                runs[VERIFY.name].append(self._run(VERIFY, relay))
        finally:
            server.stop()
        return runs

    def _write_files(self, rows: np.ndarray, labels: Sequence[str]) -> None:
        probe = rows[labels.index(SOMEBODY)] + 0.01 * self._random.normal(size=self._dimension)
        np.savez(self._folder / PROBE, embeddings=probe[None])
        newcomer = unit_vectors(self._random, 1, self._dimension)
        np.savez(self._folder / NEWCOMER, embeddings=newcomer, labels=np.array([LABEL]))

    def _run(self, item: MeasuredCommand, relay: CountingRelay) -> CommandRun:
        environment = dict(self._environment)
        checkout = ROOT
        if item.cache == "former":
            assert self._former is not None
            checkout = self._former
        elif item.cache == "none":
            environment["GALLERY_CACHE_SIZE"] = "0"
        elif item.cache == "cold":
            run_command(("cache", "clear"), self._folder, environment)
        else:  # also with what other commands have changed since
            run_command(IDENTIFY, self._folder, environment)
        if not item.served:
            return run_command(item.words, self._folder, environment, checkout=checkout)
        words = (*item.words, "--server", relay.url, "--token-file", "token")
        return run_command(words, self._folder, environment, relay, checkout)
