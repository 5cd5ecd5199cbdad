"""Renewal: a gallery moves to a new key whole, or stays as it is."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gallery.blocks import capacity
from gallery.client import (
    GalleryClient,
    GalleryKey,
    Renewal,
    SessionMemory,
    discard_renewal,
    renew_gallery,
)
from gallery.client.editing.blocks import BlockEditor
from gallery.client.embeddings.templates import round_to_grid, to_vectors
from gallery.client.enrolling.enrollment import Enroller, NewReference
from gallery.client.integrity.labels import content_digest
from gallery.client.renewal.copying import regrid
from gallery.errors import (
    AuthenticationError,
    ErasurePendingError,
    GalleryError,
    GalleryExistsError,
    GalleryNotFoundError,
    KeyMismatchError,
    ParameterSetError,
    RolledBackError,
    WriteConflictError,
)
from gallery.messages.naming import copy_name
from gallery.metrics import Metric
from gallery.parameters import COMPACT, STANDARD, ParameterSet
from gallery.protocol import GalleryService
from gallery.server import EmbeddedService, open_service
from tests.galleries import names, random_embeddings

DIMENSION = 4
PEOPLE = random_embeddings(9, DIMENSION)
LABELS = ["Ada", "Grace", "Ada", "Edith", "Ada", "Grace", "Hedy", "Emmy", "Grace"]
SIZES = (4, 3, 2)
"""References in each block: three blocks without 12,282 references."""


def enroll_into_blocks(
    client: GalleryClient, embeddings: np.ndarray, labels: Sequence[str], sizes: Sequence[int]
) -> None:
    """Enroll into new blocks that are left partly empty, with holes as removals leave them."""
    view = client._view
    editor, enroller, state = BlockEditor(view), Enroller(view), view.state()
    vectors = to_vectors(embeddings, client.description)
    first, blocks, rows = len(state.blocks), [], iter(range(len(embeddings)))
    for number, size in enumerate(sizes):
        block = editor.new(first + number)
        for position in [3 * at for at in range(size)]:
            row = next(rows)
            digest = content_digest(embeddings[row].astype("<f8").tobytes())
            item = NewReference(vectors[row], labels[row], digest)
            reference = enroller.reference(position, enroller.tag(item), item)
            block.put(reference, round_to_grid(item.vector, view.parameters))
        blocks.append(block)
    editor.write(state, blocks, first + len(blocks))


@pytest.fixture
def filled(service: EmbeddedService, key: GalleryKey) -> GalleryClient:
    """A gallery of nine references in three blocks."""
    client = GalleryClient.create(service, key, dimension=DIMENSION, threshold=0.01)
    enroll_into_blocks(client, PEOPLE, LABELS, SIZES)
    client.close()
    return client


def check_whole(
    service: GalleryService,
    key: GalleryKey,
    embeddings: np.ndarray = PEOPLE,
    labels: Sequence[str] = LABELS,
) -> None:
    """Check that a gallery is sound and that exactly these references are found in it."""
    with GalleryClient(service, key) as client:
        found = client.identify(embeddings, threshold=0.001)
        assert [*found.labels[:, 0]] == [*labels]
        assert found.decisions.all()
        assert len(set(found.reference_ids[:, 0])) == len(labels)
        assert Counter(item.label for item in client.references()) == Counter(labels)
        report = client.verify(deep=True)
        assert (report.references, report.findings) == (len(labels), ())


def templates_of(service: GalleryService, key: GalleryKey, name: str = "default") -> list[Any]:
    """Return label, digest and template of every reference, block by block, sorted."""
    with GalleryClient(service, key, name) as client:
        view = client._view
        editor, state, found = BlockEditor(view), view.state(), []
        for index in range(len(state.blocks)):
            block = editor.open(state, index)
            found.append(
                sorted(
                    (
                        view.labels.open(item.sealed_label, item.reference_id),
                        view.labels.open_digest(item.sealed_label, item.reference_id),
                        tuple(block.templates[position]),
                    )
                    for position, item in block.references.items()
                )
            )
        return found


# --- what a renewal keeps and what it changes -----------------------------------------------------


def test_everything_is_found_under_the_new_key_and_nothing_under_the_old(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey, other_key: GalleryKey
) -> None:
    before = templates_of(service, key)

    done = renew_gallery(service, key, other_key)

    assert done == Renewal(references=9, blocks=3, parameters="standard")
    check_whole(service, other_key)
    assert templates_of(service, other_key) == before
    assert service.gallery_names() == ["default"]
    with pytest.raises(KeyMismatchError):
        GalleryClient(service, key)


def test_the_properties_stay_but_the_identifiers(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey, other_key: GalleryKey
) -> None:
    before = filled.description

    renew_gallery(service, key, other_key)

    with GalleryClient(service, other_key) as client:
        after = client.description
    for name in ("name", "preprocessing", "metric", "dimension", "parameters"):
        assert getattr(after, name) == getattr(before, name)
    for name in ("norm_bound", "threshold", "created"):
        assert getattr(after, name) == getattr(before, name)
    assert after.gallery_id != before.gallery_id
    assert after.key_id == other_key.key_id


def test_what_was_enrolled_before_is_still_known_after(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey, other_key: GalleryKey
) -> None:
    renew_gallery(service, key, other_key)

    with GalleryClient(service, other_key) as client:
        again = client.enroll(PEOPLE, LABELS)
        fresh = client.enroll(PEOPLE[:1], ["Somebody"])
        assert client.summary().references == 10

    assert not again.added.any()
    assert fresh.added.all()


def test_references_come_in_another_order_without_holes(
    service: EmbeddedService, key: GalleryKey, other_key: GalleryKey
) -> None:
    with GalleryClient.create(service, key, dimension=DIMENSION) as client:
        enroll_into_blocks(client, random_embeddings(60, DIMENSION), names(60), [60])

    renew_gallery(service, key, other_key)

    with GalleryClient(service, other_key) as client:
        listed = list(client.references())
    assert [item.position for item in listed] == list(range(60))
    order = [int(item.label.removeprefix("person ")) for item in listed]
    assert sorted(order) == list(range(60))
    # A random order of 60 keeps one in place on average, and 20 practically never.
    assert sum(place == number for place, number in enumerate(order)) < 20
    assert order != list(range(60))[::-1]


def test_a_full_block_and_the_block_after_it_are_renewed(
    service: EmbeddedService, key: GalleryKey, other_key: GalleryKey
) -> None:
    count = capacity(STANDARD) + 3
    embeddings = random_embeddings(count, 2)
    with GalleryClient.create(service, key, dimension=2, metric="euclidean") as client:
        client.enroll(embeddings, names(count))

    done = renew_gallery(service, key, other_key)

    assert (done.references, done.blocks) == (count, 2)
    with GalleryClient(service, other_key) as client:
        chosen = [0, 2046, 2047, 4093, 4094, count - 1]
        found = client.identify(embeddings[chosen], threshold=0.001)
        assert [*found.labels[:, 0]] == [f"person {number}" for number in chosen]
        assert not client.enroll(embeddings[chosen], [f"person {i}" for i in chosen]).added.any()


@pytest.mark.parametrize("sizes", [(), (0,), (2, 0, 1)], ids=str)
def test_empty_galleries_and_empty_blocks_are_renewed(
    service: EmbeddedService, key: GalleryKey, other_key: GalleryKey, sizes: tuple[int, ...]
) -> None:
    count = sum(sizes)
    with GalleryClient.create(service, key, dimension=DIMENSION) as client:
        enroll_into_blocks(client, PEOPLE[:count], LABELS[:count], sizes)

    done = renew_gallery(service, key, other_key)

    assert (done.references, done.blocks) == (count, len(sizes))
    with GalleryClient(service, other_key) as client:
        assert client.verify(deep=True).findings == ()
        client.enroll(PEOPLE[count:], LABELS[count:])
    check_whole(service, other_key)


def test_a_gallery_of_many_renewals_is_the_same(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey, other_key: GalleryKey
) -> None:
    before = templates_of(service, key)
    for number in range(6):
        pair = (key, other_key) if number % 2 == 0 else (other_key, key)
        renew_gallery(service, *pair)

    assert templates_of(service, key) == before


def test_other_galleries_are_left_alone(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey, other_key: GalleryKey
) -> None:
    with GalleryClient.create(service, key, "other", dimension=DIMENSION) as client:
        client.enroll(PEOPLE, LABELS)
        before = client._view.manifest()

    renew_gallery(service, key, other_key)

    with GalleryClient(service, key, "other") as client:
        assert client._view.manifest() == before
        assert client.verify(deep=True).findings == ()


def test_progress_is_told_block_by_block(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey, other_key: GalleryKey
) -> None:
    told: list[int] = []

    renew_gallery(service, key, other_key, progress=told.append)

    assert told == [1, 1, 1]


# --- parameter sets -------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", list(Metric), ids=str)
def test_a_gallery_becomes_compact_and_standard_again(
    service: EmbeddedService, key: GalleryKey, other_key: GalleryKey, metric: Metric
) -> None:
    with GalleryClient.create(
        service, key, dimension=DIMENSION, metric=metric, norm_bound=4.0
    ) as client:
        # Norms at the very bound are what rounding carries beyond it.
        people = 4.0 * PEOPLE / np.linalg.norm(PEOPLE, axis=1, keepdims=True)
        enroll_into_blocks(client, people, LABELS, SIZES)
    precise = templates_of(service, key)

    small = renew_gallery(service, key, other_key, parameters=COMPACT)
    rounded = templates_of(service, other_key)
    check_whole_compact = GalleryClient(service, other_key)
    assert check_whole_compact.verify(deep=True).findings == ()
    assert check_whole_compact.description.parameters == "compact"
    check_whole_compact.close()
    large = renew_gallery(service, other_key, key, parameters=STANDARD)

    assert (small.parameters, large.parameters) == ("compact", "standard")
    for old, new in zip(precise, rounded, strict=True):
        for (label, digest, template), (label_after, digest_after, after) in zip(
            old, new, strict=True
        ):
            assert (label, digest) == (label_after, digest_after)
            np.testing.assert_array_equal(round_to_grid(np.array(template), COMPACT), after)
    with GalleryClient(service, key) as client:
        assert client.verify(deep=True).findings == ()
        found = client.identify(people, threshold=0.01)
        assert [*found.labels[:, 0]] == LABELS
        assert found.distances.max() < 4.0 * DIMENSION * COMPACT.grid


def test_the_parameter_set_changes_under_the_same_key_and_nothing_else_stays(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey
) -> None:
    before = filled._view.state()

    renew_gallery(service, key, key, parameters=COMPACT)

    with GalleryClient(service, key) as client:
        after = client._view.state()
        assert client.description.gallery_id != filled.description.gallery_id
        assert client.verify(deep=True).findings == ()
    for name in ("reference_id", "pseudonym", "content_tag", "sealed_label"):
        old = {getattr(item, name) for block in before.blocks for item in block.table}
        new = {getattr(item, name) for block in after.blocks for item in block.table}
        assert not old & new
    check_whole(service, key)


@pytest.mark.parametrize("parameters", [None, STANDARD], ids=["not given", "the same"])
def test_the_same_key_and_parameter_set_are_refused(
    service: EmbeddedService,
    filled: GalleryClient,
    key: GalleryKey,
    parameters: ParameterSet | None,
) -> None:
    with pytest.raises(GalleryError, match="needs a new key, or another parameter set"):
        renew_gallery(service, key, key, parameters=parameters)

    assert service.gallery_names() == ["default"]


def test_a_key_without_a_secret_for_the_parameter_set_is_refused_first(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey
) -> None:
    with pytest.raises(ParameterSetError, match="no secret key"):
        renew_gallery(service, key, GalleryKey(bytes(range(32)), {}))

    assert service.gallery_names() == ["default"]


@pytest.mark.parametrize("metric", list(Metric), ids=str)
def test_what_is_rounded_again_is_valid_and_near(metric: Metric) -> None:
    vectors = random_embeddings(100, 8)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    compact = round_to_grid(vectors, COMPACT)

    finer = regrid(compact, metric, COMPACT, STANDARD)

    norms = np.linalg.norm(finer, axis=1)
    assert (norms <= 1.0 + 8 * STANDARD.grid).all()
    assert not metric.normalizes or (norms >= 1.0 - 8 * STANDARD.grid).all()
    assert np.abs(finer - compact).max() < COMPACT.grid
    np.testing.assert_array_equal(finer, round_to_grid(finer, STANDARD))


def test_short_raw_vectors_stay_as_they_are_on_a_finer_grid() -> None:
    short = round_to_grid(0.1 * random_embeddings(20, 8), COMPACT)

    np.testing.assert_array_equal(regrid(short, Metric.EUCLIDEAN, COMPACT, STANDARD), short)


# --- interruptions --------------------------------------------------------------------------------

WRITES = ("create_gallery", "write", "replace")


class StoppedError(Exception):
    """Stands for a process that ends."""


class StoppingService:
    """Passes calls on until the one with a given number among the writing ones."""

    def __init__(self, service: GalleryService, number: int, *, after: bool) -> None:
        self._service = service
        self._left = number
        self._after = after

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._service, name)
        if name not in WRITES:
            return call

        def counted(*arguments: Any) -> Any:
            self._left -= 1
            if self._left == 0 and not self._after:
                raise StoppedError
            result = call(*arguments)
            if self._left == 0:
                raise StoppedError
            return result

        return counted


def writes_of_a_renewal() -> int:
    return 1 + len(SIZES) + 1


@pytest.mark.parametrize("after", [False, True], ids=["before it", "after it"])
@pytest.mark.parametrize("number", range(1, writes_of_a_renewal() + 1))
def test_a_run_that_stops_at_a_write_is_finished_by_another(
    service: EmbeddedService,
    filled: GalleryClient,
    key: GalleryKey,
    other_key: GalleryKey,
    number: int,
    after: bool,
) -> None:
    with pytest.raises(StoppedError):
        renew_gallery(StoppingService(service, number, after=after), key, other_key)
    replaced = after and number == writes_of_a_renewal()
    check_whole(service, other_key if replaced else key)

    done = renew_gallery(service, key, other_key)

    assert done.finished_before == replaced
    assert (done.references, done.blocks) == (9, 3)
    check_whole(service, other_key)
    assert service.gallery_names() == ["default"]


def test_there_are_as_many_writes_as_the_tests_stop_at(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey, other_key: GalleryKey
) -> None:
    counting = StoppingService(service, 1000, after=False)

    renew_gallery(counting, key, other_key)

    assert 1000 - counting._left == writes_of_a_renewal()


@pytest.mark.parametrize("finished", [1, 2, 3])
def test_a_second_run_does_not_copy_again_what_is_copied(
    service: EmbeddedService,
    filled: GalleryClient,
    key: GalleryKey,
    other_key: GalleryKey,
    finished: int,
) -> None:
    told = []

    def stop(_: int) -> None:
        told.append(1)
        if len(told) == finished:
            raise StoppedError

    with pytest.raises(StoppedError):
        renew_gallery(service, key, other_key, progress=stop)
    check_whole(service, key)
    copy = copy_name("default", other_key.key_id)
    copied = service.manifest(service.describe(copy).gallery_id).entries

    renew_gallery(service, key, other_key)

    assert len(copied) == finished
    with GalleryClient(service, other_key) as client:
        assert client._view.manifest().entries[:finished] == copied
    check_whole(service, other_key)


def test_a_finished_renewal_is_not_done_again(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey, other_key: GalleryKey
) -> None:
    renew_gallery(service, key, other_key, parameters=COMPACT)
    before = service.describe("default")

    again = renew_gallery(service, key, other_key, parameters=COMPACT)

    assert again == Renewal(9, 3, "compact", finished_before=True)
    assert service.describe("default") == before
    with pytest.raises(GalleryError, match="under the new key already"):
        renew_gallery(service, key, other_key, parameters=STANDARD)


def test_an_unfinished_renewal_can_be_given_up(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey, other_key: GalleryKey
) -> None:
    with pytest.raises(StoppedError):
        renew_gallery(StoppingService(service, 3, after=True), key, other_key)

    discard_renewal(service, other_key)

    assert service.gallery_names() == ["default"]
    check_whole(service, key)
    with pytest.raises(GalleryNotFoundError, match="no unfinished renewal"):
        discard_renewal(service, other_key)


# --- changes between and during runs --------------------------------------------------------------


def stopped_after_copying(service: EmbeddedService, key: GalleryKey, new: GalleryKey) -> None:
    """Copy everything, and stop before the copy takes the gallery's place."""
    with pytest.raises(StoppedError):
        renew_gallery(StoppingService(service, writes_of_a_renewal(), after=False), key, new)


