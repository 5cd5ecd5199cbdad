"""Column types that check every value that the database returns.

A database may be another's, and hold anything. A value of the wrong type is refused, and one that
is too long is not even read: its length is asked for first, in the same statement.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Dialect,
    Integer,
    LargeBinary,
    String,
    TypeDecorator,
    case,
    literal,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from gallery.errors import IntegrityError

_UNFIT_TEXT: Final = "\x1a"
"""The text that is selected in the place of one that is too long; none that is stored is that."""

_LONGEST_CHARACTER: Final = 4
"""Bytes of a character in UTF-8."""


class _BytesFit(FunctionElement[bool]):
    """Whether a value is bytes, and no more than so many; its content is not looked at."""

    type = Boolean()
    inherit_cache = True


class _TextFits(FunctionElement[bool]):
    """Whether a text has no more than so many bytes."""

    type = Boolean()
    inherit_cache = True


@compiles(_BytesFit)
@compiles(_TextFits)
def _length_fits(element: FunctionElement[bool], compiler: SQLCompiler, **options: Any) -> str:
    value, most = (compiler.process(item, **options) for item in element.clauses)
    return f"(length({value}) <= {most})"


@compiles(_BytesFit, "sqlite")
def _are_bytes(element: _BytesFit, compiler: SQLCompiler, **options: Any) -> str:
    # SQLite stores text in any column, and counts it up to its first zero alone.
    value, most = (compiler.process(item, **options) for item in element.clauses)
    return f"(typeof({value}) = 'blob' AND length({value}) <= {most})"


@compiles(_TextFits, "sqlite")
def _is_short(element: _TextFits, compiler: SQLCompiler, **options: Any) -> str:
    value, most = (compiler.process(item, **options) for item in element.clauses)
    return f"(length(CAST({value} AS BLOB)) <= {most})"


def at_most(column: ColumnElement[Any], size: int) -> ColumnElement[Any]:
    """Return bytes to select: those of a column, or none if they are more than ``size``."""
    fits = _BytesFit(column, literal(size, Integer))
    return case((column.is_(None) | fits, column), else_=literal(b"", LargeBinary))


class _Checked(TypeDecorator[Any]):
    """A column type that refuses values of another type, which SQLite would store and return.

    Parameters
    ----------
    optional
        Whether NULL belongs there too.
    """

    cache_ok = True
    wanted: type

    def __init__(self, *arguments: Any, optional: bool = False) -> None:
        super().__init__(*arguments)
        self.optional = optional

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return a value that was read, if it is what belongs there (`IntegrityError`)."""
        if value is None and self.optional:
            return None
        if type(value) is not self.wanted:
            raise IntegrityError(
                f"the database holds {type(value).__name__} where {self.wanted.__name__} belongs; "
                "restore it from a backup"
            )
        return value


class CheckedInteger(_Checked):
    """An integer of 64 bits."""

    impl = BigInteger
    wanted = int
    cache_ok = True


class CheckedSmallInteger(_Checked):
    """An integer of 32 bits."""

    impl = Integer
    wanted = int
    cache_ok = True


class CheckedText(_Checked):
    """Text.

    Parameters
    ----------
    size
        The most characters that are stored.
    optional
        Whether NULL belongs there too.
    """

    impl = String
    wanted = str
    cache_ok = True

    def __init__(self, size: int, *, optional: bool = False) -> None:
        super().__init__(size, optional=optional)
        self.size = size

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return the expression that is selected for a column of this type."""
        fits = _TextFits(column, literal(_LONGEST_CHARACTER * self.size, Integer))
        return case((column.is_(None) | fits, column), else_=literal(_UNFIT_TEXT, String))

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return a value that was read, if it is what belongs there (`IntegrityError`)."""
        if value == _UNFIT_TEXT:
            raise _unfit()
        return super().process_result_value(value, dialect)


class CheckedBytes(_Checked):
    """Bytes.

    Parameters
    ----------
    size
        The length that the table states, or None.
    most
        The most bytes that are read; by default those of ``size``. If there is neither, the reader
        of the column bounds it by `at_most`.
    optional
        Whether NULL belongs there too.
    """

    impl = LargeBinary
    wanted = bytes
    cache_ok = True

    def __init__(
        self, size: int | None = None, *, most: int | None = None, optional: bool = False
    ) -> None:
        super().__init__(*(() if size is None else (size,)), optional=optional)
        self.size, self.most = size, most

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return the expression that is selected for a column of this type."""
        most = self.most or self.size
        return column if most is None else at_most(column, most)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return a value that was read, if it is what belongs there (`IntegrityError`)."""
        if value == b"":  # nothing that is stored is empty
            raise _unfit()
        return super().process_result_value(value, dialect)


def _unfit() -> IntegrityError:
    return IntegrityError(
        "the database holds a value of another type, or longer, than any that belongs there; "
        "restore it from a backup"
    )
