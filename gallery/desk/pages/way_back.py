"""The way back to a page of a gallery, by its address, once the desk is unlocked."""

from __future__ import annotations

import re
from typing import Final

_PAGE: Final = re.compile(
    r"/g/[0-9]{1,6}/"
    r"(?:identify|live|enroll|people|person/[0-9a-f]{32}|gallery|accuracy|decisions)"
)


def way_back(address: str) -> str:
    """Return an address of a page, or that of the start for anything else."""
    return address if _PAGE.fullmatch(address) else "/"


def to_unlock(address: str) -> str:
    """Return the address of the lock's page, from which the way leads back."""
    back = way_back(address)
    return "/unlock" if back == "/" else f"/unlock?back={back}"