def test_what_is_enrolled_between_two_runs_is_renewed(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey, other_key: GalleryKey
) -> None:
    stopped_after_copying(service, key, other_key)
    added = random_embeddings(3, DIMENSION, seed=5)
    with GalleryClient(service, key) as client:
        client.enroll(added[:1], ["Mary"])
        enroll_into_blocks(client, added[1:], ["Rosa", "Lise"], [1, 1])

    renew_gallery(service, key, other_key)

    check_whole(service, other_key, np.vstack([PEOPLE, added]), [*LABELS, "Mary", "Rosa", "Lise"])


def test_what_is_erased_between_two_runs_is_in_no_copy(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey, other_key: GalleryKey
) -> None:
    stopped_after_copying(service, key, other_key)
    with GalleryClient(service, key) as client:
        # The second and third block hold "Grace" and others, the first "Ada" and others.
        client.remove(["Ada", "Emmy", "Grace"])
        assert client.summary().blocks == 2

    done = renew_gallery(service, key, other_key)

    assert (done.references, done.blocks) == (2, 2)
    check_whole(service, other_key, PEOPLE[[3, 6]], ["Edith", "Hedy"])


def test_a_photo_that_gives_another_template_than_before_is_copied_again(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey, other_key: GalleryKey
) -> None:
    """The same content under the same label, embedded by another release of a face model."""
    stopped_after_copying(service, key, other_key)
    with GalleryClient(service, key) as client:
        view, state = client._view, client._view.state()
        editor = BlockEditor(view)
        block = editor.open(state, 1)
        block.templates[0] = round_to_grid(np.array([0.6, 0.0, 0.0, 0.8]), STANDARD)
        editor.write(state, [block], len(state.blocks))
    before = templates_of(service, key)

    renew_gallery(service, key, other_key)

    assert templates_of(service, other_key) == before


