"""Residues for tests: random ones, and those of packing and expansion done once more.

Both are slow here, in Python's integers, and follow docs/format.md to the letter.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

from gallery.arrays import Residues
from gallery.ciphertexts.blocks import columns_shape
from gallery.parameters import CkksParameterSet


def random_residues(
    random: np.random.Generator, dimension: int, parameters: CkksParameterSet
) -> Residues:
    """Draw residues that no encryption made, in the shape of the columns of a block."""
    shape = columns_shape(dimension, parameters)[1:]
    return np.stack([random.integers(0, p, shape, np.uint32) for p in parameters.data_primes])


def slow_pack(residues: Iterable[int], bits: int = 27) -> bytes:
    """Return residues as one number, residue k at bit b k, in so many bytes as that has."""
    written = "".join(f"{int(residue):0{bits}b}" for residue in reversed(list(residues)))
    return int(written, 2).to_bytes(len(written) // 8, "little")


def keystream(seed: bytes, number: int, words: int) -> tuple[int, ...]:
    """Return the words of the keystream of one prime, from the first on."""
    nonce = b"uniform1" + struct.pack("<I", number)
    # The library takes the block counter, which starts at 0, together with the nonce.
    cipher = Cipher(algorithms.ChaCha20(seed, bytes(4) + nonce), mode=None).encryptor()
    return struct.unpack(f"<{words}I", cipher.update(bytes(4 * words)))


def slow_expand(seed: bytes, primes: Sequence[int], count: int) -> list[list[int]]:
    """Return for each prime its ``count`` uniform residues, in the order in which they are laid."""
    found = []
    for number, prime in enumerate(primes):
        low = [word % 2**27 for word in keystream(seed, number, count + count // 100 + 100)]
        found.append([residue for residue in low if residue < prime][:count])
    return found


def patterned(shape: tuple[int, ...], prime_axis: int, primes: Sequence[int]) -> Residues:
    """Return the residues of known answers: number k in C order is k**3 + 5 modulo its prime."""
    numbers = np.arange(np.prod(shape), dtype=object).reshape(shape)
    limits = np.array(primes, dtype=object)
    limits = limits.reshape([-1 if axis == prime_axis else 1 for axis in range(len(shape))])
    return ((numbers**3 + 5) % limits).astype(np.uint32)
