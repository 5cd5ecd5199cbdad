"""The cache of one gallery: tables of references with their hints, check sums, and one block.

The cache holds what the server has, byte for byte: sealed labels, keyed hashes, ciphertexts, the
owner's signed headers, sealed check sums. It is believed as little as the server. A table or block
counts if the manifest, which is always asked for, names the authentication code of its header, if
that is the owner's, and if it has the digest that the header states; check sums are known by the
digest of what was read here, and open for the blocks of one manifest only. So nothing in the
folder, of whatever age or origin, stands for something else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gallery.client.cache.cache_folder import CacheFolder, drop_files, kept_files
from gallery.client.integrity.authentication import Authenticator
from gallery.errors import AuthenticationError, GalleryError
from gallery.messages import (
    BlockHeader,
    BlockReferences,
    EncryptedBlock,
    Manifest,
    ManifestEntry,
    SealedCheckSums,
)
from gallery.messages.sizes import MessageSizes

_CHECK_SUMS: Final = "check-sums"
_REFERENCES: Final = ".references"
_BLOCK: Final = ".block"


class GalleryCache:
    """The part of a `CacheFolder` that belongs to one gallery.

    Parameters
    ----------
    folder
        Where.
    place
        The identifier that the gallery's states are seen under.
    authenticator
        Checks the owner's statements.
    sizes
        Of the gallery's messages.
    """

    def __init__(
        self, folder: CacheFolder, place: bytes, authenticator: Authenticator, sizes: MessageSizes
    ) -> None:
        self._folder, self._authenticator, self._sizes = folder, authenticator, sizes
        self._path = folder.folder_of(place)

    def references(self, entry: ManifestEntry) -> BlockReferences | None:
        """Return a block's references, checked, or None if they are not kept, or are damaged."""
        path = self._path / (_stem(entry) + _REFERENCES)
        data = self._folder.read(path, self._sizes.references)
        try:
            return None if data is None else self._checked(data, entry)
        except GalleryError:
            self._folder.remove(path)
            return None

    def holds_references(self) -> bool:
        """Tell whether anything is kept, of whatever manifest, that need not be sent again."""
        return any(name.endswith(_REFERENCES) for name in kept_files(self._path))

    def block(self, header: BlockHeader) -> EncryptedBlock | None:
        """Return a block, as its checked header states it, or None if it is not kept."""
        path = self._path / (_stem_of(header) + _BLOCK)
        data = self._folder.read(path, self._sizes.relabelled_block)
        try:
            if data is None:
                return None
            found = EncryptedBlock.from_bytes(data)
            if found.header != header:
                raise AuthenticationError("the block is another one")
            found.check()
            return found
        except GalleryError:
            self._folder.remove(path)
            return None

    def check_sums(self) -> SealedCheckSums | None:
        """Return the sealed check sums that were kept last, whatever manifest they are of."""
        data = self._folder.read(self._path / _CHECK_SUMS, self._sizes.check_sums)
        try:
            return None if data is None else SealedCheckSums.from_bytes(data)
        except GalleryError:
            return None

    def _checked(self, data: bytes, entry: ManifestEntry) -> BlockReferences:
        found = BlockReferences.from_bytes(data)
        self._authenticator.check_header(found.header, entry)
        if found.table.digest() != found.header.references_digest:
            raise AuthenticationError("the references are not those that the header states")
        return found

    def drop_all_but(self, manifest: Manifest) -> None:
        """Drop references and block that a manifest does not name: of them, somebody was erased."""
        named = {_stem(entry) for entry in manifest.entries}
        drop_files(self._path, lambda name: name == _CHECK_SUMS or name.partition(".")[0] in named)

    def drop(self) -> None:
        """Drop all that is kept of the gallery."""
        drop_files(self._path, lambda _: False)

    def keep(
        self,
        tables: Iterable[BlockReferences],
        check_sums: SealedCheckSums,
        block: EncryptedBlock | None = None,
    ) -> None:
        """Keep what was checked or written, as far as there is room.

        Parameters
        ----------
        tables
            References of blocks.
        check_sums
            The newest; none if they are not known.
        block
            One to which somebody may be added next, in the place of the one that was kept.
        """
        kept = kept_files(self._path)
        parts: list[tuple[str, _Message]] = []
        if check_sums and check_sums != self.check_sums():
            parts.append((_CHECK_SUMS, check_sums))
        parts += [(_stem_of(item.header) + _REFERENCES, item) for item in tables]
        if block is not None:
            name = _stem_of(block.header) + _BLOCK
            drop_files(self._path, lambda other: other == name or not other.endswith(_BLOCK))
            parts.append((name, block))
        new = [(name, item) for name, item in parts if name == _CHECK_SUMS or name not in kept]
        if new:
            self._write(new, sum(kept.values()))
        self._folder.used(self._path)

    def _write(self, parts: list[tuple[str, _Message]], taken: int) -> None:
        self._folder.make_room(self._path, sum(_size(item) for _, item in parts))
        room = self._folder.limit - taken
        for name, item in parts:
            content = item.to_bytes()
            room -= len(content)
            if room < 0 or not self._folder.write(self._path / name, content):
                break


_Message = BlockReferences | SealedCheckSums | EncryptedBlock


def _size(item: _Message) -> int:
    """Return about how many bytes a message has."""
    if isinstance(item, BlockReferences):
        return item.table.nbytes
    return len(item.sealed) if isinstance(item, SealedCheckSums) else item.columns.nbytes


def _stem(entry: ManifestEntry) -> str:
    """Return the beginning of the names of files of one version of a block, and of no other."""
    return f"{entry.index:08x}-{entry.block_mac[:16].hex()}"


def _stem_of(header: BlockHeader) -> str:
    return _stem(ManifestEntry(header.index, header.version, header.mac))
