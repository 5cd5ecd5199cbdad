"""The trust in weights of face models: an option, or a question at a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gallery.commands.terminal import ask_yes_or_no, is_interactive

if TYPE_CHECKING:
    from gallery.client import TrustedWeights, UnknownWeights

_CHOICE = "gallery.trust_weights"


def _keep(context: click.Context, _option: click.Parameter, chosen: bool) -> None:
    context.meta[_CHOICE] = chosen


trust_weights_option = click.option(
    "--trust-weights",
    is_flag=True,
    expose_value=False,
    callback=_keep,
    help="Trust weights of face models of which no hash is known, and remember their hashes. "
    "[default: ask, and refuse them without a terminal]",
)
"""``--trust-weights``, which `trusted_weights` looks up."""


def trusted_weights(*, ask: bool = True) -> TrustedWeights:
    """Return the trust in weights files for this run of a command.

    Without `ask` nobody is asked at the terminal, where others may need it.
    """
    from gallery.client import TrustedWeights

    if click.get_current_context().meta.get(_CHOICE, False):
        return TrustedWeights(accept=True)
    return TrustedWeights(accept=_ask if ask and is_interactive() else False)


def _ask(unknown: UnknownWeights) -> bool:
    return ask_yes_or_no(
        f"No hash is known of the weights file {unknown.path} ({unknown.origin}); its SHA-256 is "
        f"{unknown.sha256}. Trust it from now on?"
    )
