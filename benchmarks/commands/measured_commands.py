"""The commands that are measured, and what each finds on the owner's disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PROBE, NEWCOMER = "probe.npz", "newcomer.npz"
"""A file with an embedding of somebody who is enrolled, and one of somebody who is not."""

LABEL = "newcomer"
"""The label of the latter."""

SOMEBODY = "person 5"
"""The label of the former."""

Cache = Literal["none", "cold", "warm", "former"]
"""Whether nothing is kept, nothing is kept yet, or all is; or a former state runs, without one."""


_STATES: dict[Cache, str] = {
    "none": "no cache",
    "cold": "first time",
    "warm": "next time",
    "former": "before",
}


@dataclass(frozen=True)
class MeasuredCommand:
    """A command, where the gallery is, and what is kept of it on this machine."""

    words: tuple[str, ...]
    served: bool
    cache: Cache

    @property
    def name(self) -> str:
        """What it does, on one line of a report."""
        place = "over a server" if self.served else "embedded"
        what = _STATES[self.cache]
        return f"{' '.join(self.words[:1])}{_subject(self.words)}, {place}, {what}"


def _subject(words: tuple[str, ...]) -> str:
    return {"list": " --label", "enroll": " one", "remove": " one"}.get(words[0], "")


IDENTIFY = ("identify", PROBE, "--threshold", "0.3")
LIST = ("list", "--label", SOMEBODY)
ENROLL = ("enroll", NEWCOMER)
REMOVE = ("remove", LABEL, "--yes")

COMMANDS = (
    MeasuredCommand(IDENTIFY, served=False, cache="none"),
    MeasuredCommand(IDENTIFY, served=False, cache="warm"),
    MeasuredCommand(IDENTIFY, served=True, cache="none"),
    MeasuredCommand(IDENTIFY, served=True, cache="cold"),
    MeasuredCommand(IDENTIFY, served=True, cache="warm"),
    MeasuredCommand(LIST, served=True, cache="none"),
    MeasuredCommand(LIST, served=True, cache="warm"),
    # Each enrollment is followed by the removal of whom it enrolled.
    MeasuredCommand(ENROLL, served=True, cache="none"),
    MeasuredCommand(REMOVE, served=True, cache="none"),
    MeasuredCommand(ENROLL, served=True, cache="warm"),
    MeasuredCommand(REMOVE, served=True, cache="warm"),
)

BEFORE = (
    MeasuredCommand(IDENTIFY, served=False, cache="former"),
    MeasuredCommand(IDENTIFY, served=True, cache="former"),
    MeasuredCommand(LIST, served=True, cache="former"),
)
"""The same with a former state of the program, over the server of this one."""

VERIFY = MeasuredCommand(("verify",), served=True, cache="warm")
"""Run once: it reads all that the server has, whatever is kept here."""
