"""The sources of embeddings and photos: what kind a path is, and embeddings out of files.

A file of embeddings is a ``.npz`` file with arrays ``embeddings`` (n, d), ``labels`` (n,) and
``model``, or a Parquet file with columns ``embedding`` and ``label``, and ``model`` in its
metadata. All but the embeddings may be left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from gallery.client.embeddings.npz import NpzSource
from gallery.client.embeddings.parquet import ParquetSource
from gallery.errors import GalleryError, SourceError

PARQUET = ".parquet"
NPZ = ".npz"

Array = npt.NDArray[np.generic]
Batch = tuple[Array, list[str]]
"""Embeddings, real numbers of shape (n, d), and their n labels, or none."""


class SourceKind(Enum):
    """What a path is."""

    PHOTO = auto()
    FOLDER = auto()
    EMBEDDINGS = auto()


@dataclass(frozen=True, eq=False)
class EmbeddingFile:
    """Embeddings out of a file.

    Attributes
    ----------
    embeddings
        Real numbers, shape (n, d).
    labels
        The n labels; empty if the file has none.
    model
        The model that made them, or None if the file does not say.
    """

    embeddings: Array
    labels: list[str]
    model: str | None


class _Rows(Protocol):
    """A file that is open."""

    count: int
    has_labels: bool
    model: str | None

    def close(self) -> None:
        """Close it."""

    def check(self) -> None:
        """Read what damage would be noticed by."""

    def read(self, labelled: bool) -> Batch:
        """Return all rows."""

    def batches(self, rows: int, labelled: bool) -> Iterator[Batch]:
        """Yield so many rows at a time."""


class EmbeddingSource:
    """A file of embeddings that is read some rows at a time, as often as needed.

    Attributes
    ----------
    path
        The file.
    count
        Number of embeddings.
    has_labels
        Whether each of them has a label.
    model
        The model that made them, or None if the file does not say.
    """

    def __init__(self, path: Path, rows: _Rows) -> None:
        self.path, self._rows = path, rows
        self.count, self.has_labels, self.model = rows.count, rows.has_labels, rows.model

    def read(self) -> EmbeddingFile:
        """Return all of it; raises what `batches` raises."""
        with _reading(self.path):
            return EmbeddingFile(*self._rows.read(self.has_labels), self.model)

    def batches(self, rows: int) -> Iterator[Batch]:
        """Yield embeddings and their labels, at most ``rows`` at a time.

        Raises
        ------
        SourceError
            If the file is damaged, or holds what is no embedding or no label.
        """
        with _reading(self.path):
            yield from self._rows.batches(rows, self.has_labels)


def kind_of(path: Path) -> SourceKind:
    """Tell what a path is: a folder, a file of embeddings, or a photo."""
    if path.is_dir():
        return SourceKind.FOLDER
    return SourceKind.EMBEDDINGS if path.suffix.lower() in (NPZ, PARQUET) else SourceKind.PHOTO


@contextmanager
def open_embeddings(path: Path, *, need_labels: bool = False) -> Iterator[EmbeddingSource]:
    """Open a file of embeddings, to read it some rows at a time.

    Nothing in the file is executed: arrays of Python objects are refused. Checksums, where the file
    has them, are verified before the first row is given out.

    Raises
    ------
    SourceError
        If the file cannot be read or is not such a file.
    MissingDependencyError
        If it is a Parquet file and pyarrow is not installed.
    """
    is_parquet = path.suffix.lower() == PARQUET
    with _reading(path):
        path.open("rb").close()  # for the system's own word on what is wrong
        opened: _Rows = ParquetSource(path) if is_parquet else NpzSource(path)
    with closing(opened):
        if need_labels and not opened.has_labels:
            what = "column 'label'" if is_parquet else "array 'labels'"
            raise SourceError(f"{path} has no {what}, one for each embedding")
        with _reading(path):
            opened.check()
        yield EmbeddingSource(path, opened)


def read_embeddings(path: Path, *, need_labels: bool = False) -> EmbeddingFile:
    """Read a whole file of embeddings; raises what `open_embeddings` raises."""
    with open_embeddings(path, need_labels=need_labels) as source:
        return source.read()


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Name the file in the error, and tell what the system refused from what is damaged."""
    try:
        yield
    except (GalleryError, MemoryError):
        raise
    except Exception as error:  # the libraries pass on whatever damage leads them to
        kind = "Parquet" if path.suffix.lower() == PARQUET else ".npz"
        reason = getattr(error, "strerror", None) or f"it is no {kind} file, or a damaged one"
        raise SourceError(f"cannot read {path}: {reason}") from error
