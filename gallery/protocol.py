"""The protocol of the keyless side: all that a key owner can ask of it, over any transport.

The embedded service implements it on a database in the same process; another transport can carry
the same messages to another machine. No method takes or gives anything but messages.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from gallery.messages import (
    NO_CHECK_SUMS,
    BlockReferences,
    BlockResult,
    BlockUpdate,
    EncryptedBlock,
    GalleryDescription,
    GalleryUpdate,
    Manifest,
    SealedCheckSums,
    SearchRequest,
    SearchResult,
)

__all__ = ["GalleryService", "SearchObserver"]


class SearchObserver(Protocol):
    """An observer of the answer to a search, part by part, while the rest is still on its way.

    It raises if a part is not what it should be, and then nothing more is received. An answer that
    broke off and is received again begins with its manifest again.
    """

    def manifest(self, manifest: Manifest) -> None:
        """Look at the manifest, before anything else."""

    def block(self, block: BlockResult) -> None:
        """Look at the result of the next block."""


class GalleryService(Protocol):
    """The keyless side, as its callers see it.

    All methods raise `DatabaseError` if the database fails, and `GalleryNotFoundError` if they
    name a gallery that is not there.
    """

    def create_gallery(self, description: GalleryDescription, manifest: Manifest) -> None:
        """Make an empty gallery; `GalleryExistsError` if its name is taken.

        Parameters
        ----------
        description
            The gallery's description, authenticated by its owner.
        manifest
            Its first manifest, which names no block.
        """

    def gallery_names(self) -> list[str]:
        """Return the names of all galleries, sorted."""

    def describe(self, name: str) -> GalleryDescription:
        """Return the description of the gallery of that name."""

    def manifest(self, gallery_id: bytes) -> Manifest:
        """Return the newest manifest."""

    def block(self, gallery_id: bytes, index: int) -> EncryptedBlock:
        """Return the newest version of a block; `MissingBlockError` if there is none."""

    def stored_blocks(self, gallery_id: bytes) -> tuple[int, ...]:
        """Return the indices of all blocks that are stored, ascending, named or not."""

    def references(self, gallery_id: bytes, index: int) -> BlockReferences:
        """Return the references of the newest version of a block; `MissingBlockError` likewise."""

    def check_sums(self, gallery_id: bytes) -> SealedCheckSums:
        """Return the newest check sums; none for a gallery that has none."""

    def write(self, gallery_id: bytes, update: GalleryUpdate) -> None:
        """Apply an update whole.

        Parameters
        ----------
        gallery_id
            The gallery, 16 bytes.
        update
            The update, with the manifest version that its writer saw.

        Raises
        ------
        WriteConflictError
            If the gallery is at another version; nothing is written.
        ErasurePendingError
            If the update is written, but traces of what it erased are not yet gone from the
            database's files; `purge` tries again.
        """

    def purge(self) -> None:
        """Remove every trace of replaced and erased data from the database's files.

        Raises `ErasurePendingError` if other processes that read the database prevent it.
        """

    def restore(
        self,
        description: GalleryDescription,
        manifest: Manifest,
        blocks: Iterable[BlockUpdate],
        check_sums: SealedCheckSums = NO_CHECK_SUMS,
    ) -> None:
        """Make a gallery with content, whole or not at all.

        The blocks come in the order of the manifest's entries.

        Parameters
        ----------
        description
            The gallery's description, authenticated by its owner.
        manifest
            The manifest that names the blocks.
        blocks
            The blocks with their references, in the order of the manifest's entries; iterated once.
        check_sums
            The check sums of the blocks; none if the gallery's scheme has none.

        Raises
        ------
        GalleryExistsError
            If its name is taken, or the same gallery is there under another name.
        MalformedMessageError, BlockCorruptedError
            If the content does not fit together.
        """

    def replace(
        self,
        old_gallery_id: bytes,
        old_version: int,
        description: GalleryDescription,
        version: int,
    ) -> None:
        """Let a gallery take the place of an old one, which is erased, in one step.

        Parameters
        ----------
        old_gallery_id, old_version
            The gallery to erase, and the manifest version that it must be at.
        description, version
            The new description of the gallery that it names by its identifier, with the old name;
            and the manifest version that this gallery must be at.

        Raises
        ------
        WriteConflictError
            If one of the two has moved on; nothing is changed.
        ErasurePendingError
            If it is done, but traces of the old gallery are not yet gone.
        """

    def update_description(self, former_mac: bytes, description: GalleryDescription) -> None:
        """Put a new description in the place of the one that has the given MAC.

        Parameters
        ----------
        former_mac
            Authentication code of the description to replace, 32 bytes.
        description
            The new description of the same gallery.

        Raises
        ------
        WriteConflictError
            If the gallery has another description by now; nothing is changed.
        MalformedMessageError
            If more than the calibration would change.
        """

    def delete(self, gallery_id: bytes) -> None:
        """Erase a gallery; `ErasurePendingError` as for `write`."""

    def search(
        self, request: SearchRequest, observer: SearchObserver | None = None
    ) -> SearchResult:
        """Compare probes with every position of every block, as of one manifest.

        Parameters
        ----------
        request
            The probes.
        observer
            Is shown each part of the answer as it comes, by a service that receives it from
            elsewhere, so that whoever is there cannot fill this program's memory. A service that
            computes its answer here may leave the observer alone.

        Returns
        -------
        SearchResult
            The manifest that the search saw, and the results of its blocks as they come.

        Raises
        ------
        KeyMismatchError
            If a probe is encrypted under another key than the gallery.
        ParameterSetError, DimensionMismatchError
            If a probe has another parameter set or dimension than the gallery.
        BlockCorruptedError, MissingBlockError
            If the database has lost or damaged a block.
        """
