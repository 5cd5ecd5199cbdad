"""The noise of encryptions: what an attacker must not guess, from the system's generator alone."""

from __future__ import annotations

import os
from typing import Final

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

from gallery.client.keys.secrets import Secret
from gallery.client.ring import residue_kernels

Noise = npt.NDArray[np.int8]

_CHUNK: Final = 2**13
"""Coefficients that are drawn at once: their random words stay in the processor's caches."""

_ZEROS: Final = bytes(8 * _CHUNK)


class NoiseSource(Secret):
    """Draws centred binomial noise from one ChaCha20 keystream (RFC 8439) under a fresh random key.

    A source is made for one encryption and dropped with it. Without a key its stream is random;
    with one, of which nothing else is derived, the same noise can be drawn again. Standard
    deviation, and range (-21 to 21), are those of SEAL (`gallery.parameters.NOISE_SIGMA`). Drawing
    takes the same steps whatever is drawn.
    """

    def __init__(self, key: bytes | None = None) -> None:
        # The key serves no other stream, so the nonce may be anything.
        cipher = Cipher(algorithms.ChaCha20(key or os.urandom(32), bytes(16)), mode=None)
        self._cipher = cipher.encryptor()

    def draw(self, count: int) -> Noise:
        """Return ``count`` coefficients, int8."""
        noise = np.empty(count, np.int8)
        words = np.empty(_CHUNK, np.uint64)
        for start in range(0, count, _CHUNK):
            some = noise[start : start + _CHUNK]
            drawn = words[: some.size]
            self._cipher.update_into(memoryview(_ZEROS)[: drawn.nbytes], drawn.view(np.uint8).data)
            residue_kernels.binomial(drawn, some)
        return noise
