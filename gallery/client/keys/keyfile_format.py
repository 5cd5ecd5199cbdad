"""The format of a key file; ``docs/format.md`` describes it.

A checksum over the whole file tells damage from a wrong passphrase; an attacker has to defeat the
AEAD below it.
"""

from __future__ import annotations

import hashlib
import os
import struct
from contextlib import suppress
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from gallery.client.keys.passphrase import (
    Passphrase,
    passphrase_bytes,
    possible_bytes,
    resolve_passphrase,
)
from gallery.client.keys.secrets import MASTER_SECRET_SIZE, GalleryKey
from gallery.errors import (
    KeyFileCorruptedError,
    KeyFileError,
    PassphraseRequiredError,
    WrongPassphraseError,
)
from gallery.hints import Hint

MAGIC = b"EFGKEY\r\n"
FORMAT_VERSION = 1
_HEADER = struct.Struct("<8sHBB16sIII16s12sI")
_CHECKSUM_SIZE = 32
_UNPROTECTED, _PASSPHRASE = 0, 1
_MAX_MEMORY_KIB = 4 * 1024 * 1024
_MAX_ITERATIONS = 1024
_MAX_LANES = 64


@dataclass(frozen=True)
class Argon2Parameters:
    """Cost of one try of a passphrase with Argon2id.

    The defaults are the second recommended option of RFC 9106, section 4: 3 iterations, 4 lanes,
    64 MiB of memory.
    """

    memory_kib: int = 64 * 1024
    iterations: int = 3
    lanes: int = 4

    @property
    def is_reasonable(self) -> bool:
        """Whether Argon2id takes these settings and a machine can bear them."""
        return (
            1 <= self.iterations <= _MAX_ITERATIONS
            and 1 <= self.lanes <= _MAX_LANES
            and 8 * self.lanes <= self.memory_kib <= _MAX_MEMORY_KIB
        )


_FREE = Argon2Parameters(0, 0, 0)


@dataclass(frozen=True)
class _Header:
    protection: int
    key_id: bytes
    hardness: Argon2Parameters
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


def encode_key(key: GalleryKey, passphrase: str | None, hardness: Argon2Parameters) -> bytes:
    """Return the bytes of a key file; `KeyFileError` for a hardness that could not be read back."""
    if not hardness.is_reasonable:
        raise KeyFileError("these Argon2id settings are invalid or beyond reason")
    payload = _encode_payload(key)
    if passphrase is None:
        header = _Header(_UNPROTECTED, key.key_id, _FREE, bytes(16), bytes(12), len(payload))
        body = header.pack() + payload
    else:
        salt, nonce = os.urandom(16), os.urandom(12)
        header = _Header(_PASSPHRASE, key.key_id, hardness, salt, nonce, len(payload) + 16)
        packed = header.pack()
        cipher = ChaCha20Poly1305(_stretch(passphrase_bytes(passphrase), header))
        body = packed + cipher.encrypt(nonce, payload, packed)
    return body + hashlib.sha256(body).digest()


def decode_key(data: bytes, passphrase: Passphrase, name: str = "key file") -> GalleryKey:
    """Read the bytes of a key file; raises what `read_key_file` raises."""
    header, payload = _parse(data, name)
    if header.protection == _PASSPHRASE:
        passphrase = resolve_passphrase(passphrase)
        if passphrase is None:
            raise PassphraseRequiredError(
                f"{name} is sealed with a passphrase, and none was given",
                hint=Hint.GIVE_PASSPHRASE,
            )
        payload = _unseal(header, payload, passphrase, name)
    key = _decode_payload(payload, name)
    if key.key_id != header.key_id:
        raise corrupted(name, "its key does not have the fingerprint in its header")
    return key


def _unseal(header: _Header, payload: bytes, passphrase: str, name: str) -> bytes:
    for secret in possible_bytes(passphrase):
        with suppress(InvalidTag):
            cipher = ChaCha20Poly1305(_stretch(secret, header))
            return cipher.decrypt(header.nonce, payload, header.pack())
    raise WrongPassphraseError(
        f"the passphrase does not open {name}: capitals, spaces and quotes at its ends and the "
        "layout of the keyboard count, while a line's end, a byte-order mark and how accents are "
        "composed do not; a copy of the file from before its passphrase was changed opens with the "
        "former one"
    )


def needs_passphrase(data: bytes, name: str) -> bool:
    """Tell whether a key file is sealed with a passphrase (`KeyFileCorruptedError`)."""
    header, _ = _parse(data, name)
    return header.protection == _PASSPHRASE


def _parse(data: bytes, name: str) -> tuple[_Header, bytes]:
    if len(data) < _HEADER.size + _CHECKSUM_SIZE or not data.startswith(MAGIC):
        raise corrupted(name, "it is no key file, or only the beginning of one")
    body, checksum = data[:-_CHECKSUM_SIZE], data[-_CHECKSUM_SIZE:]
    fields = _HEADER.unpack(body[: _HEADER.size])
    _, version, protection, reserved, key_id, memory, iterations, lanes, salt, nonce, size = fields
    if version != FORMAT_VERSION:
        raise corrupted(name, f"format version {version}, this program reads {FORMAT_VERSION}")
    if hashlib.sha256(body).digest() != checksum:
        raise corrupted(name, "it is damaged or truncated: its checksum does not match")
    if protection not in (_UNPROTECTED, _PASSPHRASE) or reserved:
        raise corrupted(name, "it is protected in a way that this program does not know")
    if len(body) != _HEADER.size + size:
        raise corrupted(name, "its size is not the one in its header")
    hardness = Argon2Parameters(memory, iterations, lanes)
    if hardness != _FREE if protection == _UNPROTECTED else not hardness.is_reasonable:
        raise corrupted(name, "its Argon2id settings are invalid or beyond reason")
    return _Header(protection, key_id, hardness, salt, nonce, size), body[_HEADER.size :]


def _stretch(secret: bytes, header: _Header) -> bytes:
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
        raise corrupted(name, "its content is not a key") from error
    if offset != len(payload):
        raise corrupted(name, "its content is not a key")
    return GalleryKey(master, contexts)


def corrupted(name: str, reason: str) -> KeyFileCorruptedError:
    """Return the error that says that a key file is damaged, and how."""
    return KeyFileCorruptedError(
        f"{name} cannot be used: {reason}; restore it from your copy of it"
    )