class MeddlingService:
    """Does something else before each call of one name, as another process would."""

    def __init__(self, service: GalleryService, name: str, acts: Iterator[Callable[[], None]]):
        self._service = service
        self._name = name
        self._acts = acts

    def __getattr__(self, name: str) -> Any:
        if name == self._name:
            next(self._acts, lambda: None)()
        return getattr(self._service, name)


@pytest.mark.parametrize("call", ["block", "manifest", "write", "replace", "references"])
def test_what_others_enroll_meanwhile_is_not_lost(
    service: EmbeddedService,
    filled: GalleryClient,
    key: GalleryKey,
    other_key: GalleryKey,
    call: str,
) -> None:
    added = random_embeddings(4, DIMENSION, seed=6)
    new = [f"new {number}" for number in range(4)]

    def enroll(number: int) -> None:
        with GalleryClient(service, key) as client:
            if number % 2:
                enroll_into_blocks(client, added[[number]], [new[number]], [1])
            else:
                client.enroll(added[[number]], [new[number]])

    acts = iter([lambda number=number: enroll(number) for number in range(4)])
    meddled = MeddlingService(service, call, acts)

    renew_gallery(meddled, key, other_key)
    # What was not enrolled before the copy took the gallery's place is not part of this.
    done = 4 - len(list(acts))

    assert done
    check_whole(service, other_key, np.vstack([PEOPLE, added[:done]]), [*LABELS, *new[:done]])


