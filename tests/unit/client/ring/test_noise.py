"""The noise of encryptions: that of SEAL by its distribution, and random unless a key is given.

Bounds are at odds of one in a billion and more, so that none of these tests ever fails by chance.
"""

from __future__ import annotations

import ast
import math
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import gallery.client.ckks
import gallery.client.hinted
import gallery.client.ring
from gallery.client.ring.noise import NoiseSource
from gallery.parameters import NOISE_SIGMA
from tests.support.noise_statistics import PROBABILITIES, chi_square, limit

COUNT = 2**20


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    return NoiseSource().draw(COUNT).astype(np.int64)


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


def test_a_key_gives_the_same_noise_again_and_another_key_other_noise() -> None:
    one, again, other = (NoiseSource(bytes([k]) * 32).draw(1000) for k in (1, 1, 2))

    np.testing.assert_array_equal(one, again)
    assert (one == other).mean() < 0.25
    statistic, freedom = chi_square(NoiseSource(b"\1" * 32).draw(COUNT).astype(np.int64))
    assert statistic < limit(freedom)


@pytest.mark.parametrize(
    "package", [gallery.client.ckks, gallery.client.hinted, gallery.client.ring]
)
def test_the_package_draws_from_the_systems_generator_alone(package: ModuleType) -> None:
    imported, used = set(), set()
    for path in Path(str(package.__file__)).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported |= {f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Attribute):
                used.add(ast.unparse(node))

    assert "os.urandom" in used
    assert not {name for name in imported if name.split(".")[0] in {"random", "secrets"}}
    assert not {n for n in imported | used if n.startswith(("np.random", "numpy.random"))}
