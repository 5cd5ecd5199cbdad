"""``gallery export``: write a backup of a gallery into a file."""

from __future__ import annotations

from pathlib import Path

import click

from gallery.commands.options import common_options
from gallery.commands.paths import NamedPath
from gallery.commands.settings import Settings

_EPILOG = """
\b
Examples:
  gallery export gallery.backup
  gallery export --gallery staff staff-2026-11.backup
"""


@click.command("export", epilog=_EPILOG)
@click.argument("file", type=NamedPath(dir_okay=False, path_type=Path))
@common_options
def command(settings: Settings, file: Path) -> None:
    """Write a backup of a gallery into FILE, encrypted and authenticated as it is.

    The backup opens with the same key file as the gallery, and without it for nobody: keep a copy
    of both. FILE appears complete or not at all, and an existing one is never overwritten.
    """
    with (
        settings.open_client() as client,
        settings.progress("exporting blocks", client.block_count()) as advance,
    ):
        client.export(file, progress=advance)
    settings.notice(
        f"gallery {settings.gallery!r} written to {file}; it opens with the key file alone"
    )
