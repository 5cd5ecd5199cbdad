"""The format of a backup, and the single pass in which it is written, or read and checked.

The layout is described in ``docs/format.md``.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from gallery.client.integrity.authentication import Authenticator, check_description
from gallery.client.keys.secrets import KEY_ID_SIZE, GalleryKey, Secret
from gallery.errors import AuthenticationError, BackupError, GalleryError, KeyMismatchError
from gallery.hints import Hint
from gallery.messages import (
    NO_CHECK_SUMS,
    BlockUpdate,
    EncryptedBlock,
    GalleryDescription,
    Manifest,
    ManifestEntry,
    ReferenceTable,
    SealedCheckSums,
)
from gallery.messages.description import MAX_DESCRIPTION
from gallery.messages.manifest import MAX_MANIFEST
from gallery.messages.sizes import MessageSizes
from gallery.parameters import find_parameters

MAGIC: Final = b"EFGBAK\r\n"
UNDATED_VERSIONS: Final = {False: 2, True: 3}
"""Versions of backups whose manifest has no date, which earlier programs read as well: of CKKS
sets, and of hinted ones, where check sums stand behind the manifest."""

VERSIONS: Final = {False: 4, True: 5}
"""The same of backups whose manifest has a date."""

_HEADER = struct.Struct(f"<8sH{KEY_ID_SIZE}s")
_LENGTH = struct.Struct("<I")
_MAC_SIZE = 32


class BackupWriter(Secret):
    """Writes the messages of a backup, each after its length, and at the end the MAC over all."""

    def __init__(
        self,
        file: BinaryIO,
        key: GalleryKey,
        description: GalleryDescription,
        manifest: Manifest,
    ) -> None:
        self._file = file
        self._mac = _new_mac(key, description.gallery_id)
        version = _version_of(description, manifest)
        self._put(_HEADER.pack(MAGIC, version, key.key_id))
        self.message(description.to_bytes())
        self.message(manifest.to_bytes())

    def message(self, data: bytes) -> None:
        """Write a message."""
        self._put(_LENGTH.pack(len(data)))
        self._put(data)

    def end(self) -> None:
        """Write the MAC."""
        self._file.write(self._mac.digest())

    def _put(self, data: bytes) -> None:
        self._mac.update(data)
        self._file.write(data)


class BackupReader(Secret):
    """One pass through a backup, in which nothing is given before it is checked.

    Lengths are checked against what the format allows and what is left of the file before anything
    is read.

    Parameters
    ----------
    file
        The file, which is read from its start.
    key
        The owner's key.
    path
        The file's name in messages.

    Attributes
    ----------
    description, manifest
        The gallery's description and manifest, checked.
    check_sums
        The gallery's check sums, sealed, if it has them.
    authenticator
        The authenticator of statements about the gallery.

    Raises
    ------
    BackupError
        Here and by every method, if the file is not what its owner wrote.
    KeyMismatchError
        If the gallery was made with another key.
    ParameterSetError
        If the gallery has a parameter set that this program does not know.
    """

    def __init__(self, file: BinaryIO, key: GalleryKey, path: Path) -> None:
        self._file, self._path = file, path
        file.seek(0)
        self._left = os.fstat(file.fileno()).st_size - _MAC_SIZE
        header = self._read_header()
        with self._reading("its description"):
            length, data = self._message(0, MAX_DESCRIPTION)
            self.description = GalleryDescription.from_bytes(data)
            if not header.endswith(self.description.key_id):
                raise AuthenticationError("it names two keys")
            self.authenticator: Authenticator = check_description(self.description, key)
        self._mac = _new_mac(key, self.description.gallery_id)
        for part in (header, length, data):
            self._mac.update(part)
        self._sizes = MessageSizes.of(self.description)
        with self._reading("its manifest"):
            self.manifest = Manifest.from_bytes(self._authenticated(0, MAX_MANIFEST))
            self.authenticator.check_manifest(self.manifest)
            if self._version != _version_of(self.description, self.manifest):
                raise AuthenticationError("its version is not that of its scheme and manifest")
        self.check_sums = NO_CHECK_SUMS
        if _is_hinted(self.description) and self.manifest.entries:
            with self._reading("its check sums"):
                size = self._sizes.check_sums
                self.check_sums = SealedCheckSums.from_bytes(self._authenticated(size, size))

    def block(self, entry: ManifestEntry) -> BlockUpdate:
        """Return the next block, which must be the one that an entry of the manifest names."""
        sizes = self._sizes
        with self._reading(f"block {entry.index}"):
            data = self._authenticated(sizes.block, sizes.relabelled_block)
            block = EncryptedBlock.from_bytes(data)
            self.authenticator.check_header(block.header, entry)
            data = self._authenticated(sizes.empty_table, sizes.full_table)
            if hashlib.sha256(data).digest() != block.header.references_digest:
                raise AuthenticationError("its references are not its own")
            return BlockUpdate(block, ReferenceTable.from_bytes(data))

    def end(self) -> None:
        """Check that the file ends here, with the MAC over everything before."""
        if self._left == 0:
            self._left = _MAC_SIZE
            if hmac.compare_digest(self._take(_MAC_SIZE), self._mac.digest()):
                return
        raise self._damaged("its end")

    def _read_header(self) -> bytes:
        if self._left < _HEADER.size:
            raise self._foreign()
        header = self._take(_HEADER.size)
        magic, version, _ = _HEADER.unpack(header)
        if magic != MAGIC:
            raise self._foreign()
        self._version = version
        known = sorted({*UNDATED_VERSIONS.values(), *VERSIONS.values()})
        if version not in known:
            raise BackupError(
                f"the backup {self._path} has format version {version}, this program reads "
                f"{known[0]} to {known[-1]}; import it with the program that made it, or a newer "
                "one"
            )
        return header

    def _authenticated(self, least: int, most: int) -> bytes:
        length, data = self._message(least, most)
        self._mac.update(length)
        self._mac.update(data)
        return data

    def _message(self, least: int, most: int) -> tuple[bytes, bytes]:
        """Return the length and the bytes of the next message."""
        length = self._take(_LENGTH.size)
        (size,) = _LENGTH.unpack(length)
        if not least <= size <= most:
            raise AuthenticationError("a length that the format does not allow")
        return length, self._take(size)

    def _take(self, size: int) -> bytes:
        if size > self._left:
            raise self._damaged("its end is missing")
        try:
            data = self._file.read(size)
        except OSError as error:
            raise unreadable(self._path, error) from error
        if len(data) != size:
            raise self._damaged("its end is missing")
        self._left -= size
        return data

    @contextmanager
    def _reading(self, what: str) -> Iterator[None]:
        """Turn what is wrong with a part of the backup into the error that says so."""
        try:
            yield
        except (BackupError, KeyMismatchError):
            raise
        except GalleryError as error:
            raise self._damaged(what) from error

    def _damaged(self, what: str) -> BackupError:
        return BackupError(
            f"the backup {self._path} is truncated, damaged, or not what its owner wrote ({what}); "
            "nothing of it was restored. Take another copy of it, or another backup"
        )

    def _foreign(self) -> BackupError:
        return BackupError(f"{self._path} is not a backup of a gallery", hint=Hint.NAME_BACKUP)


def unreadable(path: Path, error: OSError) -> BackupError:
    """Return the error that says that a backup cannot be read."""
    return BackupError(f"cannot read the backup {path}: {error.strerror}")


def _version_of(description: GalleryDescription, manifest: Manifest) -> int:
    """Return the format version of a backup of a gallery in the state that a manifest names."""
    versions = UNDATED_VERSIONS if manifest.signed is None else VERSIONS
    return versions[_is_hinted(description)]


def _is_hinted(description: GalleryDescription) -> bool:
    return find_parameters(description.parameters).hint_shape is not None


def _new_mac(key: GalleryKey, gallery_id: bytes) -> hmac.HMAC:
    return hmac.new(key.subkey("backup", gallery_id).reveal(), digestmod=hashlib.sha256)
