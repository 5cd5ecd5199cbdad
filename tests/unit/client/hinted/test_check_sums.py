"""An answer that is not what blocks and probe give is caught on its residues; an honest one passes.

A lie passes with a probability of at most 1/p for each prime under which it differs: some here does
by chance in one of several hundred thousand runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from gallery.arrays import Residues
from gallery.ciphertexts.columns import sums_of_products
from gallery.client.hinted.block_cipher import HintedBlock
from gallery.client.hinted.check_sums import CheckSums
from gallery.errors import SecretExposureError, WrongResultError
from tests.support.hinted_owner import HintedOwner

BLOCKS = 3


@dataclass
class Search:
    """A gallery of a few blocks, a probe, and what an honest server answers."""

    owner: HintedOwner
    blocks: list[HintedBlock]
    sums: CheckSums
    probe: Residues
    results: list[Residues]

    @property
    def weights(self) -> list[Residues]:
        return [self.owner.weights(block) for block in self.blocks]

    def check(self, results: list[Residues]) -> None:
        self.sums.check(self.probe, zip(results, self.weights, strict=True))

    def results_of(self, probe: Residues, blocks: list[HintedBlock]) -> list[Residues]:
        columns = [block.columns for block in blocks]
        return [row[0] for row in sums_of_products(columns, [probe], self.owner.parameters)]


@pytest.fixture(scope="module")
def search(owner: HintedOwner) -> Search:
    blocks = [owner.blocks.encrypt(owner.draw(i), index=i, version=1) for i in range(BLOCKS)]
    probe = owner.probes.encrypt(owner.constants(0))[0]
    made = Search(owner, blocks, owner.check_sums(blocks), probe, [])
    made.results = made.results_of(probe, blocks)
    return made


def moved(result: Residues, where: tuple[Any, ...], by: int, prime: int) -> Residues:
    """Add a number to some residues modulo their prime."""
    changed = result.astype(np.uint64)
    changed[where] = (changed[where] + np.uint64(by % prime)) % np.uint64(prime)
    return changed.astype(np.uint32)


def test_honest_answers_pass(search: Search) -> None:
    search.check(search.results)
    for seed in range(20):
        probe = search.owner.probes.encrypt(search.owner.constants(seed))[0]
        answers = zip(search.results_of(probe, search.blocks), search.weights, strict=True)
        search.sums.check(probe, answers)


def test_honest_answers_pass_in_any_order_of_blocks_and_from_any_buffer(search: Search) -> None:
    pairs = list(zip(search.results, search.weights, strict=True))
    search.sums.check(search.probe, reversed(pairs))
    received = [
        np.frombuffer(b"\0" + result.tobytes(), "<u4", offset=1).reshape(result.shape)
        for result in search.results
    ]
    search.check(received)


def test_sums_are_what_their_definition_says(search: Search) -> None:
    for number, prime in enumerate(search.owner.parameters.data_primes):
        expected = np.zeros(search.sums.sums.shape[1:], object)
        for block, weights in zip(search.blocks, search.weights, strict=True):
            for part, weight in enumerate(weights[number]):
                expected = expected + block.columns[number, :, part].astype(object) * int(weight)
        found = search.sums.sums[number]
        np.testing.assert_array_equal(found, (expected % prime).astype(np.uint32))


def test_sums_change_by_the_difference_of_old_and_new_blocks(search: Search) -> None:
    owner, blocks = search.owner, list(search.blocks)
    sums = owner.check_sums(blocks)
    replacement = owner.blocks.encrypt(owner.draw(9), index=1, version=2)

    # What was stored is read-only.
    stored = np.frombuffer(blocks[1].columns.tobytes(), "<u4").reshape(blocks[1].columns.shape)
    sums.remove(stored, owner.weights(blocks[1]))
    sums.add(replacement.columns, owner.weights(replacement))

    blocks[1] = replacement
    np.testing.assert_array_equal(sums.sums, owner.check_sums(blocks).sums)
    for block in blocks:
        sums.remove(block.columns, owner.weights(block))
    assert not sums.sums.any()


def test_sums_do_not_depend_on_the_order_of_writes(search: Search) -> None:
    found = search.owner.check_sums(search.blocks[::-1]).sums

    np.testing.assert_array_equal(found, search.sums.sums)


def test_sums_that_were_stored_check_as_before(search: Search) -> None:
    owner = search.owner
    stored = CheckSums(owner.columns, owner.parameters, search.sums.sums.copy())

    stored.check(search.probe, zip(search.results, search.weights, strict=True))


def test_an_empty_gallery_answers_nothing(owner: HintedOwner, search: Search) -> None:
    empty = CheckSums(owner.columns, owner.parameters)

    empty.check(search.probe, [])
    with pytest.raises(WrongResultError):
        empty.check(search.probe, [(search.results[0], search.weights[0])])


@pytest.mark.parametrize("seed", range(100))
def test_any_one_residue_is_caught(search: Search, seed: int) -> None:
    random, lies = np.random.default_rng(seed), list(search.results)
    block, primes = int(random.integers(BLOCKS)), search.owner.parameters.data_primes
    where = tuple(int(random.integers(size)) for size in lies[block].shape)
    by = int(random.choice([1, -1, 2, int(random.integers(1, primes[where[0]]))]))
    lies[block] = moved(lies[block], where, by, primes[where[0]])

    with pytest.raises(WrongResultError):
        search.check(lies)


@pytest.mark.parametrize("seed", range(50))
def test_a_constant_on_all_points_of_a_slice_is_caught(search: Search, seed: int) -> None:
    # It moves the distance of one reference, and of no other.
    random, lies = np.random.default_rng(seed), list(search.results)
    block = int(random.integers(BLOCKS))
    part = int(random.integers(search.owner.parameters.slices))
    shift = int(random.integers(1, search.owner.parameters.data_modulus))
    for number, prime in enumerate(search.owner.parameters.data_primes):
        lies[block] = moved(lies[block], (number, slice(None), part), shift, prime)

    with pytest.raises(WrongResultError):
        search.check(lies)


@pytest.mark.parametrize("seed", range(20))
def test_opposite_shifts_of_two_blocks_are_caught(search: Search, seed: int) -> None:
    # Weights are secret: what cancels without them does not with them.
    random, lies = np.random.default_rng(seed), list(search.results)
    shift = int(random.integers(1, search.owner.parameters.data_primes[-1]))
    for block, by in ((0, shift), (1, -shift)):
        prime = search.owner.parameters.data_primes[-1]
        lies[block] = moved(lies[block], (-1, 2, 3, 4), by, prime)

    with pytest.raises(WrongResultError):
        search.check(lies)


def implanted(search: Search) -> list[Residues]:
    """Add a column times the probe once more: what the server can compute by itself."""
    lies, parameters = list(search.results), search.owner.parameters
    for number, prime in enumerate(parameters.data_primes):
        c = search.blocks[0].columns[number, :, :, 0].astype(np.uint64)
        product = c * search.probe[number, :, None, 0] % np.uint64(prime)
        lies[0] = lies[0].copy()
        lies[0][number] = (lies[0][number] + product) % np.uint64(prime)
    return lies


def of_another_probe(search: Search) -> list[Residues]:
    other = search.owner.probes.encrypt(search.owner.constants(1))[0]
    return [search.results[0], *search.results_of(other, search.blocks)[1:]]


def of_another_version(search: Search) -> list[Residues]:
    newer = search.owner.blocks.encrypt(search.owner.draw(0), index=0, version=2)
    return [*search.results_of(search.probe, [newer]), *search.results[1:]]


def rotated(search: Search) -> list[Residues]:
    return [np.roll(search.results[0], 1, axis=2), *search.results[1:]]


def too_large(search: Search) -> list[Residues]:
    lies = [result.copy() for result in search.results]
    lies[1][-1, 0, 0, 0] = np.uint32(2**32 - 1)
    return lies


LIES: dict[str, Callable[[Search], list[Residues]]] = {
    "swapped blocks": lambda s: [s.results[1], s.results[0], s.results[2]],
    "one block twice": lambda s: [s.results[0], s.results[0], s.results[2]],
    "a zero result": lambda s: [np.zeros_like(s.results[0]), *s.results[1:]],
    "nothing but zeros": lambda s: [np.zeros_like(result) for result in s.results],
    "all results of another probe": lambda s: s.results_of(
        s.owner.probes.encrypt(s.owner.constants(0))[0], s.blocks
    ),
    "results of another probe": of_another_probe,
    "another version's result": of_another_version,
    "a product of its own": implanted,
    "slices in another order": rotated,
    "residues above the prime": too_large,
}


@pytest.mark.parametrize("lie", LIES)
def test_lies_about_results_are_caught(search: Search, lie: str) -> None:
    with pytest.raises(WrongResultError, match="nothing of it was decrypted"):
        search.check(LIES[lie](search))


@pytest.mark.parametrize("chosen", [[0, 1], [1, 2], [], [0, 1, 2, 2], [0, 0, 1, 2]])
def test_missing_and_doubled_blocks_are_caught(search: Search, chosen: list[int]) -> None:
    answers = [(search.results[i], search.weights[i]) for i in chosen]

    with pytest.raises(WrongResultError):
        search.sums.check(search.probe, answers)


def test_stale_weights_and_stale_sums_are_caught(search: Search) -> None:
    owner = search.owner
    newer = owner.blocks.encrypt(owner.draw(0), index=0, version=2)
    answers = list(zip(search.results, search.weights, strict=True))
    stale_weights = [(search.results[0], owner.weights(newer)), *answers[1:]]
    new_answers = [
        (search.results_of(search.probe, [newer])[0], owner.weights(newer)),
        *answers[1:],
    ]

    with pytest.raises(WrongResultError):
        search.sums.check(search.probe, stale_weights)
    with pytest.raises(WrongResultError):
        search.sums.check(search.probe, new_answers)
    owner.check_sums([newer, *search.blocks[1:]]).check(search.probe, new_answers)


def test_sums_of_another_gallery_are_caught(search: Search) -> None:
    foreign = search.owner.check_sums(search.blocks[:2])

    with pytest.raises(WrongResultError):
        foreign.check(search.probe, zip(search.results, search.weights, strict=True))


def test_the_error_says_nothing_of_what_was_computed(search: Search) -> None:
    texts = set()
    for lie in LIES.values():
        with pytest.raises(WrongResultError) as caught:
            search.check(lie(search))
        texts.add(str(caught.value))

    assert len(texts) == 1


def test_sums_are_neither_shown_nor_copied(search: Search) -> None:
    assert repr(search.sums) == "<CheckSums: redacted>"
    with pytest.raises(SecretExposureError):
        search.sums.__reduce__()
