"""Lies about results of `standard` and `compact`: those that are caught, and those that are not.

Their results have no check sums: canaries alone stand against a server that lies, and they are
looked at after decryption. What a lie gives:

=============================================  =================================================
any one residue, zero, random residues         caught: `WrongResultError`, after decryption
another version's, gallery's or probe's        caught likewise
a constant added to all positions              caught likewise
statements, as in `test_lying_services`        caught before anything is decrypted
a chosen vector, added at chosen positions     **not caught**: lets a stranger in, or a person out
the comparator: wraps around at a threshold    **not caught alike**: whether the search fails tells
                                               the decision, to whoever sees how it ends
=============================================  =================================================

What a server is asked is the same in each case, whatever was decrypted, up to the end of a search.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import gallery.client.searching.exchange as exchange
from gallery.arrays import Floats
from gallery.ciphertexts.blocks import canary_positions
from gallery.client import GalleryClient, GalleryKey
from gallery.client.ckks.encoding import encoder
from gallery.messages import SearchRequest
from gallery.parameters import COMPACT, STANDARD, CkksParameterSet
from gallery.server import EmbeddedService
from tests.support.galleries import random_embeddings
from tests.support.lies import added, random_result
from tests.support.lying import Answer, Decryptions, Lie, LyingService, Outcome, searched

DIMENSION = 8
PHOTOS = 40
"""References of the one person in the gallery, at positions 0, 1, 2, ..."""

pytestmark = pytest.mark.parametrize("parameters", [STANDARD, COMPACT], ids=lambda item: item.name)


@pytest.fixture
def photos() -> Floats:
    """Embeddings of one person, which hardly differ."""
    return random_embeddings(1, DIMENSION) + 0.001 * random_embeddings(PHOTOS, DIMENSION, seed=1)


@pytest.fixture
def mated(photos: Floats) -> Floats:
    return photos[:1] + 0.001


@pytest.fixture
def stranger(photos: Floats) -> Floats:
    """Somebody at a right angle to the person, so at a cosine distance of 1."""
    drawn, person = random_embeddings(1, DIMENSION, seed=2), photos[0]
    return drawn - (drawn @ person)[:, None] * person / (person @ person)


@pytest.fixture
def lying(
    service: EmbeddedService, key: GalleryKey, parameters: CkksParameterSet, photos: Floats
) -> LyingService:
    """A service with the gallery, and one of an earlier version and another content."""
    found = LyingService(service)
    for name in ("default", "other"):
        with GalleryClient.create(
            service, key, dimension=DIMENSION, parameters=parameters, gallery=name
        ) as client:
            client.enroll(photos, ["Ada"] * PHOTOS)
    return found


@pytest.fixture
def outcome(
    lying: LyingService, key: GalleryKey, decryptions: Decryptions
) -> Callable[[Lie, Floats], Outcome]:
    def search(lie: Lie, probes: Floats) -> Outcome:
        with GalleryClient(lying, key) as client:
            lying.begin(lie)
            return searched(client, lying, probes, decryptions)

    return search


Search = Callable[[Lie, Floats], Outcome]


def honest(request: SearchRequest, answer: Answer) -> Answer:
    return answer


def encoded(values: Floats, scale: float) -> list[int]:
    """Return the coefficients of a polynomial with the given values at the positions, (N,)."""
    fine = 2.0**45
    (found,) = encoder(len(values)).coefficients(values[None], fine)
    return [int(coefficient) * round(scale) // round(fine) for coefficient in found]


def scale_of(parameters: CkksParameterSet) -> float:
    return parameters.column_scale * parameters.probe_scale


def adding(parameters: CkksParameterSet, values: Floats) -> Lie:
    """Add values to the distances of all positions of the first result."""
    polynomial = encoded(values, scale_of(parameters))

    def lie(request: SearchRequest, answer: Answer) -> Answer:
        residues = answer.residues()
        residues[0][0] = added(residues[0][0], polynomial, parameters)
        return answer.with_residues(residues)

    return lie


# --- caught ---------------------------------------------------------------------------------------


def one_residue(request: SearchRequest, answer: Answer) -> Answer:
    residues = answer.residues()
    residues[0][0][1, 0, 77] ^= 1
    return answer.with_residues(residues)


def zero(request: SearchRequest, answer: Answer) -> Answer:
    return answer.with_residues([[np.zeros_like(answer.blocks[0].distances[0].residues)]])


@pytest.mark.parametrize("lie", [one_residue, zero], ids=lambda item: item.__name__)
def test_damage_of_a_result_is_caught_alike(
    outcome: Search, mated: Floats, stranger: Floats, lie: Lie
) -> None:
    (end,) = {outcome(lie, probes) for probes in (mated, stranger)}

    assert (end.error, end.exit_code) == ("WrongResultError", 45)


def test_random_residues_are_caught(
    outcome: Search, mated: Floats, parameters: CkksParameterSet
) -> None:
    random = np.random.default_rng(3)

    def lie(request: SearchRequest, answer: Answer) -> Answer:
        return answer.with_residues([[random_result(random, parameters)]])

    assert outcome(lie, mated).error == "WrongResultError"


def test_results_of_another_probe_or_gallery_are_caught(
    outcome: Search, lying: LyingService, service: EmbeddedService, key: GalleryKey, mated: Floats
) -> None:
    kept: list[Answer] = []

    def keep(request: SearchRequest, answer: Answer) -> Answer:
        kept.append(answer)
        return answer

    def replay(request: SearchRequest, answer: Answer) -> Answer:
        return answer.with_residues(kept[0].residues())

    def from_other(request: SearchRequest, answer: Answer) -> Answer:
        other = replace(request, gallery_id=service.describe("other").gallery_id, known={})
        found = tuple(service.search(other).blocks)
        return answer.with_residues([[found[0].distances[0].residues]])

    assert outcome(keep, mated).error == ""
    assert outcome(replay, -mated).error == "WrongResultError"
    assert outcome(from_other, mated).error == "WrongResultError"


def test_a_constant_on_all_positions_is_caught_alike(
    outcome: Search, mated: Floats, stranger: Floats, parameters: CkksParameterSet
) -> None:
    lie = adding(parameters, np.full(parameters.poly_modulus_degree, -1.0))

    (end,) = {outcome(lie, probes) for probes in (mated, stranger)}

    assert (end.error, end.exit_code) == ("WrongResultError", 45)


# --- not caught -----------------------------------------------------------------------------------


def test_a_chosen_vector_lets_a_stranger_in_and_a_person_out_and_is_not_caught(
    outcome: Search, mated: Floats, stranger: Floats, parameters: CkksParameterSet
) -> None:
    values = np.zeros(parameters.poly_modulus_degree)
    values[:PHOTOS] = 2.0  # of squared distance

    assert outcome(honest, mated).message == "[True]"
    assert outcome(honest, stranger).message == "[False]"
    assert outcome(adding(parameters, values), mated).message == "[False]"
    assert outcome(adding(parameters, -values), stranger).message == "[True]"


def test_a_comparator_makes_the_end_of_a_search_depend_on_its_decision(
    outcome: Search, mated: Floats, stranger: Floats, parameters: CkksParameterSet
) -> None:
    """The mean of all real parts is coefficient 0; brought close to q/2, it wraps or does not."""
    degree, scale = parameters.poly_modulus_degree, scale_of(parameters)
    half, canaries = degree // 2, canary_positions(parameters)
    values = np.zeros(degree)
    values[PHOTOS:half] = 1.0
    values[canaries] = 0.0
    direction = encoded(values, 2.0**40)
    # Between all photos at a squared distance of 0 and all at 2, with 2 for the canary.
    middle = ((half - 1 - PHOTOS) * parameters.sentinel + PHOTOS * 1.0 + 2.0) / half
    wanted = parameters.data_modulus // 2 - round(middle * scale)
    polynomial = [coefficient * wanted // direction[0] for coefficient in direction]

    def comparator(request: SearchRequest, answer: Answer) -> Answer:
        residues = answer.residues()
        residues[0][0] = added(residues[0][0], polynomial, parameters)
        return answer.with_residues(residues)

    enrolled, nobody = outcome(comparator, mated), outcome(comparator, stranger)

    assert (enrolled.error, enrolled.message) == ("", "[True]")
    assert nobody.error == "WrongResultError"
    assert enrolled.asked == nobody.asked, "what the server is asked does not tell it"


# --- what is asked --------------------------------------------------------------------------------


def test_a_long_search_asks_the_same_whatever_is_decrypted(
    outcome: Search,
    mated: Floats,
    parameters: CkksParameterSet,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exchange, "REQUEST_PROBES", 1)
    probes = np.concatenate([mated] * 5)

    damaged, sound = outcome(one_residue, probes), outcome(honest, probes)

    assert damaged.error == "WrongResultError"
    assert damaged.asked == sound.asked
    assert damaged.opened == sound.opened
