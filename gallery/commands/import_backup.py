"""``gallery import``: restore a gallery from a backup."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from gallery.commands.options import common_options
from gallery.commands.settings import Settings

_EPILOG = """
\b
Examples:
  gallery import gallery.backup
  gallery import gallery.backup --database sqlite:///elsewhere.db
  gallery import staff.backup --gallery staff-restored
"""


@click.command("import", epilog=_EPILOG)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@common_options
def command(settings: Settings, file: Path) -> None:
    """Restore a gallery from the backup FILE, whole or not at all.

    The gallery gets its own name, unless --gallery gives it another. All of the file is checked
    before anything is written. The database is created if it is not there.

    The restored gallery is one of its own: neither it nor the one that was backed up is taken for
    the other. If you have used the original under the same name, commands refuse the restored one
    until you say that it takes the original's place, with:
    gallery verify --accept-rollback
    """
    from gallery.client.backup import Backup

    source = click.get_current_context().get_parameter_source("gallery")
    name = None if source is ParameterSource.DEFAULT else settings.gallery
    with Backup(file, settings.open_key()) as backup:
        states = settings.open_states()
        seen = backup.is_seen(states, name)
        blocks = len(backup.manifest.entries)
        with settings.progress("checking blocks", blocks) as advance:
            backup.verify(advance)
        with (
            settings.open_service(create=True) as service,
            settings.progress("restoring blocks", blocks) as advance,
        ):
            restored = backup.restore(service, name, advance, states=states)
    settings.notice(f"gallery {restored!r} restored from {file} into {settings.place}")
    if seen:
        settings.notice(
            "you have seen the gallery that the backup was made of, and commands refuse the "
            "restored one; if you mean it to take that one's place, accept it with: gallery verify "
            "--accept-rollback"
        )
