"""The command line of this checkout, as the arguments of a process."""

from __future__ import annotations

import sys
from pathlib import Path

_CLI = Path(__file__).parents[2] / "cli.py"


def gallery_command(*arguments: str | Path) -> list[str]:
    """Return what starts a process of the command ``gallery`` with these arguments."""
    return [sys.executable, str(_CLI), *map(str, arguments)]
