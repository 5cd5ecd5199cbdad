"""The editor of blocks: it decrypts a block, and encrypts and signs what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from gallery.arrays import Floats
from gallery.ciphertexts.blocks import (
    canary_positions,
    position_count,
    reference_positions,
)
from gallery.client.gallery_state import GalleryState
from gallery.client.keys.secrets import Secret
from gallery.client.scheme import ResultCheck
from gallery.client.session import GallerySession
from gallery.errors import (
    AuthenticationError,
    GalleryError,
    MissingBlockError,
    WriteConflictError,
)
from gallery.hints import Hint
from gallery.messages import (
    NO_CHECK_SUMS,
    BlockHeader,
    BlockReferences,
    BlockUpdate,
    EncryptedBlock,
    GalleryUpdate,
    Manifest,
    ManifestEntry,
    ReferenceTable,
    StoredReference,
    columns_digest,
    pack_occupancy,
)
from gallery.messages.manifest import MAX_BLOCKS


@dataclass(eq=False)
class PlaintextBlock(Secret):
    """A block in plaintext, on the owner's side.

    Attributes
    ----------
    index
        Number of the block within the gallery.
    templates
        Vectors on the grid, shape (positions, d); zero where no reference is.
    references
        The references by position.
    """

    index: int
    templates: Floats
    references: dict[int, StoredReference] = field(default_factory=dict)

    __repr__ = Secret.__repr__

    def put(self, reference: StoredReference, template: Floats) -> None:
        """Add a reference at its own position."""
        self.references[reference.position] = reference
        self.templates[reference.position] = template

    def take(self, position: int) -> tuple[StoredReference, Floats]:
        """Take a reference out; return it with its template."""
        template = self.templates[position].copy()
        self.templates[position] = 0.0
        return self.references.pop(position), template


class BlockEditor:
    """Opens and writes the blocks of one gallery."""

    def __init__(self, session: GallerySession) -> None:
        self._session = session
        self._usable = reference_positions(session.parameters)
        self._read: dict[int, EncryptedBlock] = {}

    def new(self, index: int) -> PlaintextBlock:
        """Return an empty block."""
        session = self._session
        shape = position_count(session.parameters), session.description.dimension
        return PlaintextBlock(index, np.zeros(shape))

    def open(self, state: GalleryState, index: int) -> PlaintextBlock:
        """Read and decrypt a block of a checked state; a new one if the index is the next.

        Raises
        ------
        WriteConflictError
            If the block has changed since the state was read.
        IntegrityError
            If it is not what its owner wrote.
        """
        if index == len(state.blocks):
            return self.new(index)
        session, known = self._session, state.blocks[index]
        try:
            block = session.block(known.header)
        except MissingBlockError:
            if session.is_superseded(state.manifest.entries[index]):
                raise WriteConflictError("the block was dropped before it was read") from None
            raise
        if block.header != known.header:
            raise WriteConflictError("the block changed while it was read")
        block.check()
        dimension = session.description.dimension
        templates = session.scheme.open_block(block)
        canaries = session.canaries.templates(index, known.header.encryption_version, dimension)
        reserved = canary_positions(session.parameters)
        if not np.array_equal(templates[reserved], canaries):
            raise AuthenticationError(
                f"block {index} does not decrypt to what was encrypted; nothing was written",
                hint=Hint.VERIFY_KEY_FILE_AND_GALLERY,
            )
        templates[~known.header.occupied()] = 0.0
        self._read[index] = block
        return PlaintextBlock(index, templates, {item.position: item for item in known.table})

    def free_positions(self, block: PlaintextBlock) -> list[int]:
        """Return the positions of a block that can take a reference, ascending."""
        return [position for position in self._usable.tolist() if position not in block.references]

    def free_count(self, state: GalleryState, index: int) -> int:
        """Return the number of free positions of a block of a state, without opening it."""
        return len(self._usable) - len(state.blocks[index].table)

    def write(
        self,
        state: GalleryState,
        blocks: Sequence[PlaintextBlock],
        count: int,
        *,
        purge: bool = False,
    ) -> None:
        """Encrypt, sign and write blocks in one update, after which there are ``count`` blocks.

        Blocks of the state with an index of ``count`` or more are dropped. With ``purge``, what is
        replaced is removed from the database's files as well.

        Raises
        ------
        GalleryError
            If there would be more blocks than a gallery can have; nothing is written.
        WriteConflictError
            If the gallery is no longer at the state; nothing is written.
        ErasurePendingError
            If it is written, but traces of what was replaced could not be removed yet.
        """
        if count > MAX_BLOCKS:
            raise GalleryError(
                f"a gallery has at most {MAX_BLOCKS} blocks; enroll into another gallery"
            )
        manifest = state.manifest
        version = manifest.version + 1
        entries = dict(enumerate(manifest.entries[:count]))
        updates = []
        for block in blocks:
            update = self._seal(block, version)
            header = update.block.header
            entries[block.index] = ManifestEntry(block.index, version, header.mac)
            updates.append(update)
        session = self._session
        ordered = [entries[index] for index in range(count)]
        signed = session.authenticator.successor(manifest, ordered)
        check = self._check_after(state, updates, count)
        sealed = NO_CHECK_SUMS if check is None else session.check_sums.seal(signed, check)
        change = GalleryUpdate(manifest.version, signed, tuple(updates), purge, sealed)
        session.write(
            change, [BlockReferences(item.block.header, item.references) for item in updates]
        )
        if check is not None:
            session.check_sums.accept(signed, sealed, check)

    def _check_after(
        self, state: GalleryState, updates: Sequence[BlockUpdate], count: int
    ) -> ResultCheck | None:
        """Return the check of results after an update, or None if the scheme has none."""
        keeper = self._session.check_sums
        if not keeper.are_kept:
            return None
        check = keeper.copy(newest_check(self._session, state.manifest))
        changed = {item.block.header.index for item in updates}
        for index in range(len(state.blocks)):
            if index in changed or index >= count:
                former = self._former(state, index)
                check.remove(former.header, former.columns)
        for item in updates:
            check.add(item.block.header, item.block.columns)
        return check

    def _former(self, state: GalleryState, index: int) -> EncryptedBlock:
        """Return the block of a state, read before or now."""
        header = state.blocks[index].header
        found = self._read.pop(index, None)
        if found is None or found.header != header:
            found = self._session.block(header)
            if found.header != header:
                raise WriteConflictError("the block changed while it was read")
            found.check()
        return found

    def _seal(self, block: PlaintextBlock, version: int) -> BlockUpdate:
        session, dimension = self._session, self._session.description.dimension
        occupied = np.zeros(position_count(session.parameters), dtype=bool)
        occupied[list(block.references)] = True
        reserved, templates = canary_positions(session.parameters), block.templates.copy()
        templates[reserved] = session.canaries.templates(block.index, version, dimension)
        filled = occupied.copy()
        filled[reserved] = True
        encryption = session.scheme.encrypt_block(templates, filled, block.index, version)
        table = ReferenceTable.of(
            session.gallery_id,
            block.index,
            version,
            block.references.values(),
            encryption.hint,
        )
        header = BlockHeader(
            gallery_id=session.gallery_id,
            index=block.index,
            version=version,
            parameters=session.parameters.name,
            dimension=dimension,
            occupancy=pack_occupancy(occupied),
            columns_digest=columns_digest(encryption.columns),
            references_digest=table.digest(),
            columns=encryption.column_count,
            nonce=encryption.nonce,
        )
        signed = session.authenticator.sign(header)
        return BlockUpdate(EncryptedBlock(signed, encryption.columns, encryption.seed), table)


def newest_check(session: GallerySession, manifest: Manifest) -> ResultCheck:
    """Return the check of the results of a state, of a gallery that has check sums.

    Raises
    ------
    WriteConflictError
        If the gallery has moved on.
    """
    try:
        found = session.check_sums.opened(manifest, NO_CHECK_SUMS)
    except AuthenticationError:
        found = _fetched_check(session, manifest)
    assert found is not None
    return found


def _fetched_check(session: GallerySession, manifest: Manifest) -> ResultCheck | None:
    sealed = session.service.check_sums(session.gallery_id)
    try:
        return session.check_sums.opened(manifest, sealed)
    except AuthenticationError:
        if session.manifest().entries != manifest.entries:
            raise WriteConflictError("the gallery changed while it was read") from None
        raise
