"""``gallery threshold``: show, set and reset the threshold of a gallery that is there."""

from __future__ import annotations

import click

from gallery.commands.options import common_options, json_option
from gallery.commands.settings import Settings
from gallery.commands.terminal import print_json, print_result
from gallery.commands.threshold_notes import notes_on, threshold_record
from gallery.errors import ThresholdRequiredError

_EPILOG = """
\b
Examples:
  gallery threshold show
  gallery threshold set 0.35
  gallery threshold reset
"""


@click.group("threshold", epilog=_EPILOG)
def command() -> None:
    """Show, set and reset the threshold of a gallery that is there.

    Searches use the one that is given with them, else the one that was set or calibrated last, else
    the one of gallery init, else DeepFace's for the gallery's model.
    """


@command.command("show", epilog=_EPILOG)
@json_option("Print one JSON object.")
@common_options
def show(settings: Settings, as_json: bool) -> None:
    """Show the threshold that searches use, where it comes from, and what to expect of it."""
    with settings.open_client() as client:
        threshold, references = client.threshold(), client.summary().references
    if as_json:
        print_json(threshold_record(threshold, references))
    else:
        print_result(f"{threshold.value:g} ({threshold.origin})")
    for note in notes_on(threshold, references):
        settings.notice(note)


@command.command("set", epilog=_EPILOG)
@click.argument("threshold", type=float)
@common_options
def set_(settings: Settings, threshold: float) -> None:
    """Set the threshold of all searches that bring none, in place of a calibrated one.

    It is sealed, so the server learns nothing of it. Do not compute it from distances that
    searches gave: gallery calibrate finds one on embeddings in clear.
    """
    with settings.open_client() as client:
        now = client.set_threshold(threshold)
    if now.doubt:
        settings.notice(f"warning: {now.doubt}")
    settings.notice(f"threshold {now.value:g} of gallery {settings.gallery!r} is set, sealed")


@command.command("reset", epilog=_EPILOG)
@common_options
def reset(settings: Settings) -> None:
    """Take back what was set or calibrated; the threshold is again what it was at the creation."""
    with settings.open_client() as client:
        client.reset_threshold()
        try:
            now = client.threshold()
        except ThresholdRequiredError:
            settings.notice("the gallery has no threshold any more; searches need one each")
            return
    settings.notice(f"threshold {now.value:g} ({now.origin})")
