"""The state of a gallery at one version of its manifest, and the lookup of references in it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gallery.messages import (
    TAG_SIZE,
    BlockReferences,
    IdentifierField,
    Manifest,
    ReferenceTable,
    StoredReference,
)


@dataclass(frozen=True)
class GalleryState:
    """One consistent, checked state of a gallery: its manifest and all of its references."""

    manifest: Manifest
    blocks: tuple[BlockReferences, ...]

    def __len__(self) -> int:
        return sum(len(block.table) for block in self.blocks)

    def find(
        self, field: IdentifierField, sought: Collection[bytes]
    ) -> Iterator[tuple[int, StoredReference]]:
        """Yield block index and reference of all that have a sought value in a field, in order."""
        lookup = ReferenceLookup(field, sought)
        for index, block in enumerate(self.blocks):
            for reference in lookup.matches(block.table):
                yield index, reference

    def first(
        self, field: IdentifierField, sought: Collection[bytes]
    ) -> dict[bytes, StoredReference]:
        """Return one reference for each sought value that some have, by value."""
        left, found = set(sought), dict[bytes, StoredReference]()
        for block in self.blocks:
            if not left:
                break
            here = ReferenceLookup(field, left).first_matches(block.table)
            found |= here
            left -= here.keys()
        return found


class ReferenceLookup:
    """A search for references by one of their fields, among any number of tables.

    Objects are made of what is found alone: to look through a million references for a block's
    worth of values takes some hundredths of a second.

    Parameters
    ----------
    field
        The field.
    sought
        The values that are looked for, 16 bytes each.
    """

    def __init__(self, field: IdentifierField, sought: Collection[bytes]) -> None:
        self._field, self._sought = field, frozenset(sought)
        values = np.frombuffer(b"".join(self._sought), np.uint8).reshape(-1, TAG_SIZE)
        self._leading = np.sort(_leading(values))

    def matches(self, table: ReferenceTable) -> list[StoredReference]:
        """Return the references of a table that have a sought value in the field, by position."""
        return self._among(table, self._equal(table))

    def first_matches(self, table: ReferenceTable) -> dict[bytes, StoredReference]:
        """Return the first reference of a table for each sought value that some have."""
        equal = self._equal(table)
        if not len(equal):
            return {}
        leading = _leading(table.packed.identifiers(self._field, equal))
        _, first = np.unique(leading, return_index=True)
        return {getattr(item, self._field): item for item in self._among(table, equal[first])}

    def _equal(self, table: ReferenceTable) -> npt.NDArray[np.intp]:
        """Return the numbers of the references of a table whose value begins as a sought one."""
        if not self._sought or not len(table):
            return np.empty(0, np.intp)
        # Values are random or keyed hashes: eight bytes of them tell nearly all apart.
        leading = _leading(table.packed.identifiers(self._field))
        # A value above all sought ones gets the last place, where it is not equal either.
        places = np.minimum(np.searchsorted(self._leading, leading), len(self._leading) - 1)
        return np.flatnonzero(self._leading[places] == leading)

    def _among(self, table: ReferenceTable, numbers: npt.NDArray[np.intp]) -> list[StoredReference]:
        """Return those of some references of a table that do have a sought value."""
        candidates = (table.references[number] for number in numbers.tolist())
        return [item for item in candidates if getattr(item, self._field) in self._sought]


def _leading(values: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """Return the first eight bytes of values, shape (n, 16), as numbers, shape (n,)."""
    return np.ascontiguousarray(values[:, :8]).view(np.uint64)[:, 0]
