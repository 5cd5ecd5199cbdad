"""Sizes of reference tables: what those take that a search would send with its results."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from gallery.ciphertexts.bit_packing import packed_size
from gallery.messages import GalleryDescription, ManifestEntry
from gallery.parameters import find_parameters
from gallery.store import GalleryStore, Snapshot

GALLERIES = 256
"""Galleries whose sizes are kept."""

Sizes = dict[int, tuple[int, int]]
"""By block index: the version that the size is of, and the bytes."""


class ReferenceSizes:
    """The sizes of the reference tables of blocks, each asked of the database once.

    Any number of threads may share it.

    Parameters
    ----------
    store
        The galleries of a database.
    """

    def __init__(self, store: GalleryStore) -> None:
        self._store = store
        self._galleries: dict[bytes, Sizes] = {}

    def unknown(self, gallery_id: bytes, known: Mapping[int, int]) -> int:
        """Return the bytes in memory of the reference tables that somebody does not have yet.

        Parameters
        ----------
        gallery_id
            The gallery.
        known
            The versions of those that somebody has, by block index.

        Raises
        ------
        GalleryNotFoundError, DatabaseError
            If there is no such gallery, or the database fails.
        """
        with self._store.snapshot(gallery_id) as snapshot:
            wanted = [
                entry
                for entry in snapshot.manifest.entries
                if known.get(entry.index) != entry.version
            ]
            return sum(self._read(snapshot, wanted))

    def _read(self, snapshot: Snapshot, wanted: Sequence[ManifestEntry]) -> list[int]:
        if len(self._galleries) >= GALLERIES and snapshot.gallery_id not in self._galleries:
            self._galleries = {}
        sizes = self._galleries.setdefault(snapshot.gallery_id, {})
        stale = [entry for entry in wanted if sizes.get(entry.index, (0, 0))[0] != entry.version]
        if stale:
            hint = _hint_size(snapshot.description)
            found = snapshot.references_sizes([entry.index for entry in stale])
            for entry in stale:
                sizes[entry.index] = entry.version, found.get(entry.index, 0) + hint
        return [sizes[entry.index][1] for entry in wanted]


def _hint_size(description: GalleryDescription) -> int:
    parameters = find_parameters(description.parameters)
    shape = parameters.hint_shape
    return 0 if shape is None else packed_size(math.prod(shape), parameters.residue_bits)
