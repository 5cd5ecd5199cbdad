"""Names of files that are made out of others, such as a drawn copy's out of its photo's."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePath
from typing import Final

_UNFIT: Final = re.compile(r"[^\w.,()+ -]|[\x00-\x1f]")
"""Characters that cannot stand in the name of a file on some system."""
_LONGEST: Final = 80
_MOST_BYTES: Final = 160


def plain_stem(name: str, otherwise: str = "photo") -> str:
    """Return the name of a file made out of another one, without an ending.

    Characters that some system refuses or a terminal obeys are replaced, and long names cut, so
    that there is room for more of a name.

    Parameters
    ----------
    name
        The name of the other one, or its path.
    otherwise
        What it is called where nothing is left.
    """
    stem = PurePath(name.replace("\\", "/")).stem
    plain = _UNFIT.sub("_", unicodedata.normalize("NFC", stem)).strip(" .-")[:_LONGEST]
    return plain.encode("utf-8", "replace")[:_MOST_BYTES].decode("utf-8", "ignore") or otherwise
