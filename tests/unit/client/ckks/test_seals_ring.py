"""SEAL's ring is this project's: the order of its transform, and the noise of its encryptions."""

from __future__ import annotations

import numpy as np

from gallery.client.ring import residue_kernels
from gallery.client.ring.crt import CrtComposer
from gallery.client.ring.ntt import transforms
from tests.support.noise_statistics import chi_square, limit
from tests.unit.client.ckks.conftest import SealOwner


def phase_noise(owner: SealOwner, residues: np.ndarray) -> np.ndarray:
    """Return the noise of encryptions of zero, (n, 2, primes, N): the coefficients of c0 + c1*s."""
    found = []
    for ciphertext in residues:
        works = []
        for c, s, transform in zip(
            ciphertext.transpose(1, 0, 2),
            owner.key_residues,
            transforms(owner.parameters),
            strict=True,
        ):
            wide = c[0] + c[1].astype(np.uint64) * s
            works.append(
                np.repeat((wide % transform.prime).astype(np.uint32), residue_kernels.WIDTH)
            )
        found.append(CrtComposer(owner.parameters).compose(works, 1)[0])
    return np.concatenate(found).astype(np.int64)


def test_ciphertexts_of_both_carry_noise_of_one_distribution(owner: SealOwner) -> None:
    degree, primes = owner.parameters.poly_modulus_degree, len(owner.parameters.data_primes)
    count = 16
    theirs = np.stack([owner.encrypt(0.0, 1.0) for _ in range(count)])
    ours = owner.native.encrypt_constants(np.zeros(count)).residues
    untiled = ours.transpose(2, 3, 0, 1, 4).reshape(count, 2, primes, degree)

    for residues in (theirs, untiled):
        noise = phase_noise(owner, residues)
        statistic, freedom = chi_square(noise)
        assert np.abs(noise).max() <= 21
        assert statistic < limit(freedom)


def test_seals_plaintexts_are_in_this_order(owner: SealOwner) -> None:
    # x**(N/2) is i at every other slot and -i between: 1 + 2 x**(N/2) and nothing else.
    parameters = owner.parameters
    degree, scale = parameters.poly_modulus_degree, parameters.column_scale
    positions = np.concatenate([np.ones(degree // 2), np.tile([2.0, -2.0], degree // 4)])

    encoded = owner.encode(positions, scale)

    for row, transform in zip(encoded, transforms(parameters), strict=True):
        work = np.repeat(row, residue_kernels.WIDTH)
        transform.inverse(work)
        expected = np.zeros(degree, np.int64)
        expected[[0, degree // 2]] = np.array([scale, 2 * scale]) % int(transform.prime)
        np.testing.assert_array_equal(work.reshape(degree, -1)[:, 0], expected)
