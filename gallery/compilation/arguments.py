"""Arguments of kernels: of which kinds they are, and how they lie in memory for compiled code.

Each argument takes words of eight bytes: a number one, an array its address and its shape. So all
kernels have one signature in C, whatever they take.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_C_ALIGNED, _WRITEABLE = 0x101, 0x400
"""Bits of NumPy's flags: contiguous in C's order and aligned; writeable."""

_NUMBERS = {int: np.dtype(np.int64), float: np.dtype(np.float64)}


@dataclass(frozen=True)
class Kind:
    """The kind of an argument: a number, or an array of so many axes, contiguous and aligned."""

    dtype: np.dtype[Any]
    axes: int | None = None
    writeable: bool = False

    @property
    def name(self) -> str:
        """A name that no other kind has."""
        axes = "" if self.axes is None else f"x{self.axes}{'w' if self.writeable else 'r'}"
        return f"{self.dtype.str[1:]}{axes}"


def marks(arguments: Sequence[Any]) -> tuple[Any, ...]:
    """Return what tells arguments of other kinds apart, quickly."""
    return tuple(
        [
            (one.dtype, one.ndim, one.flags.num) if type(one) is np.ndarray else type(one)
            for one in arguments
        ]
    )


def kind_of(argument: Any) -> Kind:
    """Return the kind of an argument.

    Raises
    ------
    TypeError
        If it is none that a kernel takes.
    """
    if isinstance(argument, np.ndarray):
        if argument.flags.num & _C_ALIGNED != _C_ALIGNED or not argument.dtype.isnative:
            raise TypeError("a kernel takes arrays that are contiguous and aligned")
        return Kind(argument.dtype, argument.ndim, bool(argument.flags.num & _WRITEABLE))
    if isinstance(argument, np.integer | np.floating):
        return Kind(argument.dtype)
    if type(argument) in _NUMBERS:
        return Kind(_NUMBERS[type(argument)])
    raise TypeError(f"a kernel takes no {type(argument).__name__}")


class Packing:
    """The packing of arguments of some kinds."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self._layout = struct.Struct("".join(map(_words, kinds)))

    def pack(self, arguments: Sequence[Any]) -> bytes:
        """Pack arguments; the caller keeps arrays alive while the result is in use."""
        words: list[Any] = []
        for one in arguments:
            if type(one) is np.ndarray:
                words.append(one.__array_interface__["data"][0])
                words += one.shape
            else:
                words.append(one)
        return self._layout.pack(*words)


def _words(kind: Kind) -> str:
    if kind.axes is not None:
        return f"Q{kind.axes}q" if kind.axes else "Q"
    return {"i": "q", "u": "Q", "f": "d"}[kind.dtype.kind]
