"""SEAL as the oracle: encoder, encryptor and decryptor, and the native backend beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tenseal.sealapi as seal

from gallery.arrays import Floats, Residues
from gallery.ciphertexts.blocks import from_slots, to_slots
from gallery.ciphertexts.seal_stream import build_ciphertext, parse_ciphertext
from gallery.client.ckks.native import NativeCodec
from gallery.client.ckks.seal_secret_key import parse_secret_key
from gallery.client.ckks.secret_key import SecretKey
from gallery.evaluator.seal import seal_setup
from gallery.parameters import COMPACT, INSECURE_TOY, STANDARD, CkksParameterSet


class SealOwner:
    """A key owner who has SEAL alone, and the native backend under the same key as ``native``."""

    def __init__(self, parameters: CkksParameterSet, folder: Path) -> None:
        self.parameters = parameters
        self._context: Any = seal_setup(parameters).context
        self._path = folder / "stream"
        key = seal.KeyGenerator(self._context).secret_key()
        self._encoder = seal.CKKSEncoder(self._context)
        self._encryptor = seal.Encryptor(self._context, key)
        self._decryptor = seal.Decryptor(self._context, key)
        key.save(str(self._path))
        self.key_residues = parse_secret_key(self._path.read_bytes(), parameters)
        self.native = NativeCodec(SecretKey(self.key_residues, parameters), parameters)

    def encode(self, value: Floats | float, scale: float) -> Residues:
        """Encode positions (N,), or one number for all; returns (primes, N) in NTT order."""
        plaintext = self._plaintext(value, scale)
        shape = len(self.parameters.data_primes), self.parameters.poly_modulus_degree
        numbers = [plaintext[i] for i in range(plaintext.coeff_count())]
        return np.array(numbers, np.uint32).reshape(shape)

    def encrypt(self, value: Floats | float, scale: float) -> Residues:
        """Encrypt positions (N,), or one number for all; returns (2, primes, N)."""
        ciphertext = seal.Ciphertext()
        self._encryptor.encrypt_symmetric(self._plaintext(value, scale), ciphertext)
        ciphertext.save(str(self._path))
        return parse_ciphertext(self._path.read_bytes(), self.parameters).residues

    def decrypt(self, residues: Residues, scale: float) -> Floats:
        """Decrypt (2 or 3, primes, N); returns positions (N,)."""
        self._path.write_bytes(build_ciphertext(residues, self.parameters, scale))
        plaintext, ciphertext = seal.Plaintext(), seal.Ciphertext()
        ciphertext.load(self._context, str(self._path))
        self._decryptor.decrypt(ciphertext, plaintext)
        return from_slots(np.array(self._encoder.decode_complex(plaintext)))

    def _plaintext(self, value: Floats | float, scale: float) -> Any:
        plaintext = seal.Plaintext()
        given = value if isinstance(value, float) else to_slots(value).tolist()
        self._encoder.encode(given, scale, plaintext)
        return plaintext


@pytest.fixture(scope="session", params=[STANDARD, COMPACT, INSECURE_TOY], ids=lambda p: p.name)
def owner(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SealOwner:
    """Return an owner for each parameter set in turn."""
    return SealOwner(request.param, tmp_path_factory.mktemp("seal"))
