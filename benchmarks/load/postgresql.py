"""A temporary PostgreSQL server, made in a folder of its own and removed with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from benchmarks.shared.server_process import free_port

_PACKAGED = "usr/lib/postgresql/*/bin/initdb"


@contextmanager
def temporary_postgresql() -> Iterator[str]:
    """Give the URL of an empty database of a server with its usual settings."""
    programs = _programs()
    with tempfile.TemporaryDirectory(prefix="gallery-postgresql-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        data, port = folder / "data", free_port()
        _run([programs / "initdb", "-D", data, "-A", "trust", "-U", "gallery"])
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
        control: list[Path | str] = [programs / "pg_ctl", "-D", data]
        _run([*control, "-l", folder / "log", "-o", options, "-w", "start"])
        try:
            yield f"postgresql+psycopg://gallery@127.0.0.1:{port}/postgres"
        finally:
            _run([*control, "-m", "fast", "stop"])


def _programs() -> Path:
    found = shutil.which("initdb")
    paths = [Path(found)] if found else sorted(Path("/").glob(_PACKAGED))
    if not paths:
        raise click.ClickException("PostgreSQL is not installed: there is no initdb on the PATH")
    return paths[-1].parent


def _run(arguments: Sequence[Path | str]) -> None:
    command = [str(argument) for argument in arguments]
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root.
        command = ["runuser", "-u", "postgres", "--", *command]
    # Output goes nowhere instead of into a pipe, which the server would inherit and keep open.
    done = subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, cwd="/"
    )
    if done.returncode != 0:
        raise click.ClickException(f"PostgreSQL failed: {' '.join(command)}")