def test_blocks_that_others_drop_meanwhile_are_dropped(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey, other_key: GalleryKey
) -> None:
    def compact() -> None:
        with GalleryClient(service, key) as client:
            client.compact()

    acts = iter([lambda: None, compact])

    done = renew_gallery(MeddlingService(service, "block", acts), key, other_key)

    assert (done.references, done.blocks) == (9, 1)
    check_whole(service, other_key)


def test_a_gallery_that_never_rests_is_given_up_and_nothing_is_lost(
    service: EmbeddedService,
    filled: GalleryClient,
    key: GalleryKey,
    other_key: GalleryKey,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gallery.client.editing.blocks.time.sleep", lambda _: None)
    added = random_embeddings(100, DIMENSION, seed=7)

    def enroll(number: int) -> None:
        with GalleryClient(service, key) as client:
            client.enroll(added[[number]], [f"new {number}"])

    acts = [lambda number=number: enroll(number) for number in range(100)]
    meddled = MeddlingService(service, "replace", iter(acts))

    with pytest.raises(WriteConflictError):
        renew_gallery(meddled, key, other_key)

    with GalleryClient(service, key) as client:
        count = client.summary().references
    assert count > 9
    assert renew_gallery(service, key, other_key).references == count


def test_two_runs_at_once_end_well(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey, other_key: GalleryKey
) -> None:
    """Whoever comes second finds the gallery gone, or its copy filled; nothing is lost."""
    second = iter([lambda: renew_gallery(service, key, other_key) and None])

    with pytest.raises(GalleryNotFoundError):
        renew_gallery(MeddlingService(service, "write", second), key, other_key)

    check_whole(service, other_key)
    assert renew_gallery(service, key, other_key).finished_before


# --- refusals and damage --------------------------------------------------------------------------


def test_the_wrong_old_key_is_refused(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey, other_key: GalleryKey
) -> None:
    third = GalleryKey.generate()

    with pytest.raises(KeyMismatchError):
        renew_gallery(service, third, other_key)
    with pytest.raises(GalleryNotFoundError):
        renew_gallery(service, key, other_key, "nobody's")

    assert service.gallery_names() == ["default"]


def test_a_gallery_of_somebody_else_in_the_way_is_neither_used_nor_erased(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey, other_key: GalleryKey
) -> None:
    name = copy_name("default", other_key.key_id)
    with GalleryClient.create(service, key, name, dimension=DIMENSION) as client:
        client.enroll(PEOPLE, LABELS)

    with pytest.raises(GalleryExistsError, match="in the way"):
        renew_gallery(service, key, other_key)
    with pytest.raises(GalleryExistsError, match="in the way"):
        discard_renewal(service, other_key)

    check_whole(service, key)
    with GalleryClient(service, key, name) as client:
        assert client.summary().references == 9


@pytest.mark.parametrize("change", [{"dimension": 5}, {"threshold": 0.5}, {"parameters": COMPACT}])
def test_a_copy_that_is_not_what_is_wanted_is_neither_used_nor_erased(
    service: EmbeddedService,
    filled: GalleryClient,
    key: GalleryKey,
    other_key: GalleryKey,
    change: dict[str, Any],
) -> None:
    name = copy_name("default", other_key.key_id)
    properties = {"dimension": DIMENSION, "threshold": 0.01, **change}
    with GalleryClient.create(service, other_key, name, **properties) as client:
        before = client._view.manifest()

    with pytest.raises(GalleryExistsError, match="--discard"):
        renew_gallery(service, key, other_key)

    with GalleryClient(service, other_key, name) as client:
        assert client._view.manifest() == before
    check_whole(service, key)
    discard_renewal(service, other_key)
    renew_gallery(service, key, other_key)
    check_whole(service, other_key)


@pytest.mark.parametrize("length", [1, 180, 181, 199, 200])
def test_galleries_with_long_names_have_copies_with_names_of_their_own(length: int) -> None:
    key_id = bytes(range(16))
    one, other = "x" * (length - 1) + "1", "x" * (length - 1) + "2"

    assert len(copy_name(one, key_id)) <= 200
    assert copy_name(one, key_id) != copy_name(other, key_id)
    assert copy_name(one, key_id).endswith(" (renewal 00010203)")
    assert copy_name(one, key_id) != copy_name(one, bytes(16))


def test_a_gallery_with_the_longest_name_is_renewed(
    service: EmbeddedService, key: GalleryKey, other_key: GalleryKey
) -> None:
    name = "é" * 200
    with GalleryClient.create(service, key, name, dimension=DIMENSION) as client:
        client.enroll(PEOPLE, LABELS)

    renew_gallery(service, key, other_key, name)

    with GalleryClient(service, other_key, name) as client:
        assert client.summary().references == 9


def test_a_damaged_gallery_is_not_renewed(
    service: EmbeddedService,
    filled: GalleryClient,
    key: GalleryKey,
    other_key: GalleryKey,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Swapping(MeddlingService):
        def block(self, gallery_id: bytes, index: int) -> Any:
            return service.block(gallery_id, 0)

    with pytest.raises((AuthenticationError, WriteConflictError)):
        monkeypatch.setattr("gallery.client.editing.blocks.time.sleep", lambda _: None)
        renew_gallery(Swapping(service, "", iter(())), key, other_key)

    check_whole(service, key)


def test_a_gallery_that_was_put_back_to_an_older_state_is_not_renewed(
    database: str, key: GalleryKey, other_key: GalleryKey, tmp_path: Path
) -> None:
    memory, file = SessionMemory(), tmp_path / "gallery.db"
    with open_service(database, create=True) as service:
        with GalleryClient.create(service, key, dimension=DIMENSION) as client:
            client.enroll(PEOPLE[:8], LABELS[:8])
        service.purge()
        older = file.read_bytes()
        with GalleryClient(service, key, memory=memory) as client:
            client.enroll(PEOPLE, LABELS)
    file.write_bytes(older)

    with open_service(database) as service, pytest.raises(RolledBackError):
        renew_gallery(service, key, other_key, memory=memory)


def test_the_old_gallery_put_back_after_a_renewal_is_noticed(
    database: str, key: GalleryKey, tmp_path: Path
) -> None:
    """With the same key, nothing but the owner's memory tells the old gallery from the new."""
    memory, file = SessionMemory(), tmp_path / "gallery.db"
    with open_service(database, create=True) as service:
        with GalleryClient.create(service, key, dimension=DIMENSION) as client:
            client.enroll(PEOPLE, LABELS)
        service.purge()
        older = file.read_bytes()
        renew_gallery(service, key, key, parameters=COMPACT, memory=memory)
        with GalleryClient(service, key, memory=memory) as client:
            assert client.summary().references == 9
    file.write_bytes(older)

    with (
        open_service(database) as service,
        GalleryClient(service, key, memory=memory) as client,
        pytest.raises(RolledBackError),
    ):
        client.summary()


def test_a_renewal_whose_traces_cannot_be_removed_yet_is_done(
    service: EmbeddedService,
    filled: GalleryClient,
    key: GalleryKey,
    other_key: GalleryKey,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def pending() -> None:
        raise ErasurePendingError("others are reading")

    with monkeypatch.context() as patched:
        patched.setattr(service._store._database, "purge", pending)
        with pytest.raises(ErasurePendingError):
            renew_gallery(service, key, other_key)

    check_whole(service, other_key)
    assert renew_gallery(service, key, other_key).finished_before


# --- nothing is left ------------------------------------------------------------------------------


def pieces_of(service: EmbeddedService, key: GalleryKey, name: str) -> list[bytes]:
    """Return what a gallery stores that is its own, in pieces of 16 bytes."""
    with GalleryClient(service, key, name) as client:
        view, found = client._view, [client.description.gallery_id, client.description.mac]
        state = view.state()
        found.append(state.manifest.mac)
        for index, block in enumerate(state.blocks):
            columns = service.block(view.gallery_id, index).columns.tobytes()
            found += [columns, block.header.mac, block.header.columns_digest]
            found.append(block.header.references_digest)
            for item in block.table:
                found += [item.reference_id, item.pseudonym, item.content_tag, item.sealed_label]
    return [item[at : at + 16] for item in found for at in range(0, len(item) - 15, 16)]


def windows_of_files(folder: Path) -> set[bytes]:
    """Return every 16 bytes that stand side by side in a file of the database."""
    files = [path.read_bytes() for path in folder.iterdir() if path.name.startswith("gallery.db")]
    return {data[at : at + 16] for data in files for at in range(len(data) - 15)}


def test_nothing_of_the_old_gallery_is_left_in_the_files(
    service: EmbeddedService,
    filled: GalleryClient,
    key: GalleryKey,
    other_key: GalleryKey,
    tmp_path: Path,
) -> None:
    old = pieces_of(service, key, "default")
    before = windows_of_files(tmp_path)
    # The others stand on two pages, between which SQLite writes a number.
    assert sum(piece in before for piece in old) > 0.99 * len(old)

    renew_gallery(service, key, other_key)

    left = windows_of_files(tmp_path)
    assert os.path.getsize(tmp_path / "gallery.db-wal") == 0
    assert [piece for piece in old if piece in left] == []
    assert key.key_id not in left
    new = pieces_of(service, other_key, "default")
    assert sum(piece in left for piece in new) > 0.99 * len(new)


def test_nothing_of_a_copy_that_is_given_up_is_left_in_the_files(
    service: EmbeddedService,
    filled: GalleryClient,
    key: GalleryKey,
    other_key: GalleryKey,
    tmp_path: Path,
) -> None:
    stopped_after_copying(service, key, other_key)
    copied = pieces_of(service, other_key, copy_name("default", other_key.key_id))

    discard_renewal(service, other_key)

    left = windows_of_files(tmp_path)
    assert [piece for piece in copied if piece in left] == []
    assert other_key.key_id not in left
