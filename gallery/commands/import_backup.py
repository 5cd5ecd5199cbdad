"""``gallery import``: restore a gallery from a backup."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from gallery.commands.options import common_options
from gallery.commands.settings import Settings
from gallery.errors import RolledBackError

if TYPE_CHECKING:
    from gallery.client.backup import Backup

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

    If you have seen a newer state of the gallery, commands refuse the restored one until you say
    that it is meant, with: gallery verify --accept-rollback
    """
    from gallery.client.backup import Backup

    source = click.get_current_context().get_parameter_source("gallery")
    name = None if source is ParameterSource.DEFAULT else settings.gallery
    with Backup(file, settings.open_key()) as backup:
        older = _is_older(settings, backup)
        blocks = len(backup.manifest.entries)
        with settings.progress("checking blocks", blocks) as advance:
            backup.verify(advance)
        with (
            settings.open_service(create=True) as service,
            settings.progress("restoring blocks", blocks) as advance,
        ):
            restored = backup.restore(service, name, advance)
    settings.notice(f"gallery {restored!r} restored from {file} into {settings.place}")
    if older:
        settings.notice(
            "you have seen another, later state of it; if you go back on purpose, accept this one "
            "with: gallery verify --accept-rollback"
        )


def _is_older(settings: Settings, backup: Backup) -> bool:
    """Tell whether commands will take the restored gallery for one that was rolled back."""
    from gallery.client.integrity.rollback import check_newer

    seen = settings.open_states().newest(backup.description.gallery_id)
    try:
        check_newer(backup.manifest, seen)
    except RolledBackError:
        return True
    return False
