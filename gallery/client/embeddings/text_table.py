"""Embeddings out of CSV files: a column of labels, and the values in columns or in lists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np

from gallery.client.embeddings.csv_file import CsvFile
from gallery.client.embeddings.names import EMBEDDING_NAMES, LABEL_NAMES, Taken, the_only
from gallery.client.embeddings.numpy_format import Array
from gallery.errors import SourceError

_ROW_NUMBERS: Final = frozenset({"", "unnamed: 0", "index", "idx", "id"})
"""Headers of the column by which spreadsheets and pandas number rows."""

HOW_TO_WRITE: Final = (
    "Write a header line with 'label' above the labels, and above each column of values its number"
)


@dataclass(frozen=True)
class _Layout:
    """The layout of a row.

    Attributes
    ----------
    header
        Names of the columns; None where the first row is data.
    label
        The column of labels, if there is one.
    values
        The columns of values.
    as_list
        Whether the one column of values holds a list of all of them.
    """

    header: list[str] | None
    label: int | None
    values: list[int]
    as_list: bool

    def name(self, column: int) -> str:
        """Return the name of a column in messages."""
        return repr(self.header[column]) if self.header else str(column + 1)


class CsvSource:
    """A text file with a row for each embedding, separated by commas, semicolons or tabs.

    Parameters
    ----------
    path
        The file, in UTF-8.

    Raises
    ------
    SourceError
        If it is no such file.
    """

    model: str | None = None

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = CsvFile.at(path)
        first = list(islice((row for _, row in self._file.rows()), 2))
        self._layout = _find_layout(first, path)
        self.count = sum(1 for _ in self._file.rows()) - (self._layout.header is not None)
        self.has_labels = self._layout.label is not None
        self.taken = self._told()
        columns = [self._layout.name(column) for column in range(len(first[0]))]
        self.lacking_labels = (
            f"column of labels that is clear; it has {', '.join(columns[:8])}"
            f"{', ...' if len(columns) > 8 else ''}. {HOW_TO_WRITE}"
        )

    def close(self) -> None:
        """Do nothing: the file is open only while it is read."""

    def check(self) -> None:
        """Do nothing: the format has no checksums."""

    def read(self, labelled: bool) -> tuple[Array, list[str]]:
        """Return all embeddings, and their labels if they are wanted."""
        return next(self.batches(self.count or 1, labelled), (np.empty((0, 0)), []))

    def batches(self, rows: int, labelled: bool) -> Iterator[tuple[Array, list[str]]]:
        """Yield embeddings, and their labels if they are wanted, at most ``rows`` at a time."""
        incoming = self._file.rows()
        if self._layout.header is not None:
            next(incoming)
        wide = 0
        while some := list(islice(incoming, rows)):
            values = [self._values(line, row) for line, row in some]
            wide = wide or len(values[0])
            for (line, _), numbers in zip(some, values, strict=True):
                if len(numbers) != wide:
                    raise SourceError(
                        f"{self._path}, line {line}: {len(numbers)} values, "
                        f"where others have {wide}"
                    )
            column = self._layout.label
            labels = [row[column] for _, row in some] if labelled and column is not None else []
            yield np.array(values, dtype=np.float64), labels

    def _values(self, line: int, row: list[str]) -> list[float]:
        layout = self._layout
        texts: Iterable[str] = (row[column] for column in layout.values)
        if layout.as_list:
            texts = _items(row[layout.values[0]]) or ()
        found = [_number(text, self._file.delimiter) for text in texts]
        numbers = [number for number in found if number is not None]
        if not found or len(numbers) < len(found):
            at = 0 if layout.as_list or not found else found.index(None)
            raise SourceError(
                f"{self._path}, line {line}: column {layout.name(layout.values[at])} holds no "
                f"{'list of numbers' if layout.as_list else 'number'}"
            )
        return numbers

    def _told(self) -> Taken | None:
        layout = self._layout
        names = layout.header or []
        usual = layout.label is None or (names and names[layout.label].casefold() == "label")
        if usual and len(layout.values) == len(names) - (layout.label is not None):
            return None
        label = None if layout.label is None else layout.name(layout.label)
        first, last = layout.name(layout.values[0]), layout.name(layout.values[-1])
        return Taken(first if first == last else f"{first} to {last}", label, "column")


def _find_layout(first: list[list[str]], path: Path) -> _Layout:
    if not first:
        raise SourceError(f"{path} is empty")
    header = first[0] if len(first) > 1 and _is_header(first[0]) else None
    row = first[-1] if header else first[0]
    columns = range(len(row))
    if header:
        named = {header[column].strip().casefold(): column for column in columns}
        label_name = the_only(named, LABEL_NAMES)
        label = None if label_name is None else named[label_name]
        lists = [column for column in columns if _items(row[column]) and column != label]
        as_named = the_only((name for name in named if named[name] in lists), EMBEDDING_NAMES)
        if as_named is not None:
            lists = [named[as_named]]
        passed = {named[name] for name in named if name in _ROW_NUMBERS}
    else:
        texts = [column for column in columns if not _is_value(row[column])]
        label = texts[0] if len(texts) == 1 else None
        lists = [column for column in columns if _items(row[column])]
        passed = set()
    numbers = [
        column
        for column in columns
        if column != label and column not in passed and _is_number(row[column])
    ]
    if len(lists) == 1 or (numbers and not lists):
        return _Layout(header, label, lists or numbers, bool(lists))
    said = ", ".join(repr(name) for name in (header or [])[:8]) or f"{len(row)} columns, no header"
    raise SourceError(
        f"{path} has no columns of values that are clear; it has {said}. {HOW_TO_WRITE}"
    )


def _is_header(row: list[str]) -> bool:
    """Whether a first row names columns: it holds no numbers but those that count the columns."""
    numbers = [text.strip() for text in row if _is_value(text)]
    counted = ([str(place + start) for place in range(len(numbers))] for start in (0, 1))
    return not numbers or (len(numbers) > 2 and numbers in list(counted))


def _is_value(text: str) -> bool:
    return _is_number(text) or bool(_items(text))


def _is_number(text: str) -> bool:
    return _number(text, ";") is not None


def _number(text: str, delimiter: str) -> float | None:
    """Return a number; with semicolons between fields it may have a decimal comma."""
    text = text.strip()
    if delimiter == ";":
        text = text.replace(",", ".")
    try:
        # Python takes 1_0 for ten, nobody else does.
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _items(text: str) -> list[str] | None:
    """Return the texts of a list in brackets, as Python or NumPy prints one; None if it is none."""
    text = text.strip()
    if not (text.startswith("[") and text.endswith("]")):
        return None
    return text[1:-1].replace(",", " ").split()
