"""Notes of ``gallery init`` on the parameter set of a new gallery."""

from __future__ import annotations

import re

import pytest

from gallery.parameters import STANDARD, SWIFT
from tests.unit.commands.conftest import Command


@pytest.fixture
def owner(command: Command) -> Command:
    """The command line of somebody who has a key."""
    assert command("key", "new").code == 0
    return command


@pytest.mark.parametrize("parameters", ["standard", "compact"])
def test_of_ckks_sets_it_says_that_results_are_not_checked(owner: Command, parameters: str) -> None:
    done = owner("init", "--dimension", 16, "--parameters", parameters)

    assert (done.code, done.out) == (0, "")
    assert f"results of parameter set {parameters} are not checked" in done.err
    assert len(done.err.splitlines()) == 2


@pytest.mark.parametrize("parameters", ["swift", "light"])
@pytest.mark.parametrize("metric", ["cosine", "euclidean_l2"])
def test_of_hinted_sets_it_has_nothing_to_warn_of(
    owner: Command, parameters: str, metric: str
) -> None:
    done = owner("init", "--dimension", 16, "--parameters", parameters, "--metric", metric)

    assert (done.code, done.out) == (0, "")
    assert len(done.err.splitlines()) == 1


def test_of_raw_embeddings_under_a_hinted_set_it_says_how_exact_distances_are(
    owner: Command,
) -> None:
    chosen = ("--parameters", "swift", "--metric", "euclidean", "--norm-bound", 12)

    done = owner("init", "--dimension", 128, *chosen)

    assert (done.code, done.out) == (0, "")
    numbers = [float(text) for text in re.findall(r"\d\.\de-\d+", done.err)]
    bounds = [item.max_distance_error(128) * 12**2 for item in (SWIFT, STANDARD)]
    assert numbers == pytest.approx(bounds, rel=0.05)
    assert numbers[1] < 1e-5 < numbers[0]


def test_quiet_leaves_the_notices_out(owner: Command) -> None:
    assert owner("init", "--dimension", 16, "--parameters", "standard", "--quiet").err == ""
