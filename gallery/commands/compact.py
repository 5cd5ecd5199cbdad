"""``gallery compact``: close the holes that removals left."""

from __future__ import annotations

import click

from gallery.commands.options import common_options
from gallery.commands.settings import Settings

_EPILOG = """
\b
Example:
  gallery compact
"""


@click.command("compact", epilog=_EPILOG)
@common_options
def command(settings: Settings) -> None:
    """Move references into the holes that removals left, and drop the blocks that become empty.

    Every step leaves a whole gallery: an interrupted run is finished by another. Traces of what was
    erased before are removed from the database's files as well.
    """
    with settings.open_client() as client:
        with settings.progress("dropping blocks", client.excess_blocks()) as advance:
            dropped = client.compact(progress=advance)
        blocks = client.block_count()
    settings.notice(f"dropped blocks: {dropped}, left: {blocks}")
