"""The authentication of the owner's statements: they are signed, and checked before use."""

from __future__ import annotations

from typing import Protocol, Self, TypeVar

from gallery.client.keys.secrets import GalleryKey
from gallery.errors import AuthenticationError, KeyMismatchError, SwappedBlockError
from gallery.hints import Hint
from gallery.messages import BlockHeader, GalleryDescription, Manifest, ManifestEntry


class _Statement(Protocol):
    @property
    def mac(self) -> bytes: ...

    def statement(self) -> bytes: ...

    def with_mac(self, mac: bytes) -> Self: ...


_S = TypeVar("_S", bound=_Statement)


class Authenticator:
    """Signs and checks the statements of one gallery with HMAC-SHA-256.

    Statements of different kinds start with different message types, so one key serves them all.
    """

    def __init__(self, key: GalleryKey, gallery_id: bytes) -> None:
        self._key = key.subkey("statements", gallery_id)
        self._gallery_id = gallery_id

    def sign(self, statement: _S) -> _S:
        """Return the statement with its authentication code."""
        return statement.with_mac(self._key.mac(statement.statement()))

    def check_manifest(self, manifest: Manifest) -> None:
        """Check that the owner wrote this manifest (`AuthenticationError`)."""
        self._check(manifest, "the gallery's manifest")
        if manifest.gallery_id != self._gallery_id:
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
        if not self._key.verifies(statement.statement(), statement.mac):
            raise AuthenticationError(
                f"{what} was not written with this key, or was changed since; "
                "restore the database from a backup"
            )


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
    authenticator = Authenticator(key, description.gallery_id)
    authenticator._check(description, f"the description of gallery {description.name!r}")
    return authenticator
