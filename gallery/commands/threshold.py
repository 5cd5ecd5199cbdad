"""``gallery threshold``: show, set and reset the thresholds of a gallery."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from gallery.commands.options import common_options, json_option
from gallery.commands.settings import Settings
from gallery.commands.terminal import print_json, print_result
from gallery.commands.threshold_notes import notes_on, threshold_record
from gallery.errors import ThresholdRequiredError

if TYPE_CHECKING:
    from gallery.client import GalleryClient, Threshold

_EPILOG = """
\b
Examples:
  gallery threshold show
  gallery threshold set 0.35
  gallery threshold set 0.3 --name door
  gallery identify visitor.jpg --threshold door
  gallery threshold reset
"""


def _name_option(text: str) -> Callable[..., Any]:
    return click.option("--name", metavar="NAME", help=text)


@click.group("threshold", epilog=_EPILOG)
def command() -> None:
    """Show, set and reset the thresholds of a gallery.

    Searches use the one that is given with them, else the one that was set or calibrated last, else
    the one of gallery init, else DeepFace's for the gallery's model.

    Others have names, such as door and watch list: a search takes one that is named to it with
    --threshold.
    """


@command.command("show", epilog=_EPILOG)
@_name_option("Show only the threshold of this name.")
@json_option("Print one JSON object.")
@common_options
def show(settings: Settings, name: str | None, as_json: bool) -> None:
    """Show the thresholds that searches use, where they come from, and what to expect of them."""
    with settings.open_client() as client:
        named = client.thresholds() if name is None else {}
        threshold = _used(client, name, is_needed=not named)
        references = client.summary().references
    if as_json:
        records = {key: threshold_record(item, references) for key, item in named.items()}
        print_json(threshold_record(threshold, references) | {"named": records})
    else:
        for item in (threshold, *named.values()):
            if item is not None:
                print_result(f"{item.value:g} ({item.origin})")
    if threshold is None:
        settings.notice("searches need a threshold each, or one of these names")
        return
    for note in notes_on(threshold, references):
        settings.notice(note)


def _used(client: GalleryClient, name: str | None, *, is_needed: bool) -> Threshold | None:
    """Return the threshold that searches use; None without one, if that is no mistake."""
    try:
        return client.threshold(name)
    except ThresholdRequiredError:
        if is_needed:
            raise
        return None


@command.command("set", epilog=_EPILOG)
@click.argument("threshold", type=float)
@_name_option("Set the threshold that searches ask for by this name: 1 to 32 characters.")
@common_options
def set_(settings: Settings, threshold: float, name: str | None) -> None:
    """Set the threshold of all searches without one of their own, in place of a calibrated one.

    It is sealed, so the server learns nothing of it. Do not compute it from distances that
    searches gave: gallery calibrate finds one on embeddings in clear.
    """
    with settings.open_client() as client:
        now = client.set_threshold(threshold, name)
    if now.doubt:
        settings.notice(f"warning: {now.doubt}")
    which = "the threshold" if name is None else f"the threshold {name!r}"
    settings.notice(f"{which} of gallery {settings.gallery!r} is {now.value:g} now, sealed")


@command.command("reset", epilog=_EPILOG)
@_name_option("Remove the threshold of this name instead.")
@common_options
def reset(settings: Settings, name: str | None) -> None:
    """Reset the threshold to the one that the gallery was created with."""
    with settings.open_client() as client:
        client.reset_threshold(name)
        if name is not None:
            settings.notice(f"there is no threshold {name!r} any more")
            return
        try:
            now = client.threshold()
        except ThresholdRequiredError:
            settings.notice("the gallery has no threshold any more; searches need one each")
            return
    settings.notice(f"threshold {now.value:g} ({now.origin})")
