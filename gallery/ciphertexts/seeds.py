"""The uniform half of seeded ciphertexts: 32 bytes stand for all their second polynomials.

In a fresh ciphertext ``(c0, c1)`` under a secret key, ``c1`` is uniform and independent of what is
encrypted. If it is the output of a generator, its seed can travel in its place (as SEAL's own
seeded ciphertexts do); every reader expands the seed to the same residues. The seed is public:
``c0`` hides the plaintext even where ``c1`` is known, as long as no seed serves twice.

For the prime with number ``i`` the residues are, in the order of
`gallery.ciphertexts.blocks.columns_shape` (tile, column, lane), the accepted words of one ChaCha20
keystream (RFC 8439): key is the seed, nonce the tag ``b"uniform1"`` and ``i`` as 32 bits, the block
counter starts at 0. Words have 32 bits; of each the low 27, as many as a data prime has, are taken,
and dropped if they are not below the prime. All numbers are little-endian.

The time that dropped words take tells nothing, since they are public.
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

from gallery.arrays import Residues
from gallery.errors import MalformedMessageError
from gallery.parameters import LANES, CkksParameterSet

SEED_SIZE: Final = 32
"""Bytes of a seed: a key of ChaCha20."""

_TAG: Final = b"uniform1"
"""Names the streams of second polynomials; other uses of `UniformStream` have others."""

_CHUNK: Final = 2**16
"""Words that are made at once, so that they stay in the processor's caches."""

_ZEROS: Final = bytes(4 * _CHUNK)
"""The plaintext: a stream cipher turns zeros into its keystream."""


def expand(seed: bytes, columns: int, parameters: CkksParameterSet) -> Residues:
    """Return the second polynomials of a seeded set of ciphertexts.

    Parameters
    ----------
    seed
        32 bytes, used for this set alone.
    columns
        Number of ciphertexts.
    parameters
        Gives primes and ring degree.

    Returns
    -------
    numpy.ndarray
        uint32 of shape (primes, tiles, columns, 16), each residue below its prime.

    Raises
    ------
    MalformedMessageError
        If the seed has another length.
    """
    shape = len(parameters.data_primes), parameters.tiles, columns, LANES
    uniform = np.empty(shape, np.uint32)
    _fill(uniform, seed, parameters)
    return uniform


def expand_into(residues: Residues, seed: bytes, parameters: CkksParameterSet) -> None:
    """Write what `expand` returns into polynomial 1 of ciphertexts; polynomial 0 stays.

    Parameters
    ----------
    residues
        uint32 of shape (primes, tiles, columns, 2, 16), as
        `gallery.ciphertexts.blocks.columns_shape` has it.
    seed
        32 bytes, used for this set alone.
    parameters
        The parameter set of the ciphertexts.

    Raises
    ------
    MalformedMessageError
        If the seed has another length.
    """
    _fill(residues[..., 1, :], seed, parameters)


def _fill(uniform: Residues, seed: bytes, parameters: CkksParameterSet) -> None:
    if len(seed) != SEED_SIZE:
        raise MalformedMessageError(f"a seed has {len(seed)} bytes, not {SEED_SIZE}")
    # Whole tiles at a time. A tile of polynomial 1 does not lie in one piece where both polynomials
    # are interleaved, so its residues are made in ``taken``, a contiguous array, and copied.
    step = min(parameters.tiles, max(1, _CHUNK // uniform[0, 0].size))
    taken = np.empty(step * uniform[0, 0].size, "<u4")
    for number, prime in enumerate(parameters.data_primes):
        stream = UniformStream(seed, _TAG, number, prime)
        for start in range(0, parameters.tiles, step):
            part = uniform[number, start : start + step]
            stream.fill(taken[: part.size])
            part[...] = taken[: part.size].reshape(part.shape)


class UniformStream:
    """Residues modulo a prime, uniform, out of one keystream: its accepted words, each given once.

    Parameters
    ----------
    key
        32 bytes; public for public residues, and secret for secret ones.
    tag
        8 bytes that name what the residues are for. No two streams of one key share tag and number.
    number
        Which of several streams this is, such as the number of the prime.
    prime
        Below 2**31.
    """

    def __init__(self, key: bytes, tag: bytes, number: int, prime: int) -> None:
        nonce = struct.pack("<I8sI", 0, tag, number)  # block counter, then the nonce of RFC 8439
        self._cipher = Cipher(algorithms.ChaCha20(key, nonce), mode=None).encryptor()
        self._prime, self._mask = np.uint32(prime), np.uint32(2 ** prime.bit_length() - 1)

    def fill(self, residues: Residues) -> None:
        """Write the next residues into a contiguous array of any shape."""
        from gallery.ciphertexts.seed_kernel import accept

        missing = residues.reshape(-1)
        while missing.size:
            # Never more words than residues are missing: none that is accepted goes to waste. The
            # keystream is written where the residues belong, and those accepted move to the front.
            some = missing[:_CHUNK]
            self._cipher.update_into(_zeros(some.nbytes), some.view(np.uint8).data)
            missing = missing[accept(some, self._mask, self._prime) :]


def _zeros(size: int) -> memoryview:
    return memoryview(_ZEROS)[:size]
