"""The parts of a gallery that a session has read, written or cached, and need not request again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from gallery.ciphertexts.blocks import capacity
from gallery.client.cache.gallery_cache import GalleryCache
from gallery.messages import (
    NO_CHECK_SUMS,
    BlockHeader,
    BlockReferences,
    EncryptedBlock,
    GalleryUpdate,
    Manifest,
    ManifestEntry,
    SealedCheckSums,
)
from gallery.parameters import find_parameters

_READERS: Final = 2
"""Threads that read the cache for a search, each a file at a time."""


class KnownParts:
    """References of all blocks, and the block that was written last, all of them checked.

    Parameters
    ----------
    cache
        The cache that has them from earlier sessions and keeps them for later ones, or None.
    """

    def __init__(self, cache: GalleryCache | None) -> None:
        self._cache = cache
        self._tables: dict[int, BlockReferences] = {}
        self._growing: EncryptedBlock | None = None
        """The block that was written last, if it has room: the next write may be to it."""

    def may_hold_references(self) -> bool:
        """Tell whether a manifest would show that references are known."""
        return self._cache is not None and self._cache.holds_references()

    def check_sums(self) -> SealedCheckSums:
        """Return the check sums that were kept last, of whatever manifest; none if none were."""
        found = None if self._cache is None else self._cache.check_sums()
        return found or NO_CHECK_SUMS

    def versions(self, manifest: Manifest | None) -> dict[int, int]:
        """Return the versions of known references by block index, the cache's of a manifest too.

        They are those of whole blocks, whatever was found in them.
        """
        if self._cache is not None and manifest is not None:
            # Files are read and hashed without the interpreter's lock.
            with ThreadPoolExecutor(_READERS) as readers:
                list(readers.map(self.references, manifest.entries))
        return {index: item.header.version for index, item in self._tables.items()}

    def references(self, entry: ManifestEntry) -> BlockReferences | None:
        """Return a block's references, or None if they are not known."""
        known = self._tables.get(entry.index)
        if known is not None and known.header.mac == entry.block_mac:
            return known
        found = None if self._cache is None else self._cache.references(entry)
        if found is not None:
            self._tables[entry.index] = found
        return found

    def references_of(self, header: BlockHeader) -> BlockReferences | None:
        """Return the references that a checked header states, if they were read before."""
        known = self._tables.get(header.index)
        return known if known is not None and known.header == header else None

    def take(self, found: BlockReferences) -> None:
        """Take references that were checked."""
        self._tables[found.header.index] = found

    def block(self, header: BlockHeader) -> EncryptedBlock | None:
        """Return the block that a checked header states, or None if it is not known."""
        if self._growing is not None and self._growing.header == header:
            return self._growing
        return None if self._cache is None else self._cache.block(header)

    def wrote(self, update: GalleryUpdate, tables: Iterable[BlockReferences]) -> None:
        """Take what was written, with the references of its blocks."""
        self._tables |= {item.header.index: item for item in tables}
        for item in update.blocks:
            has_room = len(item.references) < capacity(
                find_parameters(item.block.header.parameters)
            )
            self._growing = item.block if has_room else None

    def drop_all_but(self, manifest: Manifest) -> None:
        """Drop what may hold somebody whom a newer manifest shows to be erased."""
        if self._growing is not None and not _names(manifest, self._growing.header):
            self._growing = None
        if self._cache is not None:
            self._cache.drop_all_but(manifest)

    def forget(self) -> None:
        """Forget what was read or written here; the cache, which goes by manifests, stays."""
        self._tables.clear()
        self._growing = None

    def keep_nothing(self) -> None:
        """Leave what is kept as it is from here on."""
        self._cache = None

    def keep(
        self, manifest: Manifest, check_sums: SealedCheckSums, is_newest: Callable[[], bool]
    ) -> None:
        """Keep what is known of a manifest, if the owner has seen no newer one on this machine.

        References that another process erases meanwhile must not come back. That process remembers
        its manifest before it drops what the manifest no longer names; so all that is written here
        is seen by one of the two.

        Parameters
        ----------
        manifest
            The newest manifest that was read or written here.
        check_sums
            The newest check sums; none if they are not known.
        is_newest
            Tells whether it is the newest that this owner has seen; asked again and again.
        """
        if self._cache is None:
            return
        if not manifest.entries:  # empty, or erased
            self._cache.drop()
            return
        if not is_newest():
            return
        growing = self._growing
        if growing is not None and not _names(manifest, growing.header):
            growing = None
        tables = [item for item in self._tables.values() if _names(manifest, item.header)]
        self._cache.keep(tables, check_sums, growing)
        if not is_newest():
            self._cache.drop()


def _names(manifest: Manifest, header: BlockHeader) -> bool:
    """Tell whether a manifest names this version of a block."""
    entries = manifest.entries
    return header.index < len(entries) and entries[header.index].block_mac == header.mac
