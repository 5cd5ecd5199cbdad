"""Garbage collection of a command's process: put off while it starts, left out when it ends.

Objects that a command loads stay until it ends. Looking through them for garbage, some two hundred
times while they are loaded and once more at the end, takes a fifth of a short command's processor
time.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping

_LOADED = 150_000
"""Objects that may be made before the first collection: more than a search of one probe makes, and
fewer than a server or a desk has made before it serves."""


def put_off_collections() -> None:
    """Have the first collection come late, and those after it as usual."""
    usual = gc.get_threshold()

    def go_on(phase: str, _: Mapping[str, int]) -> None:
        if phase == "stop":
            gc.callbacks.remove(go_on)
            gc.set_threshold(*usual)

    gc.callbacks.append(go_on)
    gc.set_threshold(max(_LOADED, usual[0]), *usual[1:])


def leave_out_collections() -> None:
    """Keep what is there from being looked through when the interpreter ends."""
    gc.freeze()
