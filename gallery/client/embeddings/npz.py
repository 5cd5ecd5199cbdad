"""Arrays out of ``.npz`` files, whole or some rows at a time, without executing anything.

A ``.npz`` file is a zip archive with one ``.npy`` file for each array. A member of an archive
cannot be mapped into memory, but be read from its beginning on: enough to read rows in turn.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from gallery.errors import SourceError

_MOST_DEFLATED = 1032
"""Bytes that one byte of a zip archive can unpack to at most (zlib's technical details)."""

_NAMES = ("embeddings", "labels", "model")
_PIECE = 1024 * 1024

Array = npt.NDArray[np.generic]


@dataclass(frozen=True, eq=False)
class NpzArray:
    """One array of a ``.npz`` file, whose header does not claim more than the file holds.

    Attributes
    ----------
    shape, dtype
        As its header states them.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    _archive: zipfile.ZipFile
    _info: zipfile.ZipInfo
    _start: int
    _by_columns: bool

    @classmethod
    def find(cls, archive: zipfile.ZipFile, name: str, path: Path) -> NpzArray | None:
        """Find an array in the archive at a path; None if there is none of that name.

        Raises
        ------
        SourceError
            If it is no array, holds Python objects, or claims more than there is.
        """
        if f"{name}.npy" not in archive.namelist():
            return None
        info = archive.getinfo(f"{name}.npy")
        try:
            with archive.open(info) as file:
                shape, by_columns, dtype = _header(file)
                start = file.tell()
        except ValueError as error:
            raise SourceError(f"{path}: array {name!r} is no NumPy array") from error
        if dtype.hasobject:
            raise SourceError(
                f"{path}: array {name!r} holds Python objects, which are not loaded; "
                "make it an array of numbers, or of text: numpy.array(labels, dtype=str)"
            )
        size = int(np.prod(shape, dtype=object)) * dtype.itemsize + start
        if min(shape, default=0) < 0 or size != info.file_size:
            raise _false_claim(path, name)
        if size > _MOST_DEFLATED * path.stat().st_size:
            raise _false_claim(path, name)
        return cls(shape, dtype, archive, info, start, by_columns)

    def check(self) -> None:
        """Read all of it once, so that damage is noticed; raises what `zipfile` raises for it."""
        with self._archive.open(self._info) as file:
            while file.read(_PIECE):
                pass

    def read(self) -> Array:
        """Return the whole array."""
        with self._archive.open(self._info) as file:
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
        with self._archive.open(self._info) as file:
            file.read(self._start)
            for start in range(0, count, step):
                some = min(step, count - start)
                data = file.read(some * row)
                if len(data) != some * row:
                    raise EOFError("the array is shorter than its header claims")
                yield np.ndarray((some, *rest), self.dtype, data)


class NpzSource:
    """A file with an array ``embeddings`` (n, d), and often ``labels`` (n,) and ``model``.

    Parameters
    ----------
    path
        The file.

    Attributes
    ----------
    count
        Number of embeddings; one that stands without rows counts as one.
    has_labels, model
        What else the file says.

    Raises
    ------
    SourceError
        If what it holds is not that; for damage, whatever `zipfile` and NumPy raise.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with ExitStack() as stack:
            archive = stack.enter_context(zipfile.ZipFile(path))
            found = {name: NpzArray.find(archive, name, path) for name in _NAMES}
            self._embeddings = _required(found, path)
            shape = self._embeddings.shape
            self.count = shape[0] if len(shape) > 1 else 1
            self._labels = _checked_labels(found["labels"], self.count, path)
            self.has_labels = self._labels is not None
            self.model = _model(found["model"], path)
            self._opened = stack.pop_all()

    def close(self) -> None:
        """Close the file."""
        self._opened.close()

    def check(self) -> None:
        """Read all of it once; raises what `zipfile` raises for damage."""
        for array in (self._embeddings, self._labels):
            if array is not None:
                array.check()

    def read(self, labelled: bool) -> tuple[Array, list[str]]:
        """Return all embeddings as the file holds them, and their labels if they are wanted."""
        labels = self._texts(self._labels.read()) if labelled and self._labels else []
        return self._embeddings.read(), labels

    def batches(self, rows: int, labelled: bool) -> Iterator[tuple[Array, list[str]]]:
        """Yield embeddings, and their labels if they are wanted, ``rows`` at a time."""
        if len(self._embeddings.shape) < 2:
            yield self.read(labelled)
        elif labelled and self._labels:
            parts = zip(self._embeddings.rows(rows), self._labels.rows(rows), strict=True)
            yield from ((some, self._texts(labels)) for some, labels in parts)
        else:
            yield from ((some, []) for some in self._embeddings.rows(rows))

    def _texts(self, labels: Array) -> list[str]:
        try:
            return [str(label) for label in labels.tolist()]
        except (ValueError, SystemError) as error:  # a number that is no character
            raise SourceError(f"{self._path}: 'labels' holds what is not text") from error


def _required(found: dict[str, NpzArray | None], path: Path) -> NpzArray:
    embeddings = found["embeddings"]
    if embeddings is None:
        others = sorted(name for name, array in found.items() if array is not None)
        raise SourceError(
            f"{path} has no array 'embeddings'; it has {', '.join(others) or 'none'}. "
            "Write it with numpy.savez(path, embeddings=..., labels=...)"
        )
    return embeddings


def _checked_labels(labels: NpzArray | None, count: int, path: Path) -> NpzArray | None:
    if labels is not None and (labels.shape != (count,) or labels.dtype.kind not in "Uiu"):
        raise SourceError(
            f"{path}: 'labels' must be text, one for each of the {count} embeddings; "
            f"found shape {labels.shape} and type {labels.dtype}"
        )
    return labels


def _model(model: NpzArray | None, path: Path) -> str | None:
    if model is None:
        return None
    if int(np.prod(model.shape)) != 1 or model.dtype.kind != "U":
        raise SourceError(f"{path}: 'model' must be the name of one model")
    return str(model.read().item())


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    version = np.lib.format.read_magic(file)
    read = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    return read(file)


def _false_claim(path: Path, name: str) -> SourceError:
    return SourceError(f"{path}: array {name!r} has not the size that its header claims")
