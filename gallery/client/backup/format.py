"""The bytes of a backup, and the one pass in which they are written or read and checked.

The layout is described in ``docs/format.md``.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from gallery.ciphertexts.bit_packing import packed_size
from gallery.ciphertexts.blocks import capacity, position_count
from gallery.client.integrity.authentication import Authenticator, check_description
from gallery.client.keys.secrets import KEY_ID_SIZE, GalleryKey, Secret
from gallery.errors import AuthenticationError, BackupError, GalleryError, KeyMismatchError
from gallery.hints import Hint
from gallery.messages import (
    DIGEST_SIZE,
    ID_SIZE,
    NO_CHECK_SUMS,
    TAG_SIZE,
    BlockHeader,
    BlockUpdate,
    EncryptedBlock,
    GalleryDescription,
    Manifest,
    ManifestEntry,
    ReferenceTable,
    SealedCheckSums,
    StoredReference,
)
from gallery.messages.block import NONCE_SIZE
from gallery.messages.check_sums import MAX_SEALED
from gallery.messages.references import MAX_SEALED_LABEL
from gallery.messages.wire import MessageType, Writer
from gallery.parameters import ParameterSet, find_parameters

MAGIC: Final = b"EFGBAK\r\n"
FORMAT_VERSION: Final = 2
HINTED_VERSION: Final = 3
"""Version of backups of the hinted scheme: check sums stand behind the manifest."""

_HEADER = struct.Struct(f"<8sH{KEY_ID_SIZE}s")
_LENGTH = struct.Struct("<I")
_MAC_SIZE = 32
_MAX_DESCRIPTION = 512 * 1024
"""Above the largest description: six texts of up to 64 KiB and less than 200 bytes of numbers."""


class BackupWriter(Secret):
    """Writes the messages of a backup, each after its length, and at the end the MAC over all."""

    def __init__(self, file: BinaryIO, key: GalleryKey, description: GalleryDescription) -> None:
        self._file = file
        self._mac = _new_mac(key, description.gallery_id)
        self._put(_HEADER.pack(MAGIC, _version_of(description), key.key_id))

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
        What errors call the file.

    Attributes
    ----------
    description, manifest
        What the backup holds, checked.
    check_sums
        The gallery's check sums, sealed, if it has them.
    authenticator
        What checks and signs statements about the gallery.

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
            length, data = self._message(0, _MAX_DESCRIPTION)
            self.description = GalleryDescription.from_bytes(data)
            if not header.endswith(self.description.key_id):
                raise AuthenticationError("it names two keys")
            self.authenticator: Authenticator = check_description(self.description, key)
            if self._version != _version_of(self.description):
                raise AuthenticationError("its version is not that of its scheme")
        self._mac = _new_mac(key, self.description.gallery_id)
        for part in (header, length, data):
            self._mac.update(part)
        self._limits = _Limits(self.description, find_parameters(self.description.parameters))
        with self._reading("its manifest"):
            data = self._authenticated(*self._limits.manifest(self._left))
            self.manifest = Manifest.from_bytes(data)
            self.authenticator.check_manifest(self.manifest)
        self.check_sums = NO_CHECK_SUMS
        if self._version == HINTED_VERSION and self.manifest.entries:
            with self._reading("its check sums"):
                data = self._authenticated(*self._limits.check_sums())
                self.check_sums = SealedCheckSums.from_bytes(data)

    def block(self, entry: ManifestEntry) -> BlockUpdate:
        """Return the next block, which must be the one that an entry of the manifest names."""
        limits = self._limits
        with self._reading(f"block {entry.index}"):
            block = EncryptedBlock.from_bytes(self._authenticated(limits.block, limits.block))
            self.authenticator.check_header(block.header, entry)
            data = self._authenticated(limits.empty_table, limits.full_table)
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
        if version not in (FORMAT_VERSION, HINTED_VERSION):
            raise BackupError(
                f"the backup {self._path} has format version {version}, this program reads "
                f"{FORMAT_VERSION} and {HINTED_VERSION}; import it with the program that made it, "
                "or a newer one"
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


class _Limits:
    """What the format allows as lengths of messages, for one gallery."""

    def __init__(self, description: GalleryDescription, parameters: ParameterSet) -> None:
        occupancy, digest = bytes(position_count(parameters) // 8), bytes(DIGEST_SIZE)
        gallery_id, dimension = bytes(ID_SIZE), description.dimension
        hinted = parameters.hint_shape is not None
        header = BlockHeader(
            gallery_id,
            0,
            0,
            parameters.name,
            dimension,
            occupancy,
            digest,
            digest,
            columns=description.columns if hinted else 0,
            nonce=bytes(NONCE_SIZE) if hinted else b"",
        )
        # A backup has no seeds: after the header stands the form of whole ciphertexts, one byte.
        start = Writer(MessageType.BLOCK).blob(header.to_bytes()).u8(0).bytes()
        bits = parameters.residue_bits
        residues = math.prod(parameters.block_shape(description.columns))
        self.block = len(start) + packed_size(residues, bits)
        hint = bytes(packed_size(math.prod(parameters.hint_shape or (0,)), bits))
        tag = bytes(TAG_SIZE)
        largest = StoredReference(0, bytes(ID_SIZE), tag, tag, bytes(MAX_SEALED_LABEL))
        tables = [
            ReferenceTable(gallery_id, 0, 0, items, hint).to_bytes() for items in ((), (largest,))
        ]
        self.empty_table = len(tables[0])
        of_one = len(tables[1]) - self.empty_table
        self.full_table = self.empty_table + capacity(parameters) * of_one
        entry = ManifestEntry(0, 0, bytes(_MAC_SIZE))
        manifests = [Manifest(gallery_id, 0, items).to_bytes() for items in ((), (entry,))]
        self._empty_manifest, self._entry = len(manifests[0]), len(manifests[1]) - len(manifests[0])

    def check_sums(self) -> tuple[int, int]:
        """Return the least and the most of the check sums of a gallery that has them."""
        return len(SealedCheckSums().to_bytes()) + 1, len(SealedCheckSums().to_bytes()) + MAX_SEALED

    def manifest(self, left: int) -> tuple[int, int]:
        """Return the least and the most of a manifest whose blocks are in ``left`` bytes."""
        blocks = left // (self.block + self.empty_table + 2 * _LENGTH.size)
        return self._empty_manifest, self._empty_manifest + blocks * self._entry


def unreadable(path: Path, error: OSError) -> BackupError:
    """Return the error that says that a backup cannot be read."""
    return BackupError(f"cannot read the backup {path}: {error.strerror}")


def _version_of(description: GalleryDescription) -> int:
    """Return the format version of a gallery's backups."""
    hinted = find_parameters(description.parameters).hint_shape is not None
    return HINTED_VERSION if hinted else FORMAT_VERSION


def _new_mac(key: GalleryKey, gallery_id: bytes) -> hmac.HMAC:
    return hmac.new(key.subkey("backup", gallery_id).reveal(), digestmod=hashlib.sha256)
