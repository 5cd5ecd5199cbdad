"""Scopes of sessions and tokens, and their holders."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

OWNER: Final = "owner"
"""The name of a browser that was opened with the desk's own address; no token has it."""


class DeskScope(StrEnum):
    """The scope of a holder; each includes those before it.

    ``IDENTIFY`` searches and learns decisions. ``ENROLL`` adds people too. ``MANAGE`` does
    everything: lists, corrects and erases people, and sees candidates and distances in full.
    """

    IDENTIFY = "identify"
    ENROLL = "enroll"
    MANAGE = "manage"

    def includes(self, other: DeskScope) -> bool:
        """Tell whether a holder of this scope may do what the other names."""
        order = list(DeskScope)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True)
class Holder:
    """The holder of a session or a token.

    Attributes
    ----------
    name
        Of the token; `OWNER` for a browser that was opened with the desk's own address.
    scope
        Its scope.
    session
        Identifier of the browser's session, or None for a program with a token.
    galleries
        Names of those that it may use; empty for all.
    token_id
        Identifier of the token; None for the owner, whatever tokens are called.
    """

    name: str
    scope: DeskScope
    session: str | None = field(default=None, repr=False)
    galleries: tuple[str, ...] = ()
    token_id: str | None = None

    @property
    def identity(self) -> str:
        """An identifier that no other holder ever has, as one that is revoked had the name."""
        return self.token_id or OWNER

    @property
    def is_limited(self) -> bool:
        """Whether it gets decisions only."""
        return self.scope is not DeskScope.MANAGE

    def may_use(self, gallery: str) -> bool:
        """Tell whether a gallery is among those that it may use."""
        return not self.galleries or gallery in self.galleries
