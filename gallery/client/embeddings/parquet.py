"""Embeddings out of Parquet files, some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gallery.errors import MissingDependencyError, SourceError

if TYPE_CHECKING:
    import pyarrow as pa

EMBEDDING, LABEL = "embedding", "label"
"""Names of the columns."""

MODEL = b"model"
"""Key of the file's metadata that names the model, if it does."""

Array = npt.NDArray[np.generic]

_READ_AT_ONCE = 1024 * 1024


def import_pyarrow() -> Any:
    """Return the package that reads and writes Parquet (`MissingDependencyError`)."""
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError as error:
        raise MissingDependencyError(
            "for Parquet files pyarrow is needed: install the extra 'parquet', as in "
            "pip install '.[parquet]'"
        ) from error
    return pa


class ParquetSource:
    """A file with a column ``embedding`` of lists of numbers, and often a column ``label``.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    SourceError
        If it is no such file.
    MissingDependencyError
        If pyarrow is not installed.
    """

    def __init__(self, path: Path) -> None:
        self._pa, self._path = import_pyarrow(), path
        # A row group may be as large as the file, so pages are read, not row groups.
        self._file = self._pa.parquet.ParquetFile(
            path, buffer_size=_READ_AT_ONCE, pre_buffer=False, page_checksum_verification=True
        )
        schema = self._file.schema_arrow
        if EMBEDDING not in schema.names:
            self.close()
            raise SourceError(
                f"{path} has no column {EMBEDDING!r}; it has {', '.join(schema.names) or 'none'}"
            )
        self.count = int(self._file.metadata.num_rows)
        self.has_labels = LABEL in schema.names
        model = (schema.metadata or {}).get(MODEL)
        self.model = None if model is None else str(model.decode("utf-8", "replace"))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def check(self) -> None:
        """Do nothing: `batches` checks what can be checked."""

    def read(self, labelled: bool) -> tuple[Array, list[str]]:
        """Return all embeddings, and their labels if they are wanted."""
        batches = list(self.batches(self.count or 1, labelled))
        if not batches:
            return np.empty((0, 0)), []
        embeddings = np.concatenate([some for some, _ in batches])
        return embeddings, [label for _, labels in batches for label in labels]

    def batches(self, rows: int, labelled: bool) -> Iterator[tuple[Array, list[str]]]:
        """Yield embeddings, and their labels if they are wanted, at most ``rows`` at a time."""
        columns = [EMBEDDING, LABEL] if labelled else [EMBEDDING]
        for batch in self._file.iter_batches(rows, columns=columns, use_threads=False):
            labels = self._labels(batch.column(LABEL)) if labelled else []
            yield self._embeddings(batch.column(EMBEDDING)), labels

    def _embeddings(self, column: pa.Array) -> Array:
        types = self._pa.types
        kind = column.type
        lists = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
        if not lists or not _is_number(types, kind.value_type):
            raise SourceError(
                f"{self._path}: column {EMBEDDING!r} must hold lists of numbers; found {kind}"
            )
        values = column.flatten()
        sizes = self._pa.compute.list_value_length(column).to_numpy(zero_copy_only=False)
        if column.null_count or values.null_count or len(set(sizes.tolist())) > 1:
            raise SourceError(
                f"{self._path}: column {EMBEDDING!r} has rows that are missing, or not as long as "
                "the others"
            )
        numbers: Array = values.to_numpy(zero_copy_only=False)
        return numbers.reshape(len(column), -1)

    def _labels(self, column: pa.Array) -> list[str]:
        types, kind = self._pa.types, column.type
        if types.is_dictionary(kind):
            kind = kind.value_type
        text = types.is_string(kind) or types.is_large_string(kind) or types.is_integer(kind)
        if not text or column.null_count:
            raise SourceError(
                f"{self._path}: column {LABEL!r} must hold a text in every row; found {column.type}"
            )
        return [str(label) for label in column.to_pylist()]


def _is_number(types: Any, kind: pa.DataType) -> bool:
    return bool(types.is_floating(kind) or types.is_integer(kind))
