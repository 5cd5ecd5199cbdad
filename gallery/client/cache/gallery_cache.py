"""The cache of one gallery: tables of references with their hints, and check sums.

What is kept is what the server has, byte for byte: sealed labels, keyed hashes, the owner's signed
header of each table, sealed check sums. It is believed as little as the server. A table counts if
the manifest, which is always asked for, names the authentication code of its header, if that is the
owner's, and if it has the digest that the header states; check sums are known by the digest of what
was read here, and open for the blocks of one manifest only. So nothing in the folder, of whatever
age or origin, stands for something else.
"""

from __future__ import annotations

from collections.abc import Iterable

from gallery.client.cache.cache_folder import CacheFolder, drop_files, kept_files
from gallery.client.integrity.authentication import Authenticator
from gallery.errors import AuthenticationError, GalleryError
from gallery.messages import BlockReferences, Manifest, ManifestEntry, SealedCheckSums
from gallery.messages.sizes import MessageSizes

_CHECK_SUMS = "check-sums"


class GalleryCache:
    """What is kept of one gallery in a `CacheFolder`.

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
        path = self._path / _name(entry)
        data = self._folder.read(path, self._sizes.references)
        try:
            return None if data is None else self._checked(data, entry)
        except GalleryError:
            self._folder.remove(path)
            return None

    def holds_references(self) -> bool:
        """Tell whether anything is kept, of whatever manifest, that need not be sent again."""
        return any(name != _CHECK_SUMS for name in kept_files(self._path))

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
        """Drop the references that a manifest does not name: of them, somebody was erased."""
        named = {_name(entry) for entry in manifest.entries}
        drop_files(self._path, lambda name: name in named or name == _CHECK_SUMS)

    def drop(self) -> None:
        """Drop all that is kept of the gallery."""
        drop_files(self._path, lambda _: False)

    def keep(self, blocks: Iterable[BlockReferences], check_sums: SealedCheckSums | None) -> bool:
        """Keep what was checked or written, as far as there is room; tell whether any was new."""
        kept = kept_files(self._path)
        new = [item for item in blocks if _name_of(item) not in kept]
        if check_sums == self.check_sums():
            check_sums = None
        if new or check_sums:
            self._write(new, check_sums, sum(kept.values()))
        self._folder.used(self._path)
        return bool(new or check_sums)

    def _write(
        self, blocks: list[BlockReferences], check_sums: SealedCheckSums | None, taken: int
    ) -> None:
        parts: list[tuple[str, BlockReferences | SealedCheckSums]] = []
        if check_sums:
            parts.append((_CHECK_SUMS, check_sums))
        parts += [(_name_of(block), block) for block in blocks]
        self._folder.make_room(self._path, sum(block.table.nbytes for block in blocks))
        room = self._folder.limit - taken
        for name, item in parts:
            content = item.to_bytes()
            room -= len(content)
            if room < 0 or not self._folder.write(self._path / name, content):
                break


def _name(entry: ManifestEntry) -> str:
    """Return the name of the file of a block's references: of one version, and of no other."""
    return f"{entry.index:08x}-{entry.block_mac[:16].hex()}.references"


def _name_of(block: BlockReferences) -> str:
    header = block.header
    return _name(ManifestEntry(header.index, header.version, header.mac))
