"""Embeddings out of ``.npy`` files: one array, without labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gallery.client.embeddings.names import Taken
from gallery.client.embeddings.numpy_format import Array, StoredArray
from gallery.client.regular_file import open_regular


class NpySource:
    """A file with one array, of shape (n, d) or (d,).

    Raises
    ------
    SourceError
        If what it holds is not that.
    """

    has_labels = False
    model: str | None = None
    taken: Taken | None = None
    lacking_labels = "labels: a .npy file holds one array"

    def __init__(self, path: Path) -> None:
        size = path.stat().st_size
        self._array = StoredArray.read_header(lambda: open_regular(path), size, "its array", path)
        self.count = self._array.shape[0] if len(self._array.shape) > 1 else 1

    def close(self) -> None:
        """Do nothing: the file is open only while it is read."""

    def check(self) -> None:
        """Do nothing: the format has no checksums."""

    def read(self, labelled: bool) -> tuple[Array, list[str]]:
        """Return all embeddings."""
        return self._array.read(), []

    def batches(self, rows: int, labelled: bool) -> Iterator[tuple[Array, list[str]]]:
        """Yield embeddings, ``rows`` at a time."""
        if len(self._array.shape) < 2:
            yield self.read(labelled)
        else:
            yield from ((some, []) for some in self._array.rows(rows))
