"""The SEAL backend, through TenSEAL: slow, and independent of this project's own code.

TenSEAL's Python classes hold real vectors only; SEAL's own classes below them take complex slots,
which is what lets a block hold two positions per slot.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tenseal.sealapi as seal

from gallery.arrays import Floats, Residues
from gallery.ciphertexts.blocks import from_slots, from_tiles, to_slots, to_tiles
from gallery.ciphertexts.seal_stream import build_ciphertext, parse_ciphertext
from gallery.client.ckks.codec import Encryption, check_encodable
from gallery.client.keys.secrets import GalleryKey, Secret
from gallery.parameters import CkksParameterSet


class SealCodec(Secret):
    """Encrypts and decrypts with SEAL; see `gallery.client.ckks.CkksCodec`.

    SEAL's ciphertexts reach Python only through files; a private temporary folder, in memory where
    the machine has a file system for that, carries ciphertexts and nothing else, until
    `close`. SEAL's objects are not thread-safe, so threads that share this take turns. SEAL
    promises no constant time.

    Parameters
    ----------
    key
        The owner's key.
    parameters
        The gallery's parameter set.
    """

    def __init__(self, key: GalleryKey, parameters: CkksParameterSet) -> None:
        self._parameters = parameters
        # Kept, because SEAL's context and key belong to TenSEAL's.
        self._tenseal = key.context(parameters)
        self._context: Any = self._tenseal.seal_context().data
        secret_key: Any = self._tenseal.secret_key().data
        self._encoder = seal.CKKSEncoder(self._context)
        self._encryptor = seal.Encryptor(self._context, secret_key)
        self._decryptor = seal.Decryptor(self._context, secret_key)
        self._folder = tempfile.TemporaryDirectory(prefix="gallery-", dir=_memory_folder())
        self._file = Path(self._folder.name) / "ciphertext"
        self._turn = threading.Lock()

    def close(self) -> None:
        """Remove the temporary folder."""
        self._folder.cleanup()

    def encrypt_columns(self, columns: Floats) -> Encryption:
        """Encrypt the columns of a block, shape (d + 2, positions)."""
        scale = self._parameters.column_scale
        check_encodable(columns, scale)
        return self._stack([self._encrypt(slots.tolist(), scale) for slots in to_slots(columns)])

    def encrypt_constants(self, constants: Floats) -> Encryption:
        """Encrypt the constants of a probe, shape (d + 2,)."""
        scale = self._parameters.probe_scale
        check_encodable(constants, scale)
        return self._stack([self._encrypt(float(value), scale) for value in constants])

    def decrypt_columns(self, residues: Residues) -> Floats:
        """Decrypt the columns of a block; returns shape (d + 2, positions)."""
        scale = self._parameters.column_scale
        return np.stack([self._decrypt(item, scale) for item in from_tiles(residues)])

    def decrypt_distances(self, residues: Residues) -> Floats:
        """Decrypt one result, (3, primes, coefficients); returns shape (positions,)."""
        return self._decrypt(residues, self._parameters.column_scale * self._parameters.probe_scale)

    def decrypt_distances_many(self, results: Sequence[Residues]) -> Floats:
        """Decrypt n results, each (3, primes, coefficients), one by one to (n, positions)."""
        found = np.empty((len(results), self._parameters.poly_modulus_degree))
        for row, item in zip(found, results, strict=True):
            row[:] = self.decrypt_distances(item)
        return found

    def _encrypt(self, slots: list[complex] | float, scale: float) -> Residues:
        with self._turn:
            plaintext, ciphertext = seal.Plaintext(), seal.Ciphertext()
            self._encoder.encode(slots, scale, plaintext)
            self._encryptor.encrypt_symmetric(plaintext, ciphertext)
            ciphertext.save(str(self._file))
            return parse_ciphertext(self._file.read_bytes(), self._parameters).residues

    def _decrypt(self, residues: Residues, scale: float) -> Floats:
        with self._turn:
            self._file.write_bytes(build_ciphertext(residues, self._parameters, scale))
            plaintext, ciphertext = seal.Plaintext(), seal.Ciphertext()
            ciphertext.load(self._context, str(self._file))
            self._decryptor.decrypt(ciphertext, plaintext)
            return from_slots(np.array(self._encoder.decode_complex(plaintext)))

    @staticmethod
    def _stack(ciphertexts: list[Residues]) -> Encryption:
        return Encryption(to_tiles(np.stack(ciphertexts)), seed=None)


def _memory_folder() -> str | None:
    """Return a folder that lies in memory, or None for the system's default."""
    shared = Path("/dev/shm")  # noqa: S108 - only for folders that mkdtemp makes
    return str(shared) if shared.is_dir() else None
