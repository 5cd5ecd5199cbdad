"""``gallery refresh``: sign the state of a gallery with the date of today."""

from __future__ import annotations

from datetime import timedelta

import click

from gallery.commands.options import common_options, max_age_option
from gallery.commands.settings import Settings

_EPILOG = """
\b
Examples:
  gallery refresh
  gallery refresh --max-age 2d    as a daily job
"""


@click.command("refresh", epilog=_EPILOG)
@max_age_option(
    "Refuse to sign a state anew that was signed longer ago, such as 2d: a job that runs each day "
    "then signs no old state that was put back."
)
@click.option(
    "--accept-unseen",
    is_flag=True,
    help="Sign the state that is shown, whatever it is, though the state file knows none.",
)
@common_options
def command(settings: Settings, max_age: timedelta | None, accept_unseen: bool) -> None:
    """Sign the state of a gallery with the date of today, without another change.

    Every change of a gallery signs a date, by which --max-age of gallery identify tells an old
    state that is shown in the place of a newer one. Where a gallery seldom changes, run this often
    enough: each day for --max-age 7d, say. Run it on the machine from which the gallery is changed:
    its state file knows which state is the newest, and no other is signed. Where the state file
    knows none, nothing is signed without --accept-unseen.
    """
    from gallery.client.integrity.clock import in_utc

    with settings.open_client(max_age=max_age) as client:
        manifest = client.refresh(accept_unseen=accept_unseen)
    assert manifest.signed is not None
    settings.notice(
        f"gallery {settings.gallery!r}: version {manifest.version}, signed "
        f"{in_utc(manifest.signed)}"
    )
