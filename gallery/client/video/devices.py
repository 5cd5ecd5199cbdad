"""Cameras of the machine: the reasons why one cannot be opened, as far as the system tells."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Final

NUMBERS: Final = range(100_000)
"""Of cameras. OpenCV ends the process at a number below 0."""

_DEVICES: Final = Path("/dev")
_DEVICE: Final = re.compile(r"video([0-9]{1,5})")


def obstacle_of(number: int, devices: Path | None = None) -> str:
    """Return the reason why a camera cannot be opened, and the cameras, as the end of a sentence.

    Parameters
    ----------
    number
        The camera.
    devices
        The folder of devices; by default that of Linux, on Linux.
    """
    if devices is None and sys.platform != "linux":
        return "there is none, another program has it, or the system lets this one use no camera"
    folder = devices or _DEVICES
    device = folder / f"video{number}"
    if not device.exists():
        others = ", ".join(map(str, _numbers(folder)))
        here = f"the cameras of this machine are {others}" if others else "nor any other camera"
        return f"there is no device {device}, {here}"
    if not os.access(device, os.R_OK | os.W_OK):
        return (
            f"this user may not use {device}: its owner or group may, which as a rule is the group "
            "video"
        )
    return f"{device} gives no picture: another program has it, or it is no camera"


def _numbers(devices: Path) -> list[int]:
    try:
        found = [_DEVICE.fullmatch(name) for name in os.listdir(devices)]
    except OSError:
        return []
    return sorted(int(one[1]) for one in found if one)
