"""The sources of embeddings and photos: what kind a path is, and embeddings out of files.

A file of embeddings is a ``.npz`` file with arrays ``embeddings`` (n, d), ``labels`` (n,) and
``model``, a Parquet file with columns ``embedding`` and ``label``, and ``model`` in its metadata, a
CSV file with a column of labels, or a ``.npy`` file. All but the embeddings may be left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Protocol

import numpy as np

from gallery.client.embeddings.file_kinds import FileKind, file_kind
from gallery.client.embeddings.names import Taken
from gallery.client.embeddings.npy import NpySource
from gallery.client.embeddings.npz import HOW_TO_WRITE, NpzSource
from gallery.client.embeddings.numpy_format import Array
from gallery.client.embeddings.parquet import ParquetSource
from gallery.client.embeddings.text_table import CsvSource
from gallery.client.regular_file import refuse_special
from gallery.errors import GalleryError, SourceError
from gallery.hints import Hint

Batch = tuple[Array, list[str]]
"""Embeddings, real numbers of shape (n, d), and their n labels, or none."""


class SourceKind(Enum):
    """The kind of source that a path leads to."""

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
    taken: Taken | None
    lacking_labels: str

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

    Made by `open_embeddings`.

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
    taken
        Under which names embeddings and labels were found, where those are not the usual ones;
        else None.
    """

    def __init__(self, path: Path, rows: _Rows, label: str | None = None) -> None:
        self.path, self._rows, self._label = path, rows, label
        self.count, self.model, self.taken = rows.count, rows.model, rows.taken
        self.has_labels = rows.has_labels or label is not None

    def read(self) -> EmbeddingFile:
        """Return all of it; raises what `batches` raises.

        Returns
        -------
        EmbeddingFile
            All embeddings, labels and the model.
        """
        with _reading(self.path):
            return EmbeddingFile(*self._labelled(self._rows.read(self.has_labels)), self.model)

    def batches(self, rows: int) -> Iterator[Batch]:
        """Yield embeddings and their labels, at most ``rows`` at a time.

        Parameters
        ----------
        rows
            Most embeddings at a time, at least 1.

        Yields
        ------
        tuple of (ndarray, list of str)
            Embeddings of shape (m, d), and their m labels; no labels if the file has none.

        Raises
        ------
        SourceError
            If the file is damaged, or holds what is no embedding or no label.
        """
        with _reading(self.path):
            yield from map(self._labelled, self._rows.batches(rows, self.has_labels))

    def _labelled(self, batch: Batch) -> Batch:
        if self._label is None:
            return batch
        return batch[0], [self._label] * len(np.atleast_2d(batch[0]))


def kind_of(path: Path) -> SourceKind:
    """Return the kind of a path: a folder, a file of embeddings, or a photo.

    Content tells where it can, and the name where it cannot. Files of embeddings that are not read
    here, such as pickles, count as such too, so that they are refused as what they are.

    Parameters
    ----------
    path
        A path; it need not exist.

    Returns
    -------
    SourceKind
        The kind of source.
    """
    if path.is_dir():
        return SourceKind.FOLDER
    return SourceKind.PHOTO if file_kind(path) is None else SourceKind.EMBEDDINGS


@contextmanager
def open_embeddings(
    path: Path, *, need_labels: bool = False, label: str | None = None
) -> Iterator[EmbeddingSource]:
    """Open a file of embeddings, to read it some rows at a time.

    Nothing in the file is executed: arrays of Python objects and pickles are refused. Checksums,
    where the file has them, are verified before the first row is given out.

    Parameters
    ----------
    path
        The file.
    need_labels
        Whether each embedding needs a label.
    label
        The label of all embeddings of a file that has none.

    Yields
    ------
    EmbeddingSource
        The file, open; it is closed with the context.

    Raises
    ------
    SourceError
        If the file cannot be read or is not such a file, or has labels where one is given.
    MissingDependencyError
        If it is a Parquet file and pyarrow is not installed.
    """
    with closing(_opened(path)) as opened:
        if label is not None and opened.has_labels:
            raise SourceError(f"{path} has labels of its own, so none may be given")
        if need_labels and label is None and not opened.has_labels:
            raise SourceError(
                f"{path} has no {opened.lacking_labels}", hint=Hint.GIVE_LABEL_OF_EMBEDDINGS
            )
        with _reading(path):
            opened.check()
        yield EmbeddingSource(path, opened, label)


def brings_labels(path: Path) -> bool:
    """Whether a file of embeddings has labels; raises what `open_embeddings` raises.

    Parameters
    ----------
    path
        A file of embeddings.

    Returns
    -------
    bool
        Whether each embedding in it has a label.
    """
    with closing(_opened(path)) as opened:
        return opened.has_labels


def read_embeddings(path: Path, *, need_labels: bool = False) -> EmbeddingFile:
    """Read a whole file of embeddings; raises what `open_embeddings` raises.

    Parameters
    ----------
    path
        The file.
    need_labels
        Whether each embedding needs a label.

    Returns
    -------
    EmbeddingFile
        All of its content.
    """
    with open_embeddings(path, need_labels=need_labels) as source:
        return source.read()


def _opened(path: Path) -> _Rows:
    """Open a file of embeddings without a look at its rows."""
    with _reading(path):
        found = path.stat()
        if not path.is_dir():
            refuse_special(path, found.st_mode)
        path.open("rb").close()  # for the system's own word on what is wrong
        kind = file_kind(path)
        match kind:
            case FileKind.PICKLE:
                raise SourceError(
                    f"{path} holds Python pickles, which are never opened: that can run any "
                    f"program. {HOW_TO_WRITE} where it was made"
                )
            case FileKind.OTHER:
                raise SourceError(
                    f"{path} is of a kind that is not read here: .npz, .npy, Parquet and CSV are. "
                    f"{HOW_TO_WRITE}"
                )
            case FileKind.NPY:
                return NpySource(path)
            case FileKind.PARQUET:
                return ParquetSource(path)
            case FileKind.CSV:
                return CsvSource(path)
            case _:
                return NpzSource(path)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Name the file in the error, and tell what the system refused from what is damaged."""
    try:
        yield
    except (GalleryError, MemoryError):
        raise
    except Exception as error:  # the libraries pass on whatever damage leads them to
        kind = file_kind(path) or FileKind.NPZ
        reason = getattr(error, "strerror", None) or f"it is no {kind.value} file, or a damaged one"
        raise SourceError(f"cannot read {path}: {reason}") from error
