"""The promised error of a distance, against the error of real ciphertexts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from gallery.evaluator import make_evaluator
from gallery.parameters import COMPACT, STANDARD
from tests.support.seal_owner import SealOwner, unit_vectors


@pytest.fixture(params=[STANDARD, COMPACT], ids=lambda p: p.name)
def owner(request: pytest.FixtureRequest) -> Iterator[SealOwner]:
    made = SealOwner(request.param)
    yield made
    made.close()


@pytest.mark.parametrize("dimension", [1, 128])
@pytest.mark.parametrize("enrolled", [40, 2048, 4096])
def test_error_of_a_distance_is_below_the_bound_and_near_it(
    owner: SealOwner, enrolled: int, dimension: int
) -> None:
    parameters = owner.parameters
    random = np.random.default_rng(enrolled)
    templates = unit_vectors(random, enrolled, dimension)
    probe = unit_vectors(random, 1, dimension)[0]
    columns, constants = owner.encrypt_templates(templates), owner.encrypt_probe(probe)

    found = owner.decrypt(make_evaluator().distances(columns, constants, parameters))

    error = np.abs(found[:enrolled] - ((templates - probe) ** 2).sum(axis=1)).max()
    bound = parameters.max_distance_error(dimension)
    assert error <= bound
    assert bound < 20 * error
    assert found[enrolled:] == pytest.approx(parameters.sentinel, abs=bound)
