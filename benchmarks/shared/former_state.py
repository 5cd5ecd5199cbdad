"""A former state of the program, written out of the repository to be measured beside this one."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import click

ROOT = Path(__file__).parents[2]
"""The checkout that this is of."""

FORMER_STATE = "146255a"
"""The last commit whose evaluations kept all comparisons, and whose commands kept nothing."""

_PARTS = ("gallery", "migrations", "alembic.ini", "cli.py")


def check_out(commit: str, folder: Path) -> Path:
    """Write what runs the command at a commit of this repository into a folder.

    Raises
    ------
    click.ClickException
        If there is no such commit here, or no repository.
    """
    done = subprocess.run(
        ["git", "-C", str(ROOT), "archive", commit, *_PARTS], check=False, capture_output=True
    )
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip()
        raise click.ClickException(f"the state at {commit} cannot be had: {reason}")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as found:
        found.extractall(folder, filter="data")
    return folder
