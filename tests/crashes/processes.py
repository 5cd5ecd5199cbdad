"""Processes for tests: forked from one that has the program loaded and has no threads."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from tests.crashes.victim import TEMPORARY, Sizes, live

PATIENCE_S = 300
"""How long a process may be silent before it counts as hanging."""

warm = multiprocessing.get_context("forkserver")
warm.set_forkserver_preload(["tests.crashes.victim"])


@dataclass(frozen=True)
class Instant:
    """One instant of a run: what happened, and the sizes of the files then."""

    what: str
    sizes: Sizes


@dataclass(frozen=True)
class Done:
    """What a command did."""

    code: int
    out: str
    err: str


@dataclass
class Life:
    """What a process did until its end: finished commands, instants, and how it ended.

    ``exit_code`` is that of the process, not of a command; negative for the signal that killed it.
    """

    done: list[Done] = field(default_factory=list)
    instants: list[Instant] = field(default_factory=list)
    exit_code: int = 0


def run_commands(
    folder: Path,
    commands: Sequence[Sequence[str]],
    environment: dict[str, str],
    *,
    watched: bool = False,
    stop_at: int = 0,
    file_limit: int | None = None,
    user: int | None = None,
) -> Life:
    """Run commands in a process of their own; see `tests.crashes.victim.Instants`.

    With ``user``, the process gives up being root for the user of that number.
    """
    life, temporary = Life(), []
    pipe, far_end = warm.Pipe(duplex=False)
    settings = (folder, commands, environment, far_end, stop_at, file_limit, watched, user)
    process = warm.Process(target=live, args=settings)
    process.start()
    far_end.close()
    try:
        while (message := _receive(pipe)) is not None:
            if len(message) == 3:
                life.done.append(Done(*message))
            elif message[0].startswith(TEMPORARY):
                temporary.append(message[0].removeprefix(TEMPORARY))
            else:
                life.instants.append(Instant(*message))
        process.join(PATIENCE_S)
        assert process.exitcode is not None, "the process does not end"
        life.exit_code = process.exitcode
    finally:
        if process.exitcode is None:
            process.kill()
            process.join()
        process.close()
        pipe.close()
        for made in temporary:  # a killed process cannot remove them
            shutil.rmtree(made, ignore_errors=True)
    return life


def _receive(pipe: Connection) -> tuple | None:
    assert pipe.poll(PATIENCE_S), "the process hangs"
    try:
        return pipe.recv()
    except EOFError:
        return None
