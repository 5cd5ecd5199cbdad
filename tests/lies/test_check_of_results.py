"""The check of results, held against thousands of lies: none passes, and every honest answer does.

Here residues go to the check directly, which is quick; `test_lying_services` goes through searches.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gallery.backends import Backend
from gallery.client.integrity.check_sum_keeper import CheckSumKeeper
from gallery.client.scheme import ProbeEncryption, ResultCheck
from gallery.client.scheme_selection import make_scheme
from gallery.errors import WrongResultError
from gallery.messages import SearchRequest
from tests.support.lies import RESIDUE_LIES, Scene
from tests.support.lying import Answer

PROBES = 3
CASES = 250
SEEDED = (
    "one residue",
    "one bit",
    "constant on a slice",
    "chosen vector",
    "one prime only",
    "wrap around",
    "moved between blocks",
    "uniform",
)
"""Lies that are another one with each seed."""


class Examined:
    """An honest answer to three probes, and the check of it."""

    def __init__(self, scene: Scene) -> None:
        description = scene.service.describe("default")
        scheme = make_scheme(Backend.NATIVE, scene.key, description)
        keeper = CheckSumKeeper(scene.key, description.gallery_id, scheme)
        current = scene.current
        check = keeper.opened(current.manifest, current.check_sums)
        assert check is not None
        self.check: ResultCheck = check
        vectors = np.concatenate([scene.mated(2), scene.strangers(1)])
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        self.secrets: list[ProbeEncryption] = [scheme.encrypt_probe(vector) for vector in vectors]
        probes = tuple(
            replace(scene.earlier, probe_id=bytes([number]) * 16, constants=secret.constants)
            for number, secret in enumerate(self.secrets)
        )
        self.request = SearchRequest(description.gallery_id, probes, {})
        found = scene.service.search(self.request)
        self.answer = Answer(found.manifest, tuple(found.blocks), found.check_sums)

    def verdict(self, answer: Answer) -> bool:
        """Tell whether an answer passes."""
        try:
            self.check.check(self.secrets, answer.blocks)
        except WrongResultError:
            return False
        return True


@pytest.fixture(scope="module")
def _made() -> dict[str, Examined]:
    return {}


@pytest.fixture
def examined(scene: Scene, _made: dict[str, Examined]) -> Examined:
    """Made once for each parameter set."""
    name = scene.parameters.name
    if name not in _made:
        _made[name] = Examined(scene)
    return _made[name]


def test_honest_answers_pass(examined: Examined) -> None:
    assert examined.verdict(examined.answer)


@pytest.mark.parametrize("kind", RESIDUE_LIES)
def test_no_lie_passes(scene: Scene, examined: Examined, kind: str) -> None:
    """Each of the kinds with another seed each time; those without a choice, once."""
    passed = []
    for seed in range(CASES if kind in SEEDED else 3):
        lie = RESIDUE_LIES[kind](scene, np.random.default_rng(seed))
        if examined.verdict(lie(examined.request, examined.answer)):
            passed.append(seed)

    assert passed == []
