"""The engine of this project: SEAL's ciphertexts, made and read many at a time.

Encryption is SEAL's symmetric one (``encrypt_zero_symmetric``): with c1 uniform and noise e,
``c0 = -(c1*s + e) + m``. c1 is expanded from a random seed that is used once, so that the seed can
travel in its place. The noise is drawn from a generator of its own.

What is said of constant time in `kernels`, `noise` and `encoding` holds here; SEAL, by comparison,
promises nothing of the kind.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from gallery.blocks import EXTRA_COLUMNS, columns_shape
from gallery.client.ckks import kernels
from gallery.client.ckks.codec import Encryption, Floats, Residues, check_encodable
from gallery.client.ckks.composition import Composer
from gallery.client.ckks.encoding import encoder
from gallery.client.ckks.noise import NoiseSource
from gallery.client.ckks.secret_key import SecretKey
from gallery.client.ckks.transform import transforms
from gallery.client.keys.secrets import Secret
from gallery.expansion import SEED_SIZE, expand_into
from gallery.parameters import ParameterSet

Coefficients = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint32]

Phase = Callable[[int, slice, Words], None]
"""Writes ``c0 + c1*s (+ c2*s**2)`` of some ciphertexts, under the prime with a number, into a work
array."""


class NativeCodec(Secret):
    """Encrypts and decrypts with compiled loops; see `gallery.client.ckks.CkksCodec`.

    Sixteen ciphertexts are worked on at once, so memory beyond arguments and results stays at a few
    megabytes. May be shared between threads. The first use in a process loads the compiled code
    from numba's cache on disk, or compiles it, which takes seconds.

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

    def __init__(self, secret: SecretKey, parameters: ParameterSet) -> None:
        self._secret, self._parameters = secret, parameters
        self._transforms = transforms(parameters)
        self._encoder = encoder(parameters.poly_modulus_degree)
        self._composer = Composer(parameters)

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

        def phase(prime: int, part: slice, work: Words) -> None:
            # A copy, because numba compiles read-only and strided arrays apart.
            some = residues[prime, :, part].copy()
            powers, p = self._secret.powers[prime], self._transforms[prime].prime
            kernels.phase_of_columns(some, powers, work, p)

        return self._decrypt(residues.shape[2], phase, self._parameters.column_scale)

    def decrypt_distances(self, residues: Residues) -> Floats:
        """Decrypt one result, (3, primes, coefficients); returns shape (positions,)."""
        found: Floats = self.decrypt_distances_many(residues[None])[0]
        return found

    def decrypt_distances_many(self, residues: Residues) -> Floats:
        """Decrypt n results at once: (n, 3, primes, coefficients) to (n, positions)."""

        def phase(prime: int, part: slice, work: Words) -> None:
            some = residues[part, :, prime].copy()
            powers, p = self._secret.powers[prime], self._transforms[prime].prime
            kernels.phase_of_results(some, powers, work, p)

        scale = self._parameters.column_scale * self._parameters.probe_scale
        return self._decrypt(len(residues), phase, scale)

    def _encrypt(self, count: int, coefficients: Callable[[slice], Coefficients]) -> Encryption:
        """Encrypt polynomials; ``coefficients`` gives those of some, shape (n, 1) or (n, N)."""
        parameters = self._parameters
        residues = np.empty(columns_shape(count - EXTRA_COLUMNS, parameters), np.uint32)
        seed, noise = os.urandom(SEED_SIZE), NoiseSource()
        expand_into(residues, seed, parameters)
        work = np.empty(kernels.WIDTH * parameters.poly_modulus_degree, np.uint32)
        for first in range(0, count, kernels.WIDTH):
            some = _in_work_order(coefficients(slice(first, first + kernels.WIDTH)))
            drawn, lanes = noise.draw(work.size), min(kernels.WIDTH, count - first)
            for prime, transform in enumerate(self._transforms):
                kernels.reduce(some, drawn, transform.reduction, transform.offset, work)
                transform.forward(work)
                key = self._secret.powers[prime][0]
                kernels.mask(work, residues[prime], first, lanes, key, transform.prime)
        return Encryption(residues, seed)

    def _decrypt(self, count: int, phase: Phase, scale: float) -> Floats:
        """Decrypt ciphertexts whose phases can be had; returns their positions, (n, N)."""
        degree = self._parameters.poly_modulus_degree
        found = np.empty((count, degree))
        works = [np.zeros(kernels.WIDTH * degree, np.uint32) for _ in self._transforms]
        for first in range(0, count, kernels.WIDTH):
            lanes = min(kernels.WIDTH, count - first)
            for prime, work in enumerate(works):
                phase(prime, slice(first, first + lanes), work)
            coefficients = self._composer.compose(works, lanes)
            found[first : first + lanes] = self._encoder.positions(coefficients)
        found /= scale
        return found


def _in_work_order(coefficients: Coefficients) -> Coefficients:
    """Return coefficients of up to sixteen polynomials as in a work array, with zeros for more."""
    padded = np.zeros((coefficients.shape[1], kernels.WIDTH), np.int64)
    padded[:, : len(coefficients)] = coefficients.T
    return padded.reshape(-1)
