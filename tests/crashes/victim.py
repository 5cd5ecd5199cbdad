"""A process that runs commands of the program and can kill itself at a chosen instant.

The instants are counted while a command runs: before each SQL statement, after each commit, before
a connection closes, and before each change to a file in the working folder. A kill is a SIGKILL at
an instant; or, between two instants, in the middle of writing: from the first instant on no file
may grow beyond a limit, and the system kills the process at the byte that would.

By hand, in an empty folder, with N = 0 to list the instants::

    PYTHONPATH=/path/to/checkout python -m tests.crashes.victim N -- init --dimension 2
"""

from __future__ import annotations

import gc
import importlib
import io
import os
import resource
import signal
import sqlite3
import sqlite3.dbapi2
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import numpy as np
from sqlalchemy import event
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.pool import Pool

import gallery.client
import gallery.commands
from gallery.ciphertexts.blocks import columns_shape
from gallery.client.embeddings.embedding_files import read_embeddings
from gallery.commands.main import run
from gallery.evaluator.native import NativeEvaluator
from gallery.parameters import COMPACT
from gallery.server import open_service

WRITE_COMMITTED = "after COMMIT of a write"
TEMPORARY = "made "

Sizes = dict[str, int]
Report = Callable[[str, Sizes], None]

_CHANGES = {"os.link", "os.remove", "os.rename", "os.mkdir", "os.truncate", "tempfile.mkstemp"}


def warm_up() -> None:
    """Load what commands load late, so that a process forked from this one starts with it.

    No thread is made, since threads do not survive a fork.
    """
    commands = [f"gallery.commands.{item.name}" for item in iter_modules(gallery.commands.__path__)]
    for name in (*commands, "rich.color", "rich.progress", "rich.table"):
        importlib.import_module(name)
    for name in gallery.client.__all__:
        getattr(gallery.client, name)
    nothing = np.zeros(columns_shape(1, COMPACT), np.uint32)
    NativeEvaluator(threads=1).distances(nothing, nothing, COMPACT)
    for module in ("gallery.client.hinted.scheme", "gallery.client.ckks.scheme"):
        importlib.import_module(module)
    with tempfile.TemporaryDirectory() as folder:
        with open_service(f"sqlite:///{folder}/warm.db", create=True) as service:
            service.gallery_names()
        file = Path(folder) / "warm.npz"
        np.savez(file, embeddings=np.eye(2), labels=np.array(["one", "two"]))
        read_embeddings(file)
    gc.freeze()


class Instants:
    """Counts the instants of a run in a folder, and ends the process at one of them.

    Parameters
    ----------
    folder
        Changes to files in it count.
    report
        Called at every instant with what happens and the sizes of the folder's files.
    stop_at
        Number of the instant, from 1, at which the process is killed; 0 for none.
    file_limit
        If given, the process is not killed at that instant but when, after it, a file would grow
        beyond this size.
    """

    def __init__(
        self, folder: Path, report: Report, stop_at: int = 0, file_limit: int | None = None
    ) -> None:
        self._folder = str(folder)
        self._report = report
        self._stop_at = stop_at
        self._limit = file_limit
        self._count = 0
        self._writing = False

    def install(self) -> None:
        """Hook into SQLAlchemy, SQLite and Python; for the rest of the process's life."""
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        event.listen(Pool, "close", lambda *_: self.at("before closing a connection"))
        commit, fsync, connect = DefaultDialect.do_commit, os.fsync, sqlite3.connect

        def traced_connect(database: Any, *options: Any, **named: Any) -> sqlite3.Connection:
            self.at(f"before connecting to {os.path.basename(database)}")
            connection = connect(database, *options, **named)
            connection.set_trace_callback(self._trace)
            return connection

        def do_commit(dialect: DefaultDialect, connection: Any) -> None:
            commit(dialect, connection)
            self.at(WRITE_COMMITTED if self._writing else "after COMMIT of a read")
            self._writing = False

        def synchronize(file: int) -> None:
            self.at("before fsync")
            fsync(file)

        DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]
        os.fsync = synchronize  # type: ignore[assignment]
        sqlite3.connect = sqlite3.dbapi2.connect = traced_connect  # type: ignore[assignment]
        sys.addaudithook(self._audit)

    def at(self, what: str) -> None:
        """Note an instant, and die if it is the one."""
        self._count += 1
        self._report(what, sizes(self._folder))
        if self._count != self._stop_at:
            return
        if self._limit is None:
            os.kill(os.getpid(), signal.SIGKILL)
        else:
            # Python ignores this signal so that it can raise an error instead.
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (self._limit, hard))

    def _trace(self, statement: str) -> None:
        if statement.startswith("BEGIN IMMEDIATE"):
            self._writing = True
        self.at(f"before {_short(statement)}")

    def _audit(self, name: str, arguments: tuple[Any, ...]) -> None:
        if name == "tempfile.mkdtemp":
            self._report(TEMPORARY + str(arguments[0]), {})
        elif name in _CHANGES or (name == "open" and _writes(arguments[2])):
            path, relative = arguments[0], name == "os.remove" and arguments[1] != -1
            inside = isinstance(path, str) and os.path.abspath(path).startswith(self._folder)
            if inside and not relative:
                self.at(f"before {name} {os.path.basename(path)}")


def sizes(folder: str) -> Sizes:
    """Return the sizes of the files in a folder, by name."""
    found = {}
    for entry in os.scandir(folder):
        with suppress(FileNotFoundError):
            if entry.is_file():
                found[entry.name] = entry.stat().st_size
    return found


def live(
    folder: Path,
    commands: Sequence[Sequence[str]],
    environment: dict[str, str],
    pipe: Connection,
    stop_at: int,
    file_limit: int | None,
    watched: bool,
    user: int | None,
) -> None:
    """Run commands one after the other, and send what happens through the pipe."""
    enter(folder, environment)
    if user is not None:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    if watched:
        report: Report = lambda what, files: pipe.send((what, files))  # noqa: E731
        instants = Instants(folder, report, stop_at, file_limit)
        instants.install()
    for arguments in commands:
        out, err = _stream(), _stream()
        with redirect_stdout(out), redirect_stderr(err):
            code = run(list(arguments))
        if watched:
            instants.at("at the end")
        pipe.send((code, _text_of(out), _text_of(err)))
    pipe.close()


def _stream() -> io.TextIOWrapper:
    """Return a stream that takes text and bytes, as standard output does."""
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


def _text_of(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


def enter(folder: Path, environment: dict[str, str]) -> None:
    """Work in a folder as a user whose home it is, with these of the program's variables alone."""
    os.chdir(folder)
    for name in [name for name in os.environ if name.startswith("GALLERY_")]:
        del os.environ[name]
    homes = ("HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
    os.environ.update(dict.fromkeys(homes, str(folder)))
    os.environ.update(environment)


def _writes(flags: object) -> bool:
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


def _short(statement: str) -> str:
    return " ".join(statement[:200].split())[:60]


def _by_hand(stop_at: str, _separator: str, *arguments: str) -> int:
    count = 0

    def report(what: str, _sizes: Sizes) -> None:
        nonlocal count
        if not what.startswith(TEMPORARY):
            count += 1
            print(f"{count:4} {what}", file=sys.stderr, flush=True)

    Instants(Path.cwd(), report, int(stop_at)).install()
    return run(list(arguments))


warm_up()

if __name__ == "__main__":
    sys.exit(_by_hand(*sys.argv[1:]))
