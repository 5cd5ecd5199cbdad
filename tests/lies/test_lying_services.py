"""Servers that lie about a search: each lie is caught, and caught alike whatever was searched for.

A lie succeeds if a decision comes out that the gallery does not give. It also succeeds if the
server learns a decision: from what it is asked next, or from how the owner's program ends. So
whatever can be seen of a search of an enrolled person must be the same as of a stranger: error,
message, exit code, and number, order and sizes of all requests. For ``swift`` and ``light`` each of
these is caught before anything is decrypted:

====================================================  ==========================================
any one residue, one prime, one probe of a request    `WrongResultError`, and the gallery is not
a chosen vector, products of the server's own         searched until its owner accepts it
another block's, version's, probe's, gallery's
the wrap-around (comparator of decisions)
blocks left out, twice, exchanged, of other states    `MissingBlockError`, `SwappedBlockError`
hints, references, check sums of other states         `AuthenticationError`
an older state as a whole                             `RolledBackError`, if a newer one was seen
residues that are not below their prime               `MalformedMessageError`
====================================================  ==========================================

What ``standard`` and ``compact`` catch of it is in `test_unchecked_sets`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import gallery.client.searching.exchange as exchange
from gallery.client import GalleryClient, GalleryKey, StateFile
from gallery.client.hinted.check_sums import CheckSums
from gallery.client.renewal import renew_gallery
from gallery.errors import (
    AuthenticationError,
    DatabaseError,
    GalleryError,
    MissingBlockError,
    WrongResultError,
)
from gallery.messages import SearchRequest
from gallery.parameters import LIGHT, SWIFT
from gallery.server import EmbeddedService
from tests.support.galleries import names, random_embeddings
from tests.support.interception import InterceptedService
from tests.support.lies import (
    CHECK_SUM_LIES,
    DIMENSION,
    RESIDUE_LIES,
    STATEMENT_LIES,
    Scene,
    statement,
)
from tests.support.lying import Answer, Decryptions, Lie, LyingService, Outcome, searched

Searched = Callable[..., Outcome]

VICTIM = "person 841"
"""Somebody at a right angle to the first stranger: an inner product of 1 more makes them one."""


@pytest.fixture
def outcome(scene: Scene, decryptions: Decryptions) -> Searched:
    """Searches with a new client, after an honest search if it is to know the gallery already."""

    def search(
        lie: Lie, probes: np.ndarray, *, warm: bool = True, at: set[int] | None = None
    ) -> Outcome:
        lying = LyingService(scene.service)
        with GalleryClient(lying, scene.key) as client:
            if warm:
                client.identify(scene.mated(), threshold=0.05)
            else:
                client.summary()
            lying.begin(lie, at)
            return searched(client, lying, probes, decryptions)

    return search


def honest(request: SearchRequest, answer: Answer) -> Answer:
    return answer


def made(scene: Scene, kind: str, seed: int = 0) -> Lie:
    return RESIDUE_LIES[kind](scene, np.random.default_rng(seed))


# --- caught, before anything is decrypted, and alike ----------------------------------------------


def test_an_honest_service_tells_an_enrolled_person_from_a_stranger(
    scene: Scene, outcome: Searched
) -> None:
    mated, stranger = outcome(honest, scene.mated()), outcome(honest, scene.strangers())

    assert (mated.message, stranger.message) == ("[True]", "[False]")
    assert mated.asked == stranger.asked


@pytest.mark.parametrize("kind", RESIDUE_LIES)
def test_a_wrong_result_is_caught_alike_for_enrolled_people_and_strangers(
    scene: Scene, outcome: Searched, kind: str
) -> None:
    ends = {outcome(made(scene, kind), probes) for probes in (scene.mated(), scene.strangers())}

    (end,) = ends
    assert (end.error, end.exit_code) == ("WrongResultError", 45)
    assert "Do not simply search again" in end.message
    assert end.opened == 0


@pytest.mark.parametrize("kind", STATEMENT_LIES)
@pytest.mark.parametrize("warm", [True, False], ids=["known gallery", "new client"])
def test_statements_that_do_not_hold_together_are_caught_alike(
    scene: Scene, outcome: Searched, kind: str, warm: bool
) -> None:
    error, lie = STATEMENT_LIES[kind]

    ends = {
        outcome(statement(scene, lie), probes, warm=warm)
        for probes in (scene.mated(), scene.strangers())
    }

    (end,) = ends
    assert (end.error, end.exit_code) == (error.__name__, error.exit_code)
    assert end.opened == 0


@pytest.mark.parametrize("kind", CHECK_SUM_LIES)
def test_check_sums_that_are_not_the_gallerys_are_caught_alike(
    scene: Scene, outcome: Searched, kind: str
) -> None:
    lie = statement(scene, CHECK_SUM_LIES[kind])

    ends = {outcome(lie, probes, warm=False) for probes in (scene.mated(), scene.strangers())}

    (end,) = ends
    assert (end.error, end.exit_code) == ("AuthenticationError", AuthenticationError.exit_code)
    assert "check sums" in end.message
    assert end.opened == 0


@pytest.mark.parametrize("kind", CHECK_SUM_LIES)
def test_check_sums_that_are_known_are_not_replaced(
    scene: Scene, outcome: Searched, kind: str
) -> None:
    """A client that has opened them asks for no others, and takes no others."""
    assert outcome(statement(scene, CHECK_SUM_LIES[kind]), scene.mated()).message == "[True]"


# --- the lies are real ----------------------------------------------------------------------------


def test_without_the_check_a_chosen_vector_would_let_a_stranger_in(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CheckSums, "check", lambda *_: None)
    lying, stranger = LyingService(scene.service), scene.strangers()[0]
    with GalleryClient(scene.service, scene.key) as client:
        position = next(item.position for item in client.references() if item.label == VICTIM)

    def lie(request: SearchRequest, answer: Answer) -> Answer:
        residues = answer.residues()
        residues[0][0] = scene.added(residues[0][0], scene.unit(position))
        return answer.with_residues(residues)

    with GalleryClient(lying, scene.key) as client:
        lying.begin(lie)
        found = client.identify(stranger, threshold=0.05)

    assert found.decisions.tolist() == [True]
    assert found.labels[0, 0] == VICTIM


# --- many probes ----------------------------------------------------------------------------------


@pytest.fixture
def two_probes_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "REQUEST_PROBES", 2)


@pytest.mark.usefixtures("two_probes_a_request")
@pytest.mark.parametrize("at", [{0}, {2}, {3}, {1, 3}, None], ids=str)
@pytest.mark.parametrize("kind", ["last probe only", "probes exchanged", "one residue"])
def test_a_long_search_sends_all_it_planned_wherever_the_lie_is(
    scene: Scene, outcome: Searched, kind: str, at: set[int] | None
) -> None:
    expected = outcome(honest, scene.mated(7)).asked

    mated, strangers = (
        outcome(made(scene, kind), probes, at=at) for probes in (scene.mated(7), scene.strangers(7))
    )

    assert [name for name, _ in expected].count("search") == 4
    assert mated.asked == strangers.asked == expected
    assert mated == strangers
    assert mated.exit_code == WrongResultError.exit_code


@pytest.mark.usefixtures("two_probes_a_request")
def test_nothing_is_decrypted_from_the_first_lie_on(scene: Scene, outcome: Searched) -> None:
    lie = made(scene, "one residue")

    opened = [outcome(lie, scene.mated(7), at={number}).opened for number in range(4)]

    honest_one = outcome(honest, scene.mated(2)).opened
    assert opened == [number * honest_one for number in range(4)]


@pytest.mark.usefixtures("two_probes_a_request")
@pytest.mark.parametrize("lied", [0, 6])
def test_one_enrolled_person_among_strangers_changes_nothing_that_can_be_seen(
    scene: Scene, outcome: Searched, lied: int
) -> None:
    probes = scene.strangers(7)
    mixed = probes.copy()
    mixed[lied] = scene.mated()[0]
    lie = made(scene, "chosen vector")

    assert outcome(lie, probes) == outcome(lie, mixed)


# --- a liar that covers its lie -------------------------------------------------------------------


@pytest.mark.usefixtures("two_probes_a_request")
@pytest.mark.parametrize(
    "cover", [DatabaseError("out of order"), MissingBlockError("lost")], ids=str
)
def test_a_failure_after_a_lie_does_not_hide_it(
    scene: Scene, cover: GalleryError, tmp_path: Path
) -> None:
    """Else a server could try again and again: each time for a failure that looks harmless."""
    lying, states = LyingService(scene.service), StateFile(tmp_path / "states")
    lie = made(scene, "one residue")

    def covered(request: SearchRequest, answer: Answer) -> Answer:
        if lying.searches > 1:
            raise cover
        return lie(request, answer)

    with GalleryClient(lying, scene.key, states=states) as client:
        lying.begin(covered)
        with pytest.raises(WrongResultError) as caught:
            client.identify(scene.mated(7), threshold=0.05)

    assert caught.value.__cause__ is cover
    assert_refused(scene, states)


@pytest.mark.usefixtures("two_probes_a_request")
def test_an_interrupted_search_remembers_the_lie_too(scene: Scene, tmp_path: Path) -> None:
    lying, states = LyingService(scene.service), StateFile(tmp_path / "states")

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with GalleryClient(lying, scene.key, states=states) as client:
        lying.begin(made(scene, "one residue"))
        with pytest.raises(KeyboardInterrupt):
            client.identify(scene.mated(7), threshold=0.05, progress=interrupt)

    assert_refused(scene, states)


# --- refused until it is accepted -----------------------------------------------------------------


def assert_refused(scene: Scene, states: StateFile) -> None:
    """Check that an honest service is not even asked."""
    lying = LyingService(scene.service)
    with GalleryClient(lying, scene.key, states=states) as client:
        lying.asked = []
        with pytest.raises(WrongResultError, match="nothing is searched"):
            client.identify(scene.mated(), threshold=0.05)
        assert lying.asked == []


def test_a_gallery_is_refused_after_a_lie_until_its_owner_accepts_that(
    scene: Scene, tmp_path: Path
) -> None:
    lying, states = LyingService(scene.service), StateFile(tmp_path / "states")
    with GalleryClient(lying, scene.key, states=states) as client:
        lying.begin(made(scene, "one residue"))
        with pytest.raises(WrongResultError):
            client.identify(scene.mated(), threshold=0.05)
        lying.begin(honest)
        with pytest.raises(WrongResultError, match="nothing is searched"):
            client.identify(scene.mated(), threshold=0.05)

    assert_refused(scene, states)
    with GalleryClient(scene.service, scene.key, states=states) as client:
        client.accept_rollback()
    assert_refused(scene, states)

    with GalleryClient(scene.service, scene.key, states=states) as client:
        client.accept_wrong_results()
        assert client.identify(scene.mated(), threshold=0.05).decisions.tolist() == [True]


def test_another_gallery_of_the_owner_is_searched_all_the_same(
    scene: Scene, tmp_path: Path
) -> None:
    lying, states = LyingService(scene.service), StateFile(tmp_path / "states")
    with GalleryClient(lying, scene.key, states=states) as client:
        lying.begin(made(scene, "one residue"))
        with pytest.raises(WrongResultError):
            client.identify(scene.mated(), threshold=0.05)

    with GalleryClient(scene.service, scene.key, "other", states=states) as client:
        assert len(client.identify(scene.mated(), threshold=0.05)) == 1


def test_duplicates_are_not_looked_for_with_a_server_that_lies(scene: Scene) -> None:
    lying = LyingService(scene.service)
    new = random_embeddings(2, DIMENSION, seed=12)
    with GalleryClient(lying, scene.key) as client:
        lying.begin(made(scene, "chosen vector"))
        for _ in range(2):
            with pytest.raises(WrongResultError):
                client.find_duplicates(new, ["Ada", "Grace"], threshold=0.05)

    assert [name for name, _ in lying.asked].count("search") == 1


# --- galleries that change ------------------------------------------------------------------------


@pytest.fixture(params=[SWIFT, LIGHT], ids=lambda item: item.name)
def small(
    request: pytest.FixtureRequest, service: EmbeddedService, key: GalleryKey
) -> EmbeddedService:
    """A service with a gallery of three references, to change."""
    with GalleryClient.create(
        service, key, dimension=DIMENSION, parameters=request.param
    ) as client:
        client.enroll(random_embeddings(3, DIMENSION), names(3))
    return service


@pytest.mark.usefixtures("two_probes_a_request")
def test_a_gallery_that_changes_during_a_search_is_no_lie(
    small: EmbeddedService, key: GalleryKey
) -> None:
    """Each answer is checked against the check sums of the state that it is of."""
    lying = LyingService(small)
    with GalleryClient(small, key) as writer, GalleryClient(lying, key) as client:

        def meanwhile(request: SearchRequest, answer: Answer) -> Answer:
            number = lying.searches
            writer.enroll(random_embeddings(1, DIMENSION, seed=number), [f"new {number}"])
            return answer

        lying.begin(meanwhile)
        found = client.identify(random_embeddings(3, DIMENSION)[[0, 1, 2, 0, 1]], threshold=0.05)

    assert found.labels[:, 0].tolist() == [f"person {i}" for i in (0, 1, 2, 0, 1)]
    assert found.searched.tolist() == [3, 3, 4, 4, 5]


def test_check_sums_of_a_state_that_another_writer_has_left_are_refused(
    small: EmbeddedService, key: GalleryKey
) -> None:
    """A server that keeps old check sums for a new state is caught, by searches and writers."""
    old = small.check_sums(small.describe("default").gallery_id)
    with GalleryClient(small, key) as writer:
        writer.enroll(random_embeddings(1, DIMENSION, seed=5), ["new"])

    def stale(call: Callable[[], object]) -> object:
        call()
        return old

    held = InterceptedService(small, ["check_sums"], stale)
    with GalleryClient(held, key) as client:
        before = client.summary()
        with pytest.raises(AuthenticationError, match="check sums"):
            client.enroll(random_embeddings(1, DIMENSION, seed=6), ["newer"])
        assert client.summary() == before


def test_a_renewal_does_not_lift_the_refusal(
    small: EmbeddedService, key: GalleryKey, other_key: GalleryKey, tmp_path: Path
) -> None:
    lying = LyingService(small)
    states, new_states = StateFile(tmp_path / "states"), StateFile(tmp_path / "new states")

    def lie(request: SearchRequest, answer: Answer) -> Answer:
        residues = answer.residues()
        residues[0][0][0, 0, 0, 0] ^= 1
        return answer.with_residues(residues)

    with GalleryClient(lying, key, states=states) as client:
        lying.begin(lie)
        with pytest.raises(WrongResultError):
            client.identify(random_embeddings(1, DIMENSION), threshold=0.05)

    renew_gallery(small, key, other_key, states=states, new_states=new_states)

    with GalleryClient(small, other_key, states=new_states) as client:
        with pytest.raises(WrongResultError, match="nothing is searched"):
            client.identify(random_embeddings(1, DIMENSION), threshold=0.05)
        client.accept_wrong_results()
        assert client.identify(random_embeddings(1, DIMENSION), threshold=0.05).decisions.all()
