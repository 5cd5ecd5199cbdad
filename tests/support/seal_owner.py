"""A key owner for tests of the evaluator: a throw-away key, and SEAL called as plainly as possible.

The real key owner is `gallery.client`. This one is apart from it, so that tests of the keyless side
do not lean on the code of the other side.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import tenseal.sealapi as seal

from gallery.arrays import Floats, Residues
from gallery.ciphertexts import blocks
from gallery.ciphertexts.seal_stream import build_ciphertext, parse_ciphertext
from gallery.evaluator.seal import seal_setup
from gallery.parameters import CkksParameterSet


class SealOwner:
    """A key owner that encrypts and decrypts with SEAL under a key that is never stored."""

    def __init__(self, parameters: CkksParameterSet) -> None:
        self.parameters = parameters
        setup = seal_setup(parameters)
        self._context, self._version = setup.context, setup.version
        key = seal.KeyGenerator(self._context).secret_key()
        self._encoder = seal.CKKSEncoder(self._context)
        self._encryptor = seal.Encryptor(self._context, key)
        self._decryptor = seal.Decryptor(self._context, key)
        self._folder = tempfile.TemporaryDirectory()
        self._path = Path(self._folder.name) / "ciphertext"

    def close(self) -> None:
        self._folder.cleanup()

    def encrypt_templates(self, templates: Floats) -> Residues:
        """Encrypt a block of templates of norm 1, shape (at most N, d), in the layout at rest."""
        grid = self.parameters.grid
        columns = blocks.empty_columns(templates.shape[1], self.parameters)
        blocks.place(columns, np.arange(len(templates)), np.round(templates / grid) * grid)
        slots = blocks.to_slots(np.round(columns / grid) * grid)
        return self._encrypt((row.tolist() for row in slots), self.parameters.column_scale)

    def encrypt_probe(self, vector: Floats) -> Residues:
        """Encrypt a probe of norm 1, shape (d,), in the layout of a block."""
        constants = blocks.probe_constants(vector)
        return self._encrypt((float(value) for value in constants), self.parameters.probe_scale)

    def decrypt(self, distances: Residues) -> Floats:
        """Decrypt the distances of one block, shape (3, primes, N), to shape (N,)."""
        scale = self.parameters.column_scale * self.parameters.probe_scale
        stream = build_ciphertext(distances, self.parameters, scale, self._version)
        self._path.write_bytes(stream)
        ciphertext, plaintext = seal.Ciphertext(), seal.Plaintext()
        ciphertext.load(self._context, str(self._path))
        self._decryptor.decrypt(ciphertext, plaintext)
        return blocks.from_slots(np.array(self._encoder.decode_complex(plaintext)))

    def _encrypt(self, values: Iterable[Any], scale: float) -> Residues:
        ciphertexts = []
        for value in values:
            plaintext, ciphertext = seal.Plaintext(), seal.Ciphertext()
            self._encoder.encode(value, scale, plaintext)
            self._encryptor.encrypt_symmetric(plaintext, ciphertext)
            ciphertext.save(str(self._path))
            stream = self._path.read_bytes()
            ciphertexts.append(parse_ciphertext(stream, self.parameters).residues)
        return blocks.to_tiles(np.stack(ciphertexts))


def unit_vectors(random: np.random.Generator, count: int, dimension: int) -> Floats:
    """Draw directions; shape (count, dimension), each of norm 1."""
    drawn = random.normal(size=(count, dimension))
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    return drawn
