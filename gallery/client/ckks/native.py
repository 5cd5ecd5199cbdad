"""The native backend: SEAL's ciphertexts, made and read many at a time by compiled loops.

Encryption is SEAL's symmetric one (``encrypt_zero_symmetric``): with c1 uniform and noise e,
``c0 = -(c1*s + e) + m``. c1 is expanded from a random seed that is used once, so that the seed can
travel in its place. The noise is drawn from a generator of its own.

The statements about constant time in `residue_kernels`, `noise` and `encoding` hold here; SEAL, by
comparison, promises nothing of the kind.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import numpy as np

from gallery.arrays import Floats, Integers, Residues
from gallery.ciphertexts.blocks import EXTRA_COLUMNS, columns_shape, distances_shape
from gallery.ciphertexts.seeds import SEED_SIZE, expand_into
from gallery.client.ckks.codec import Encryption, check_encodable
from gallery.client.ckks.encoding import encoder
from gallery.client.ckks.secret_key import SecretKey
from gallery.client.keys.secrets import Secret
from gallery.client.ring import ntt_kernels, residue_kernels
from gallery.client.ring.crt import CrtComposer
from gallery.client.ring.noise import NoiseSource
from gallery.client.ring.ntt import transforms
from gallery.errors import MalformedMessageError
from gallery.parameters import CkksParameterSet

Coefficients = Integers

Phase = Callable[[int, int, int, Residues], None]
"""Writes ``c0 + c1*s (+ c2*s**2)`` into a work array: under the prime with a number, and of so many
ciphertexts from the first one on."""


class NativeCodec(Secret):
    """Encrypts and decrypts with compiled loops; see `gallery.client.ckks.CkksCodec`.

    Sixteen ciphertexts are worked on at once, so memory beyond arguments and results stays at a few
    megabytes. May be shared between threads. The first use in a process loads the compiled code
    from disk, or compiles it, which takes seconds.

    Parameters
    ----------
    secret
        The owner's secret key.
    parameters
        The parameter set that it is for.

    Raises
    ------
    ParameterSetError
        If the parameter set has another number of data primes than 2 or 3.
    """

    def __init__(self, secret: SecretKey, parameters: CkksParameterSet) -> None:
        self._secret, self._parameters = secret, parameters
        self._transforms = transforms(parameters)
        self._encoder = encoder(parameters.poly_modulus_degree)
        self._composer = CrtComposer(parameters)

    def close(self) -> None:
        """Do nothing: there are no temporary files."""

    def encrypt_columns(self, columns: Floats) -> Encryption:
        """Encrypt the columns of a block, shape (d + 2, positions)."""
        scale = self._parameters.column_scale
        check_encodable(columns, scale)
        return self._encrypt(
            len(columns), lambda part: self._encoder.coefficients(columns[part], scale)
        )

    def encrypt_constants(self, constants: Floats) -> Encryption:
        """Encrypt the constants of a probe, shape (d + 2,).

        A slot vector of one real number is a polynomial of one coefficient.
        """
        scale = self._parameters.probe_scale
        check_encodable(constants, scale)
        rounded = np.rint(constants * scale).astype(np.int64).reshape(-1, 1)
        return self._encrypt(len(rounded), lambda part: rounded[part])

    def decrypt_columns(self, residues: Residues) -> Floats:
        """Decrypt the columns of a block; returns shape (d + 2, positions)."""
        columns = residues.shape[2]
        residues = _checked(residues, columns_shape(columns - EXTRA_COLUMNS, self._parameters))

        def phase(prime: int, first: int, lanes: int, work: Residues) -> None:
            powers, p = self._secret.powers[prime], self._transforms[prime].prime
            start = _address(residues[prime, :, first:])
            ntt_kernels.phase_of_columns(start, columns, lanes, powers, work, p)

        return self._decrypt(columns, phase, self._parameters.column_scale)

    def decrypt_distances(self, residues: Residues) -> Floats:
        """Decrypt one result, (3, primes, coefficients); returns shape (positions,)."""
        found: Floats = self.decrypt_distances_many([residues])[0]
        return found

    def decrypt_distances_many(self, results: Sequence[Residues]) -> Floats:
        """Decrypt n results at once, each (3, primes, coefficients), to (n, positions)."""
        shape = distances_shape(self._parameters)
        results = [_checked(residues, shape) for residues in results]
        places = np.array([_address(residues) for residues in results], np.intp)
        polynomial = 4 * shape[2]

        def phase(prime: int, first: int, lanes: int, work: Residues) -> None:
            powers, p = self._secret.powers[prime], self._transforms[prime].prime
            some = places[first : first + lanes] + prime * polynomial
            ntt_kernels.phase_of_results(some, shape[1] * polynomial, powers, work, p)

        scale = self._parameters.column_scale * self._parameters.probe_scale
        return self._decrypt(len(results), phase, scale)

    def _encrypt(self, count: int, coefficients: Callable[[slice], Coefficients]) -> Encryption:
        """Encrypt polynomials; ``coefficients`` gives those of some, shape (n, 1) or (n, N)."""
        parameters = self._parameters
        residues = np.empty(columns_shape(count - EXTRA_COLUMNS, parameters), np.uint32)
        seed, noise = os.urandom(SEED_SIZE), NoiseSource()
        expand_into(residues, seed, parameters)
        work = np.empty(residue_kernels.WIDTH * parameters.poly_modulus_degree, np.uint32)
        for first in range(0, count, residue_kernels.WIDTH):
            some = _in_work_order(coefficients(slice(first, first + residue_kernels.WIDTH)))
            drawn, lanes = noise.draw(work.size), min(residue_kernels.WIDTH, count - first)
            for prime, transform in enumerate(self._transforms):
                residue_kernels.reduce(some, drawn, transform.reduction, transform.offset, work)
                transform.forward(work)
                key, start = self._secret.powers[prime][0], _address(residues[prime, :, first:])
                ntt_kernels.mask(work, start, count, lanes, key, transform.prime)
        return Encryption(residues, seed)

    def _decrypt(self, count: int, phase: Phase, scale: float) -> Floats:
        """Decrypt ciphertexts whose phases can be had; returns their positions, (n, N)."""
        degree = self._parameters.poly_modulus_degree
        found = np.empty((count, degree))
        works = [np.zeros(residue_kernels.WIDTH * degree, np.uint32) for _ in self._transforms]
        for first in range(0, count, residue_kernels.WIDTH):
            lanes = min(residue_kernels.WIDTH, count - first)
            for prime, work in enumerate(works):
                phase(prime, first, lanes, work)
            coefficients = self._composer.compose(works, lanes)
            found[first : first + lanes] = self._encoder.positions(coefficients)
        found /= scale
        return found


def _checked(residues: Residues, shape: tuple[int, ...]) -> Residues:
    """Return residues as compiled code reads them: contiguous, and not a byte fewer than it reads.

    Raises
    ------
    MalformedMessageError
        If they have another type or shape.
    """
    if residues.dtype != np.dtype("<u4") or residues.shape != shape:
        raise MalformedMessageError(
            f"residues are {residues.dtype} of shape {residues.shape}, not uint32 of shape {shape}"
        )
    return np.ascontiguousarray(residues)


def _address(residues: Residues) -> int:
    """Return the address of residues, so that one compiled version serves read-only ones too."""
    return int(residues.ctypes.data)


def _in_work_order(coefficients: Coefficients) -> Coefficients:
    """Return coefficients of up to sixteen polynomials as in a work array, with zeros for more."""
    padded = np.zeros((coefficients.shape[1], residue_kernels.WIDTH), np.int64)
    padded[:, : len(coefficients)] = coefficients.T
    return padded.reshape(-1)
