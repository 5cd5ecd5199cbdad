"""Random embeddings that are made when they are read, in place of a file of a million."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from gallery.client.embeddings.embedding_files import Batch
from gallery.client.embeddings.names import Taken

_BATCH = 4096
"""Rows that are drawn at a time when all are read."""


class RandomEmbeddings:
    """Unit vectors in the form of an open file of embeddings; labels are numbers."""

    model: str | None = None
    has_labels = True
    taken: Taken | None = None
    lacking_labels = "labels"

    def __init__(self, count: int, dimension: int) -> None:
        self.count, self._dimension = count, dimension

    def close(self) -> None:
        """Close nothing: there is no file."""

    def check(self) -> None:
        """Check nothing: there is no file that could be damaged."""

    def read(self, labelled: bool) -> Batch:
        """Return all rows."""
        batches = list(self.batches(_BATCH, labelled))
        labels = [label for _, some in batches for label in some]
        return np.concatenate([rows for rows, _ in batches]), labels

    def batches(self, rows: int, labelled: bool) -> Iterator[Batch]:
        """Yield so many rows at a time."""
        for start in range(0, self.count, rows):
            stop = min(start + rows, self.count)
            labels = [label_of(number) for number in range(start, stop)]
            yield unit_rows(start, stop, self._dimension), labels


def unit_rows(start: int, stop: int, dimension: int) -> npt.NDArray[np.float32]:
    """Return the embeddings with these numbers, those of one start always the same."""
    rows = np.random.default_rng(start).standard_normal((stop - start, dimension), np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def label_of(number: int) -> str:
    """Return the label of the embedding with this number."""
    return f"person {number}"
