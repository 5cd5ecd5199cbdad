"""The authentication of the owner's statements: they are signed, and checked before use."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, Self, TypeVar

from gallery.client.integrity import clock
from gallery.client.keys.secrets import GalleryKey, SubKey
from gallery.errors import AuthenticationError, KeyMismatchError, SwappedBlockError
from gallery.hints import Hint
from gallery.messages import ID_SIZE, BlockHeader, GalleryDescription, Manifest, ManifestEntry


class _Statement(Protocol):
    @property
    def mac(self) -> bytes: ...

    def statement(self) -> bytes: ...

    def with_mac(self, mac: bytes) -> Self: ...


_S = TypeVar("_S", bound=_Statement)


class Authenticator:
    """Signs and checks the statements of one gallery with HMAC-SHA-256.

    Statements of different kinds start with different message types, so one key serves them all.

    A gallery that was restored from a backup has its blocks, identifier and secrets in common with
    the one that was backed up. Its description and its manifests are signed with a key of their
    own, which the name is part of: neither of the two can be shown for the other.

    Parameters
    ----------
    key
        The owner's key.
    gallery_id
        The gallery, 16 bytes.
    restored_as
        The gallery's name, if it was restored from a backup.
    """

    def __init__(self, key: GalleryKey, gallery_id: bytes, restored_as: str | None = None) -> None:
        self._of_blocks = self._of_gallery = key.subkey("statements", gallery_id)
        self._gallery_id, self._restored = gallery_id, restored_as is not None
        if restored_as is not None:
            name = hashlib.sha256(restored_as.encode("utf-8")).digest()
            self._of_gallery = key.subkey("restored statements", gallery_id + name)

    @property
    def is_restored(self) -> bool:
        """Whether the gallery was restored from a backup, and so has a lineage."""
        return self._restored

    def sign(self, statement: _S) -> _S:
        """Return the statement with its authentication code."""
        return statement.with_mac(self._key_of(statement).mac(statement.statement()))

    def first_manifest(self) -> Manifest:
        """Return the manifest of a new, empty gallery, signed and dated."""
        return self.sign(Manifest(self._gallery_id, 1, (), signed=clock.seconds()))

    def restored_manifest(self, former: Manifest) -> Manifest:
        """Return the manifest of a backup as that of a gallery restored now, of a new lineage."""
        return self.sign(replace(former, signed=clock.seconds(), lineage=os.urandom(ID_SIZE)))

    def successor(self, former: Manifest, entries: Sequence[ManifestEntry]) -> Manifest:
        """Return the next manifest of a gallery, signed and dated, which names other blocks."""
        return self.sign(
            replace(
                former, version=former.version + 1, entries=tuple(entries), signed=clock.seconds()
            )
        )

    def check_description(self, description: GalleryDescription) -> None:
        """Check that the owner wrote this description (`AuthenticationError`)."""
        self._check(description, f"the description of gallery {description.name!r}")

    def check_manifest(self, manifest: Manifest) -> None:
        """Check that the owner wrote this manifest (`AuthenticationError`)."""
        self._check(manifest, "the gallery's manifest")
        if manifest.gallery_id != self._gallery_id or bool(manifest.lineage) != self._restored:
            raise AuthenticationError("the manifest belongs to another gallery")

    def check_header(self, header: BlockHeader, entry: ManifestEntry) -> None:
        """Check that a header is the one that a checked manifest names.

        Raises
        ------
        SwappedBlockError
            If it is the header of another block, gallery or version.
        AuthenticationError
            If the owner did not write it.
        """
        if (header.gallery_id, header.index) != (self._gallery_id, entry.index):
            raise _swapped(entry)
        self._check(header, f"the header of block {entry.index}")
        if (header.version, header.mac) != (entry.version, entry.block_mac):
            raise _swapped(entry)

    def _check(self, statement: _Statement, what: str) -> None:
        if not self._key_of(statement).verifies(statement.statement(), statement.mac):
            raise AuthenticationError(
                f"{what} was not written with this key, or was changed since; "
                "restore the database from a backup"
            )

    def _key_of(self, statement: _Statement) -> SubKey:
        return self._of_blocks if isinstance(statement, BlockHeader) else self._of_gallery


def _swapped(entry: ManifestEntry) -> SwappedBlockError:
    return SwappedBlockError(
        f"block {entry.index} is not the one that the manifest names: it was swapped with another "
        "or put back from an older state; restore the database from a backup"
    )


def check_description(description: GalleryDescription, key: GalleryKey) -> Authenticator:
    """Check that a gallery is the key owner's and unchanged; return what checks the rest of it.

    Raises
    ------
    KeyMismatchError
        If the gallery was made with another key.
    AuthenticationError
        If the description was changed.
    """
    if description.key_id != key.key_id:
        raise KeyMismatchError(
            f"gallery {description.name!r} was made with another key "
            f"(its key is {description.key_id.hex()[:16]}, yours {key.key_id.hex()[:16]})",
            hint=Hint.OTHER_KEY,
        )
    restored = Authenticator(key, description.gallery_id, restored_as=description.name)
    try:
        restored.check_description(description)
    except AuthenticationError:
        authenticator = Authenticator(key, description.gallery_id)
        authenticator.check_description(description)
        return authenticator
    return restored
