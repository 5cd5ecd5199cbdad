"""Tables of people: a line for each, with what is to be known of the person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from gallery.client.embeddings.csv_file import CsvFile
from gallery.client.embeddings.names import LABEL_NAMES, the_only
from gallery.client.integrity.labels import normalize_label
from gallery.client.integrity.person_details import DetailsChange, PersonDetails, normalize_name
from gallery.dates import FORMS, NEVER, parse_moment
from gallery.errors import GalleryError, InvalidAttributeError, InvalidLabelError, SourceError
from gallery.spreadsheets import without_apostrophe

_LABEL, _EXPIRES = "label", "expires"
_OF_LISTS: Final = frozenset(
    {"references", "first_enrolled", "last_enrolled", "undated", "expired", "attributes"}
)
"""Titles of lists of people that are no attributes."""


@dataclass(frozen=True)
class PeopleTable:
    """A table of people, read.

    Attributes
    ----------
    label_title
        The title of the column that labels were taken from.
    changes
        What is to change of each, by normalised label.
    """

    label_title: str
    changes: dict[str, DetailsChange]


def read_people_table(file: CsvFile, *, unset_empty: bool = False) -> PeopleTable:
    """Read a table: a column of labels, ``expires`` perhaps, and a column for each attribute.

    Parameters
    ----------
    file
        The file, with a line of titles.
    unset_empty
        Whether people lose what their field is empty of; else that stays as it is.

    Raises
    ------
    SourceError, InvalidLabelError, InvalidAttributeError
        If it is no such table; the message names the line.
    OSError
        If it cannot be read.
    """
    rows = file.rows()
    first = next(rows, (1, []))
    titles = _Titles.of(f"{file.name}, line {first[0]}", first[1])
    changes: dict[str, DetailsChange] = {}
    lines: dict[str, int] = {}
    for line, fields in rows:
        texts = [without_apostrophe(field).strip() for field in fields]
        if not any(texts):
            continue
        try:
            label = normalize_label(texts[titles.label])
            if label in lines:
                raise InvalidLabelError(f"{label!r} stands in line {lines[label]} already")
            changes[label], lines[label] = titles.change(texts, unset_empty), line
        except GalleryError as error:
            raise type(error)(f"{file.name}, line {line}: {error.message}") from error
    if not changes:
        raise SourceError(f"{file.name} names nobody: it has no line below its titles")
    return PeopleTable(titles.names[titles.label], changes)


@dataclass(frozen=True)
class _Titles:
    """The titles of a table.

    Attributes
    ----------
    names
        The titles, in the order of columns.
    label
        The column of labels.
    expires
        The column of expiries, if there is one.
    """

    names: Sequence[str]
    label: int
    expires: int | None

    @classmethod
    def of(cls, where: str, titles: Sequence[str]) -> _Titles:
        """Return the titles of a table (`GalleryError` if they are not clear)."""
        names = [without_apostrophe(title).strip() for title in titles]
        known = [name.casefold() for name in names]
        label = _LABEL if _LABEL in known else the_only(known, LABEL_NAMES)
        if label is None or known.count(label) > 1:
            said = ", ".join(map(repr, names[:8])) or "nothing"
            raise SourceError(f"{where}: one column must have the title 'label'; there is {said}")
        plain = [_EXPIRES if name.casefold() == _EXPIRES else name for name in names]
        if twice := next((name for name in plain if name and plain.count(name) > 1), None):
            raise SourceError(f"{where}: two columns have the title {twice!r}")
        if strange := [name for name in names if name.casefold() in _OF_LISTS]:
            raise SourceError(
                f"{where}: these columns are of a list of people, and no attributes: "
                f"{', '.join(strange)}; take them out, and give each attribute a column of its own"
            )
        if len(names) == 1:
            raise SourceError(f"{where}: there are labels and nothing else, so nothing changes")
        expires = known.index(_EXPIRES) if _EXPIRES in known else None
        found = cls(names, known.index(label), expires)
        try:
            for name, _ in found._attributes(names):
                normalize_name(name)
        except InvalidAttributeError as error:
            raise InvalidAttributeError(f"{where}: {error.message}") from error
        return found

    def change(self, texts: Sequence[str], unset_empty: bool) -> DetailsChange:
        """Return what a line says (`GalleryError` if that cannot be)."""
        attributes = dict(self._attributes(texts))
        empty = [name for name, text in attributes.items() if not text]
        given = {name: text for name, text in attributes.items() if text}
        expiry = None if self.expires is None else texts[self.expires]
        return DetailsChange(
            PersonDetails(given, _moment(expiry) if expiry else None),
            without=empty if unset_empty else (),
            unlimited=expiry == NEVER or (unset_empty and expiry == ""),
        )

    def _attributes(self, texts: Sequence[str]) -> Iterator[tuple[str, str]]:
        for column, (name, text) in enumerate(zip(self.names, texts, strict=True)):
            # Spreadsheets save columns that are all empty.
            if column not in (self.label, self.expires) and (name or text):
                yield name, text


def _moment(text: str) -> int | None:
    """Return the seconds since 1970 UTC that a field names; None for never."""
    if text == NEVER:
        return None
    if (found := parse_moment(text)) is None:
        raise SourceError(f"the expiry {text!r} is none; write {FORMS}, or {NEVER}")
    return int(found.timestamp())
