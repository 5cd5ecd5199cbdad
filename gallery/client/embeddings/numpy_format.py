"""Arrays as NumPy's format has them, whole or some rows at a time, without executing anything."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import numpy as np
import numpy.typing as npt

from gallery.errors import SourceError

_PIECE = 1024 * 1024

_LONGEST_HEADER: Final = 2**16 - 1
"""Bytes of a header; NumPy parses 10,000 at most, and reads whatever length is stated before."""

Array = npt.NDArray[np.generic]


@dataclass(frozen=True, eq=False)
class StoredArray:
    """One array in a file, whose header does not claim another size than there is.

    Attributes
    ----------
    shape, dtype
        As its header states them.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    _open: Callable[[], IO[bytes]]
    _start: int
    _by_columns: bool

    @classmethod
    def read_header(
        cls, open_file: Callable[[], IO[bytes]], size: int, named: str, path: Path
    ) -> StoredArray:
        """Read the header of an array.

        Parameters
        ----------
        open_file
            Opens what begins with it, again and again.
        size
            Bytes that there are, with the header.
        named
            What messages call it, as ``array 'labels'``.
        path
            The file that messages name.

        Raises
        ------
        SourceError
            If it is no array, holds Python objects, or claims another size.
        """
        try:
            with open_file() as file:
                shape, by_columns, dtype = _header(file)
                start = file.tell()
        except ValueError as error:
            raise SourceError(f"{path}: {named} is no NumPy array") from error
        if dtype.hasobject:
            raise SourceError(
                f"{path}: {named} holds Python objects, which are not loaded; "
                "make it an array of numbers, or of text: numpy.array(labels, dtype=str)"
            )
        claimed = int(np.prod(shape, dtype=object)) * dtype.itemsize
        # Rows of no bytes at all would be as many as anybody likes to claim.
        bodiless = not claimed and shape[:1] != (0,)
        if min(shape, default=0) < 0 or claimed + start != size or bodiless:
            raise false_claim(path, named)
        return cls(shape, dtype, open_file, start, by_columns)

    @property
    def is_matrix(self) -> bool:
        """Whether it may hold embeddings, a row for each."""
        return len(self.shape) == 2 and self.dtype.kind in "fiu"

    @property
    def statement(self) -> str:
        """Shape and type, in words."""
        return f"{self.shape} of {self.dtype}"

    def check(self) -> None:
        """Read all of it once, so that damage is noticed; raises what the file raises for it."""
        with self._open() as file:
            while file.read(_PIECE):
                pass

    def read(self) -> Array:
        """Return the whole array."""
        with self._open() as file:
            array: Array = np.lib.format.read_array(file, allow_pickle=False)
        return array

    def rows(self, step: int) -> Iterator[Array]:
        """Yield ``step`` rows at a time, as arrays that own nothing else.

        An array that lies in the file column by column (Fortran's order) is in memory whole
        meanwhile.
        """
        if self._by_columns and len(self.shape) > 1:
            whole = self.read()
            yield from (whole[start : start + step] for start in range(0, len(whole), step))
            return
        count, rest = self.shape[0], self.shape[1:]
        row = int(np.prod(rest, dtype=np.int64)) * self.dtype.itemsize
        with self._open() as file:
            file.read(self._start)
            for start in range(0, count, step):
                some = min(step, count - start)
                data = file.read(some * row)
                if len(data) != some * row:
                    raise EOFError("the array is shorter than its header claims")
                yield np.ndarray((some, *rest), self.dtype, data)


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    """Read shape, order and type of an array (`ValueError` if there is no header)."""
    first = np.lib.format.read_magic(file) == (1, 0)
    layout = struct.Struct("<H" if first else "<I")
    stated = file.read(layout.size)
    length = layout.unpack(stated)[0] if len(stated) == layout.size else 0
    if length > _LONGEST_HEADER:
        raise ValueError("a header as long as no array has one")
    read = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
    return read(io.BytesIO(stated + file.read(length)))


def false_claim(path: Path, named: str) -> SourceError:
    """Return the message for an array that claims another size than there is."""
    return SourceError(f"{path}: {named} has not the size that its header claims")
