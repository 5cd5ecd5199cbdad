"""Embeddings out of Parquet files, some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gallery.client.embeddings.names import EMBEDDING_NAMES, LABEL_NAMES, Taken, the_only
from gallery.client.embeddings.numpy_format import Array
from gallery.errors import MissingDependencyError, SourceError

if TYPE_CHECKING:
    import pyarrow as pa

EMBEDDING, LABEL = "embedding", "label"
"""Names of the columns."""

MODEL = b"model"
"""Key of the file's metadata that names the model, if it does."""

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

    Other names are taken where only one column can be meant.

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
        self._file = self._open()
        schema = self._file.schema_arrow
        self._at = self._name_of_embeddings(schema)
        self._labels_at = _name_of_labels(schema, self._at)
        if self._labels_at is not None:
            self._file.close()
            # A label that thousands of rows have is read once.
            self._file = self._open(read_dictionary=[self._labels_at])
        self.count = int(self._file.metadata.num_rows)
        self.has_labels = self._labels_at is not None
        usual = self._at == EMBEDDING and self._labels_at in (LABEL, None)
        self.taken = None if usual else Taken(self._at, self._labels_at, "column")
        columns = ", ".join(f"{field.name!r} {field.type}" for field in schema)
        self.lacking_labels = f"column 'label', one for each embedding; it has {columns}"
        model = (schema.metadata or {}).get(MODEL)
        self.model = None if model is None else str(model.decode("utf-8", "replace"))

    def _open(self, **options: Any) -> Any:
        # A row group may be as large as the file, so pages are read, not row groups.
        return self._pa.parquet.ParquetFile(
            self._path,
            buffer_size=_READ_AT_ONCE,
            pre_buffer=False,
            page_checksum_verification=True,
            **options,
        )

    def _name_of_embeddings(self, schema: pa.Schema) -> str:
        if EMBEDDING in schema.names:
            return EMBEDDING
        fitting = [field.name for field in schema if _is_list(self._pa, field.type)]
        named = the_only(fitting, EMBEDDING_NAMES)
        if named is None and len(fitting) == 1:
            named = fitting[0]
        if named is None:
            self.close()
            raise SourceError(
                f"{self._path} has no column {EMBEDDING!r}; it has "
                f"{', '.join(schema.names) or 'none'}. Write a column {EMBEDDING!r} with a list of "
                f"numbers in each row, and a column {LABEL!r}"
            )
        return str(named)

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
        labels_at = self._labels_at if labelled else None
        columns = [self._at] if labels_at is None else [self._at, labels_at]
        held: list[tuple[Array, list[str]]] = []
        missing = rows
        # Each is of one dictionary of labels, and so may end with a row group.
        for batch in self._file.iter_batches(rows, columns=columns, use_threads=False):
            labels = [] if labels_at is None else self._labels(batch.column(labels_at))
            numbers = self._embeddings(batch.column(self._at))
            while len(numbers):
                held.append((numbers[:missing], labels[:missing]))
                numbers, labels = numbers[missing:], labels[missing:]
                missing -= len(held[-1][0])
                if not missing:
                    yield self._joined(held)
                    held, missing = [], rows
        if held:
            yield self._joined(held)

    def _joined(self, parts: list[tuple[Array, list[str]]]) -> tuple[Array, list[str]]:
        if len(parts) == 1:
            return parts[0]
        if len({some.shape[1] for some, _ in parts}) > 1:
            raise self._uneven()
        labels = [label for _, some in parts for label in some]
        return np.concatenate([some for some, _ in parts]), labels

    def _embeddings(self, column: pa.Array) -> Array:
        kind = column.type
        if not _is_list(self._pa, kind):
            raise SourceError(
                f"{self._path}: column {self._at!r} must hold lists of numbers; found {kind}"
            )
        if column.null_count:
            raise self._uneven()
        if isinstance(kind, self._pa.BaseExtensionType):  # a tensor of one shape
            column, kind = column.storage, kind.storage_type
        if _is_view(self._pa.types, kind):
            # Views may overlap, and most functions know nothing of them.
            column = column.cast(self._pa.large_list(kind.value_type))
        values = column.flatten()
        sizes = self._pa.compute.list_value_length(column).to_numpy(zero_copy_only=False)
        if values.null_count or len(set(sizes.tolist())) > 1:
            raise self._uneven()
        numbers: Array = values.to_numpy(zero_copy_only=False)
        return numbers.reshape(len(column), -1)

    def _uneven(self) -> SourceError:
        return SourceError(
            f"{self._path}: column {self._at!r} has rows that are missing, or not as long as "
            "the others"
        )

    def _labels(self, column: pa.Array) -> list[str]:
        types, kind = self._pa.types, column.type
        if types.is_dictionary(kind):
            kind = kind.value_type
        text = _is_text(types, kind) or types.is_integer(kind)
        if not text or column.null_count:
            found = "rows without one" if text else column.type
            raise SourceError(
                f"{self._path}: column {self._labels_at!r} must hold a text in every row; found "
                f"{found}"
            )
        if not types.is_dictionary(column.type):
            return [str(label) for label in column.to_pylist()]
        used, places = np.unique(column.indices.to_numpy(), return_inverse=True)
        known = [str(label) for label in column.dictionary.take(self._pa.array(used)).to_pylist()]
        return [known[place] for place in places.tolist()]


def _name_of_labels(schema: pa.Schema, embeddings: str) -> str | None:
    if LABEL in schema.names:
        return LABEL
    return the_only((name for name in schema.names if name != embeddings), LABEL_NAMES)


def _is_text(types: Any, kind: pa.DataType) -> bool:
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _is_list(pa: Any, kind: pa.DataType) -> bool:
    """Whether a column of this type may hold embeddings: lists of numbers, of any kind."""
    types = pa.types
    if isinstance(kind, pa.FixedShapeTensorType):
        return _is_number(types, kind.value_type)
    lists = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    return (lists or _is_view(types, kind)) and _is_number(types, kind.value_type)


def _is_view(types: Any, kind: pa.DataType) -> bool:
    return bool(types.is_list_view(kind) or types.is_large_list_view(kind))


def _is_number(types: Any, kind: pa.DataType) -> bool:
    return bool(types.is_floating(kind) or types.is_integer(kind))
