"""The noise of encryptions: that of SEAL, by its distribution, and never the same again.

Bounds are at odds of one in a billion and more, so that none of these tests ever fails by chance.
"""

from __future__ import annotations

import ast
import math
from pathlib import Path

import numpy as np
import pytest

import gallery.client.ckks
from gallery.client.ckks import residue_kernels
from gallery.client.ckks.crt import CrtComposer
from gallery.client.ckks.noise import NoiseSource
from gallery.client.ckks.ntt import transforms
from gallery.parameters import NOISE_SIGMA
from tests.unit.client.ckks.conftest import SealOwner

COUNT = 2**20
PROBABILITIES = np.array([math.comb(42, ones) / 2.0**42 for ones in range(43)])
"""Of noise from -21 to 21: the binomial distribution of 42 bits."""


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    return NoiseSource().draw(COUNT).astype(np.int64)


def chi_square(noise: np.ndarray) -> tuple[float, int]:
    """Return the statistic of values against the distribution, and its degrees of freedom."""
    counts = np.bincount(noise + 21, minlength=43)
    likely = len(noise) * PROBABILITIES > 20
    observed = np.append(counts[likely], counts[~likely].sum())
    expected = len(noise) * np.append(PROBABILITIES[likely], PROBABILITIES[~likely].sum())
    return float(((observed - expected) ** 2 / expected).sum()), len(observed) - 1


def limit(freedom: int) -> float:
    """Return what chi-square exceeds once in 1e10 (Wilson and Hilferty's approximation)."""
    return freedom * (1 - 2 / (9 * freedom) + 6.4 * math.sqrt(2 / (9 * freedom))) ** 3


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


def test_mean_and_variance_are_those_of_the_distribution(noise: np.ndarray) -> None:
    assert abs(noise.mean()) < 6.5 * NOISE_SIGMA / math.sqrt(COUNT)
    # The variance of a square is at most twice the square of the variance here.
    assert noise.var() == pytest.approx(NOISE_SIGMA**2, rel=6.5 * math.sqrt(2 / COUNT))


def test_every_value_is_as_frequent_as_it_should_be(noise: np.ndarray) -> None:
    statistic, freedom = chi_square(noise)

    assert freedom > 20
    assert statistic < limit(freedom)


def test_the_tails_are_there_and_end_at_21(noise: np.ndarray) -> None:
    assert np.abs(noise).max() <= 21
    # Three standard deviations and more: expected within the same odds.
    share = PROBABILITIES[np.abs(np.arange(-21, 22)) > 9].sum()
    far = (np.abs(noise) > 9).sum()
    assert far == pytest.approx(COUNT * share, abs=6.5 * math.sqrt(COUNT * share))


def test_neighbours_are_independent(noise: np.ndarray) -> None:
    for distance in (1, 2, 16, 4096):
        products = noise[distance:] * noise[:-distance]
        assert abs(products.mean()) < 6.5 * NOISE_SIGMA**2 / math.sqrt(len(products))


def test_every_source_has_noise_of_its_own() -> None:
    draws = [NoiseSource().draw(64).tobytes() for _ in range(16)]

    assert len(set(draws)) == 16
    source = NoiseSource()
    assert source.draw(64).tobytes() != source.draw(64).tobytes()


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


def test_the_package_draws_from_the_systems_generator_alone() -> None:
    folder = Path(gallery.client.ckks.__file__).parent
    names = set()
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Attribute):
                names.add(ast.unparse(node))

    assert "os.urandom" in names
    assert not {name for name in names if name.split(".")[0] in {"random", "secrets"}}
    assert not {name for name in names if name.startswith(("np.random", "numpy.random"))}
