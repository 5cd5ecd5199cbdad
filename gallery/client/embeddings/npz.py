"""Embeddings out of ``.npz`` files, which are zip archives with one ``.npy`` file for each array.

A member of an archive cannot be mapped into memory, only read from its beginning on, which is
enough to read its rows in turn.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import numpy as np

from gallery.client.embeddings.names import EMBEDDING_NAMES, LABEL_NAMES, Taken, the_only
from gallery.client.embeddings.numpy_format import Array, StoredArray, false_claim
from gallery.errors import SourceError

_MOST_DEFLATED = 1032
"""Bytes that one byte of a zip archive can unpack to at most (zlib's technical details)."""

_COMPRESSIONS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""Methods that NumPy writes. Python unpacks a piece of the others whole, whatever was asked for,
and a few bytes of bzip2 or LZMA stand for gigabytes."""

_EMBEDDINGS, _LABELS, _MODEL = "embeddings", "labels", "model"
_LABEL_KINDS = "USiu"
_SECOND = "arr_1"
"""The name that `numpy.savez` gives to the second array without one."""

HOW_TO_WRITE = "Write it with numpy.savez(path, embeddings=..., labels=...)"


class NpzSource:
    """A file with an array ``embeddings`` (n, d), and often ``labels`` (n,) and ``model``.

    Other names are taken where only one array can be meant.

    Parameters
    ----------
    path
        The file.

    Attributes
    ----------
    count
        Number of embeddings; one that stands without rows counts as one.
    has_labels, model
        The rest of what the file states.
    taken
        The arrays taken for embeddings and labels, where they have other names.
    lacking_labels
        The message where labels are needed and there are none.

    Raises
    ------
    SourceError
        If what it holds is not that; for damage, whatever `zipfile` and NumPy raise.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with ExitStack() as stack:
            archive = stack.enter_context(zipfile.ZipFile(path))
            arrays = _Arrays(archive, path)
            at = arrays.name_of_embeddings()
            self._embeddings = arrays.get(at)
            shape = self._embeddings.shape
            self.count = shape[0] if len(shape) > 1 else 1
            labels_at = arrays.name_of_labels(at, self.count)
            self._labels = None if labels_at is None else arrays.get(labels_at)
            _check_labels(self._labels, self.count, path)
            self.has_labels = self._labels is not None
            usual = at == _EMBEDDINGS and labels_at in (_LABELS, None)
            self.taken = None if usual else Taken(at, labels_at, "array")
            self.model = _model(arrays, path)
            self.lacking_labels = f"array 'labels', one for each embedding; it has {arrays}"
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
            if labels.dtype.kind == "S":
                return [label.decode("utf-8") for label in labels.tolist()]
            return [str(label) for label in labels.tolist()]
        except (ValueError, SystemError) as error:  # a number that is no character, or no UTF-8
            raise SourceError(f"{self._path}: 'labels' holds what is not text") from error


class _Arrays:
    """The arrays of an archive, by name."""

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self._archive, self._path = archive, path
        members = archive.namelist()
        self.names = [name.removesuffix(".npy") for name in members if name.endswith(".npy")]

    def get(self, name: str) -> StoredArray:
        """Return an array (`SourceError` if it is none, holds objects, or claims too much)."""
        info = self._archive.getinfo(f"{name}.npy")
        named = f"array {name!r}"
        if info.compress_type not in _COMPRESSIONS:
            raise SourceError(
                f"{self._path}: {named} is compressed in a way that NumPy does not write: write it "
                "anew with numpy.savez or numpy.savez_compressed"
            )
        found = StoredArray.read_header(
            lambda: self._archive.open(info), info.file_size, named, self._path
        )
        if info.file_size > _MOST_DEFLATED * self._path.stat().st_size:
            raise false_claim(self._path, named)
        return found

    def readable(self) -> Mapping[str, StoredArray]:
        """Return all that can be read."""
        found = {}
        for name in self.names:
            try:
                found[name] = self.get(name)
            except SourceError:
                continue
        return found

    def name_of_embeddings(self) -> str:
        """Return the name of the array of embeddings (`SourceError` unless it is clear)."""
        if _EMBEDDINGS in self.names:
            return _EMBEDDINGS
        matrices = [name for name, array in self.readable().items() if array.is_matrix]
        named = the_only(matrices, EMBEDDING_NAMES)
        if named is None and len(matrices) == 1:
            named = matrices[0]
        if named is None:
            raise SourceError(
                f"{self._path} has no array 'embeddings'; it has {self}. {HOW_TO_WRITE}"
            )
        return named

    def name_of_labels(self, embeddings: str, count: int) -> str | None:
        """Return the name of the array of labels, one for each embedding; None without one."""
        if _LABELS in self.names:
            return _LABELS
        known = LABEL_NAMES | {_SECOND} if embeddings == "arr_0" else LABEL_NAMES
        named = the_only((name for name in self.names if name != embeddings), known)
        if named is None or (array := self.readable().get(named)) is None:
            return None
        return named if array.shape == (count,) and array.dtype.kind in _LABEL_KINDS else None

    def __str__(self) -> str:
        readable = self.readable()
        said = [
            f"{name!r} {readable[name].statement}" if name in readable else f"{name!r} (unreadable)"
            for name in sorted(self.names)
        ]
        return ", ".join(said) or "none"


def _check_labels(labels: StoredArray | None, count: int, path: Path) -> None:
    if labels is not None and (labels.shape != (count,) or labels.dtype.kind not in _LABEL_KINDS):
        raise SourceError(
            f"{path}: 'labels' must be text, one for each of the {count} embeddings; "
            f"found shape {labels.shape} and type {labels.dtype}"
        )


def _model(arrays: _Arrays, path: Path) -> str | None:
    if _MODEL not in arrays.names:
        return None
    model = arrays.get(_MODEL)
    if int(np.prod(model.shape)) != 1 or model.dtype.kind != "U":
        raise SourceError(f"{path}: 'model' must be the name of one model")
    return str(model.read().item())
