from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gallery.client.integrity import clock
from gallery.client.keys.keyfile_format import Argon2Parameters
from gallery.commands.main import run
from tests.support.forked_commands import ForkingProcess, forking_process

Command = Callable[..., "Done"]


@dataclass(frozen=True)
class Done:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """The JSON objects on standard output, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Runs the command line in an empty folder, with a passphrase in the environment.

    The clock stands still, so that results do not differ by the age of what was searched. Key files
    are made so that their passphrase is tried in no time: each command tries it again.
    """
    hardness = Argon2Parameters(memory_kib=64, iterations=1, lanes=1)
    monkeypatch.setattr("gallery.client.keys.keyfile.Argon2Parameters", lambda: hardness)
    now = clock.seconds()
    monkeypatch.setattr(clock, "seconds", lambda: now)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GALLERY_KEY", str(tmp_path / "owner.key"))
    monkeypatch.setenv("GALLERY_PASSPHRASE", "correct horse")
    for name in ("GALLERY_DATABASE", "GALLERY_BACKEND", "GALLERY_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: object) -> Done:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Done(code, out, err)

    return call


@pytest.fixture
def made(command: Command) -> Command:
    """The same, with a key and a gallery for embeddings of 16 values."""
    assert command("key", "new").code == 0
    assert command("init", "--dimension", 16).code == 0
    return command


@pytest.fixture
def people(tmp_path: Path) -> np.ndarray:
    """Embeddings of five people, also in ``people.npz`` with labels."""
    embeddings = np.random.default_rng(0).normal(size=(5, 16))
    labels = np.array([f"person {i}" for i in range(5)])
    np.savez(tmp_path / "people.npz", embeddings=embeddings, labels=labels)
    return embeddings


@pytest.fixture(scope="module")
def warm() -> Iterator[ForkingProcess]:
    """A process that starts commands in no time."""
    with forking_process({"GALLERY_KEY": "owner.key", "PYTHONWARNINGS": "ignore"}) as process:
        yield process
