"""Text files of rows: fields between commas, semicolons or tabs, as spreadsheets save them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Final, TextIO

from gallery.client.regular_file import open_regular
from gallery.errors import SourceError

_DELIMITERS: Final = (",", ";", "\t")
_LONGEST_FIELD: Final = 2**20
"""Characters of one field, as a list of 4,096 numbers; csv's own limit is an eighth of it."""


class CsvFile:
    """A file of rows that have as many fields as the first.

    Parameters
    ----------
    name
        What it is called in messages.
    opened
        Opens it, each time that it is read; its text is UTF-8.

    Raises
    ------
    SourceError
        If it is not text in UTF-8.
    OSError
        If it cannot be read.

    Attributes
    ----------
    name
        What it is called in messages.
    delimiter
        What stands between fields: of the three the one that the first line has most of.
    """

    def __init__(self, name: str, opened: Callable[[], IO[bytes]]) -> None:
        self.name, self._opened = name, opened
        csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_FIELD))
        with self._reading() as file:
            line = file.readline(_LONGEST_FIELD)  # in more of it, a field could be too long
        self.delimiter = max(
            _DELIMITERS, key=lambda mark: len(next(csv.reader([line], delimiter=mark), []))
        )

    @classmethod
    def at(cls, path: Path) -> CsvFile:
        """Return the file at a path; it must be a regular one."""
        return cls(str(path), partial(open_regular, path))

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the number of its last line and the fields of each row that is not empty.

        Raises
        ------
        SourceError
            If a row has more or fewer fields than the first, or is no CSV.
        """
        with self._reading() as file:
            reader, wide = csv.reader(file, delimiter=self.delimiter), 0
            try:
                for row in reader:
                    if not row:
                        continue
                    wide = wide or len(row)
                    if len(row) != wide:
                        raise SourceError(
                            f"{self.name}, line {reader.line_num}: {len(row)} fields, where the "
                            f"first row has {wide}"
                        )
                    yield reader.line_num, row
            except csv.Error as error:
                raise SourceError(f"{self.name}, line {reader.line_num}: {error}") from error

    @contextmanager
    def _reading(self) -> Iterator[TextIO]:
        try:
            with io.TextIOWrapper(self._opened(), "utf-8-sig", newline="") as file:
                yield file
        except UnicodeDecodeError as error:
            raise SourceError(f"{self.name} is not text in UTF-8: save it as that") from error
