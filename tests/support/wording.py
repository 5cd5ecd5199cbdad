"""The words of the command line, which nothing below it says."""

from __future__ import annotations

import re

from gallery.commands.environment import (
    NEW_PASSPHRASE_VARIABLE,
    PASSPHRASE_VARIABLE,
    TOKEN_VARIABLE,
)
from tests.support.command_line import command_named, command_names

_COMMANDS = {*command_names(), *(name.split()[0] for name in command_names()), "keygen"}
_VARIABLES = {TOKEN_VARIABLE, PASSPHRASE_VARIABLE, NEW_PASSPHRASE_VARIABLE, "GALLERY_TRACEBACK"} | {
    item.envvar
    for name in command_names()
    for item in command_named(name).params
    if isinstance(item.envvar, str)
}

FOREIGN = re.compile(
    "|".join(
        (
            r"--[a-z]",
            rf"\bgallery (?:{'|'.join(sorted(_COMMANDS))})\b",
            rf"\b(?:{'|'.join(sorted(_VARIABLES))})\b",
            r"\b(?:the|same|this) command\b",
            r"\bcommand line\b",
        )
    )
)
"""Options, commands, the variables that the command line reads, and talk of a command."""
