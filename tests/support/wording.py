"""The words of the command line, which nothing below it says."""

from __future__ import annotations

import re

from tests.support.command_line import command_names

_COMMANDS = {*command_names(), *(name.split()[0] for name in command_names()), "keygen"}

FOREIGN = re.compile(
    "|".join(
        (
            r"--[a-z…%{]",  # … stands for what an f-string puts in
            rf"\bgallery (?:{'|'.join(sorted(_COMMANDS))})\b",
            r"\bGALLERY_[A-Z]+",
            r"\b(?:the|same|this) command\b",
            r"\bcommand line\b",
        )
    )
)
"""Options, commands, the variables that the command line reads, and talk of a command."""
