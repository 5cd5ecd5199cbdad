"""The key file: all of the owner's secrets, sealed with a passphrase.

The layout is in ``docs/format.md``. A checksum over the whole file tells damage from a wrong
passphrase; the AEAD below it is what an attacker has to defeat.
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from gallery.client.secrets import MASTER_SECRET_SIZE, GalleryKey
from gallery.errors import (
    KeyFileCorruptedError,
    KeyFileError,
    KeyFileExistsError,
    KeyFileNotFoundError,
    KeyFilePermissionsError,
    PassphraseRequiredError,
    WrongPassphraseError,
)

MAGIC = b"EFGKEY\r\n"
FORMAT_VERSION = 1
MAX_FILE_SIZE = 16 * 1024 * 1024
_HEADER = struct.Struct("<8sHBB16sIII16s12sI")
_CHECKSUM_SIZE = 32
_UNPROTECTED, _PASSPHRASE = 0, 1
_MAX_MEMORY_KIB = 4 * 1024 * 1024
_MAX_ITERATIONS = 1024
_MAX_LANES = 64


@dataclass(frozen=True)
class PassphraseHardness:
    """Cost of one try of a passphrase with Argon2id.

    The defaults are the second recommended option of RFC 9106, section 4: 3 iterations, 4 lanes,
    64 MiB of memory.
    """

    memory_kib: int = 64 * 1024
    iterations: int = 3
    lanes: int = 4


@dataclass(frozen=True)
class _Header:
    protection: int
    key_id: bytes
    hardness: PassphraseHardness
    salt: bytes
    nonce: bytes
    payload_size: int

    def pack(self) -> bytes:
        return _HEADER.pack(
            MAGIC,
            FORMAT_VERSION,
            self.protection,
            0,
            self.key_id,
            self.hardness.memory_kib,
            self.hardness.iterations,
            self.hardness.lanes,
            self.salt,
            self.nonce,
            self.payload_size,
        )


def write_key_file(
    path: Path, key: GalleryKey, passphrase: str | None, hardness: PassphraseHardness | None = None
) -> None:
    """Write a key into a new file that only its owner can read.

    Parameters
    ----------
    path
        The file, which must not exist; its folder is created.
    key
        The key.
    passphrase
        What to seal it with; None leaves it unprotected: whoever reads the file has the key.
    hardness
        Cost of one try of a passphrase.

    Raises
    ------
    KeyFileExistsError
        If there is such a file already. A key file is never overwritten: galleries made with a lost
        key are lost.
    KeyFileError
        If the file cannot be written.
    """
    if os.path.lexists(path):
        raise _exists(path)
    data = encode_key(key, passphrase, hardness or PassphraseHardness())
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise KeyFileError(f"cannot make the folder {path.parent}: {error.strerror}") from error
    try:
        _write_new(path, data)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError as error:
        raise KeyFileError(f"cannot write the key file {path}: {error.strerror}") from error


def read_key_file(path: Path, passphrase: str | None = None) -> GalleryKey:
    """Open a key file.

    Parameters
    ----------
    path
        The file.
    passphrase
        What it is sealed with; not needed for an unprotected one.

    Raises
    ------
    KeyFileNotFoundError, KeyFilePermissionsError, KeyFileCorruptedError
        If the file is not there, can be read by others, or is damaged.
    PassphraseRequiredError, WrongPassphraseError
        If the passphrase is missing or does not open the file.
    """
    return decode_key(_read(path), passphrase, str(path))


def is_protected(path: Path) -> bool:
    """Tell whether a key file is sealed with a passphrase; raises what `read_key_file` raises."""
    header, _ = _parse(_read(path), str(path))
    return header.protection == _PASSPHRASE


def encode_key(key: GalleryKey, passphrase: str | None, hardness: PassphraseHardness) -> bytes:
    """Return the bytes of a key file."""
    payload = _encode_payload(key)
    if passphrase is None:
        free = PassphraseHardness(0, 0, 0)
        header = _Header(_UNPROTECTED, key.key_id, free, bytes(16), bytes(12), len(payload))
        body = header.pack() + payload
    else:
        salt, nonce = os.urandom(16), os.urandom(12)
        header = _Header(_PASSPHRASE, key.key_id, hardness, salt, nonce, len(payload) + 16)
        packed = header.pack()
        cipher = ChaCha20Poly1305(_stretch(passphrase, header))
        body = packed + cipher.encrypt(nonce, payload, packed)
    return body + hashlib.sha256(body).digest()


def decode_key(data: bytes, passphrase: str | None, name: str = "key file") -> GalleryKey:
    """Read the bytes of a key file; raises what `read_key_file` raises."""
    header, payload = _parse(data, name)
    if header.protection == _PASSPHRASE:
        if passphrase is None:
            raise PassphraseRequiredError(
                f"{name} is sealed with a passphrase; give it with --passphrase-file, "
                "in GALLERY_PASSPHRASE, or at the prompt"
            )
        try:
            cipher = ChaCha20Poly1305(_stretch(passphrase, header))
            payload = cipher.decrypt(header.nonce, payload, header.pack())
        except InvalidTag as error:
            raise WrongPassphraseError(f"the passphrase does not open {name}") from error
    key = _decode_payload(payload, name)
    if key.key_id != header.key_id:
        raise _corrupted(name, "its key does not have the fingerprint in its header")
    return key


def _parse(data: bytes, name: str) -> tuple[_Header, bytes]:
    if len(data) < _HEADER.size + _CHECKSUM_SIZE or not data.startswith(MAGIC):
        raise _corrupted(name, "it is no key file, or only the beginning of one")
    body, checksum = data[:-_CHECKSUM_SIZE], data[-_CHECKSUM_SIZE:]
    fields = _HEADER.unpack(body[: _HEADER.size])
    _, version, protection, reserved, key_id, memory, iterations, lanes, salt, nonce, size = fields
    if version != FORMAT_VERSION:
        raise _corrupted(name, f"format version {version}, this program reads {FORMAT_VERSION}")
    if hashlib.sha256(body).digest() != checksum:
        raise _corrupted(name, "it is damaged or truncated: its checksum does not match")
    if protection not in (_UNPROTECTED, _PASSPHRASE) or reserved:
        raise _corrupted(name, "it is protected in a way that this program does not know")
    if len(body) != _HEADER.size + size:
        raise _corrupted(name, "its size is not the one in its header")
    if memory > _MAX_MEMORY_KIB or iterations > _MAX_ITERATIONS or lanes > _MAX_LANES:
        raise _corrupted(name, "its Argon2id settings are beyond reason")
    if protection == _PASSPHRASE and (not iterations or not lanes or memory < 8 * lanes):
        raise _corrupted(name, "its Argon2id settings are invalid")
    hardness = PassphraseHardness(memory, iterations, lanes)
    return _Header(protection, key_id, hardness, salt, nonce, size), body[_HEADER.size :]


def _stretch(passphrase: str, header: _Header) -> bytes:
    try:
        secret = passphrase.encode("utf-8")
    except UnicodeEncodeError:
        # Not chained: that error holds the passphrase.
        raise KeyFileError("the passphrase is not UTF-8 text") from None
    return Argon2id(
        salt=header.salt,
        length=32,
        iterations=header.hardness.iterations,
        lanes=header.hardness.lanes,
        memory_cost=header.hardness.memory_kib,
    ).derive(secret)


def _encode_payload(key: GalleryKey) -> bytes:
    master, contexts = key.reveal()
    parts = [master, struct.pack("<B", len(contexts))]
    for name, context in sorted(contexts.items()):
        encoded = name.encode("ascii")
        parts += [struct.pack("<BI", len(encoded), len(context)), encoded, context]
    return b"".join(parts)


def _decode_payload(payload: bytes, name: str) -> GalleryKey:
    try:
        master, count = payload[:MASTER_SECRET_SIZE], payload[MASTER_SECRET_SIZE]
        offset, contexts = MASTER_SECRET_SIZE + 1, {}
        for _ in range(count):
            name_size, size = struct.unpack_from("<BI", payload, offset)
            start = offset + 5 + name_size
            contexts[payload[offset + 5 : start].decode("ascii")] = payload[start : start + size]
            offset = start + size
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise _corrupted(name, "its content is not a key") from error
    if offset != len(payload):
        raise _corrupted(name, "its content is not a key")
    return GalleryKey(master, contexts)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            _check_permissions(path, os.fstat(file.fileno()))
            data = file.read(MAX_FILE_SIZE + 1)
    except FileNotFoundError as error:
        raise KeyFileNotFoundError(
            f"there is no key file at {path}; make one with gallery keygen, "
            "or name another with --key"
        ) from error
    except OSError as error:
        raise KeyFileError(f"cannot read the key file {path}: {error.strerror}") from error
    if len(data) > MAX_FILE_SIZE:
        raise _corrupted(str(path), "it is far too large for a key file")
    return data


def _check_permissions(path: Path, status: os.stat_result) -> None:
    if os.name == "posix" and stat.S_IMODE(status.st_mode) & 0o077:
        raise KeyFilePermissionsError(
            f"others than you can access the key file {path} "
            f"(mode {stat.S_IMODE(status.st_mode):04o}); close it with: chmod 600 '{path}'"
        )


def _write_new(path: Path, data: bytes) -> None:
    """Write a file that appears under its name complete or not at all, and replaces none."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # A hard link fails if the name exists; a rename would replace it.
        os.link(temporary, path)
    finally:
        os.unlink(temporary)


def _exists(path: Path) -> KeyFileExistsError:
    return KeyFileExistsError(
        f"there is a key file at {path} already; it is not overwritten, "
        "since galleries made with it could never be opened again. Name another with --key"
    )


def _corrupted(name: str, reason: str) -> KeyFileCorruptedError:
    return KeyFileCorruptedError(
        f"{name} cannot be used: {reason}; restore it from your copy of it"
    )
