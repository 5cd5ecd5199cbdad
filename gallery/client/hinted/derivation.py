"""The secrets of a block version and of a probe, derived so that none serves two contents.

Two different plaintexts under one s (or one t) are a two-time pad: their difference would lie open.
A generator that repeats itself, a machine restored from a snapshot, or a writer that lost a race
and tries again must therefore never come to the same secret with another content. So secrets are
derived from a *synthetic nonce*, which is a keyed hash of random bytes **and** of the content (as
in SIV modes; Rogaway and Shrimpton, "A provable-security treatment of the key-wrap problem", 2006).
"""

from __future__ import annotations

import hashlib
import os
from typing import Final

import numpy as np

from gallery.arrays import Residues
from gallery.ciphertexts.seeds import UniformStream
from gallery.client.keys.secrets import GalleryKey, Secret, SubKey
from gallery.client.ring.noise import NoiseSource
from gallery.parameters import LANES, HintedParameterSet

NONCE_SIZE: Final = 32
_TAG: Final = b"secrets1"


class BlockSecrets(Secret):
    """The secrets of one block version.

    Parameters
    ----------
    key
        The gallery's subkey for blocks.
    nonce
        The block version's synthetic nonce.
    parameters
        The gallery's parameter set.
    """

    def __init__(self, key: SubKey, nonce: bytes, parameters: HintedParameterSet) -> None:
        self._key, self._nonce, self._parameters = key, nonce, parameters

    def mask(self) -> Residues:
        """Return s, uint32 of shape (primes, tiles, slices, 16): uniform, for it meets no noise."""
        drawn = self._uniform(b"mask", self._parameters.poly_modulus_degree)
        return drawn.reshape(self._parameters.result_shape)

    def noise(self) -> NoiseSource:
        """Return the source of the columns' noise, which draws the same each time."""
        return NoiseSource(self._derive(b"noise"))

    def weights(self) -> Residues:
        """Return the weights of the check sum, uint32 of shape (primes, slices), uniform."""
        return self._uniform(b"weights", self._parameters.slices)

    def _uniform(self, purpose: bytes, count: int) -> Residues:
        return uniform(self._derive(purpose), count, self._parameters)

    def _derive(self, purpose: bytes) -> bytes:
        return self._key.mac(purpose + b"\0" + self._nonce)


class BlockKey(Secret):
    """Derives the secrets of all block versions of one gallery."""

    def __init__(self, key: GalleryKey, gallery_id: bytes, parameters: HintedParameterSet) -> None:
        self._key, self._parameters = key.subkey("hinted blocks", gallery_id), parameters

    def new_nonce(self, index: int, version: int, content: bytes | memoryview) -> bytes:
        """Return the synthetic nonce of a new block version.

        Parameters
        ----------
        index, version
            Which block version it is.
        content
            All that is encrypted, as bytes.
        """
        place = index.to_bytes(4, "little") + version.to_bytes(8, "little")
        digest = hashlib.sha256(content).digest()
        return self._key.mac(b"nonce\0" + os.urandom(32) + place + digest)

    def secrets(self, nonce: bytes) -> BlockSecrets:
        """Return the secrets of the block version with this nonce."""
        return BlockSecrets(self._key, nonce, self._parameters)


class ProbeKey(Secret):
    """Derives the secrets of probes of one gallery, each used once."""

    def __init__(self, key: GalleryKey, gallery_id: bytes, parameters: HintedParameterSet) -> None:
        self._key, self._parameters = key.subkey("hinted probes", gallery_id), parameters

    def draw(self, content: bytes) -> tuple[Residues, NoiseSource]:
        """Return t, uint32 of shape (primes, tiles, rank, 16), and the noise of a new probe.

        ``content`` is all that is encrypted, as bytes.
        """
        parameters = self._parameters
        seed = self._key.mac(os.urandom(32) + hashlib.sha256(content).digest())
        stream = SubKey(seed)
        count = parameters.rank * parameters.probe_degree
        drawn = uniform(stream.mac(b"mask"), count, parameters)
        t = drawn.reshape(-1, parameters.tiles, parameters.rank, LANES)
        return t, NoiseSource(stream.mac(b"noise"))


def uniform(key: bytes, count: int, parameters: HintedParameterSet) -> Residues:
    """Return secret residues, uint32 of shape (primes, count), from a key that serves for these."""
    drawn = np.empty((len(parameters.data_primes), count), np.uint32)
    for number, prime in enumerate(parameters.data_primes):
        UniformStream(key, _TAG, number, prime).fill(drawn[number])
    return drawn
