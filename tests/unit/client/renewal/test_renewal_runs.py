"""A renewal that stops is finished by another, and what others do meanwhile is not lost."""

from __future__ import annotations

import numpy as np
import pytest

from gallery.client import GalleryClient, GalleryKey, Renewal, discard_renewal, renew_gallery
from gallery.client.editing.block_editor import BlockEditor
from gallery.client.embeddings.templates import round_to_grid
from gallery.client.session import GallerySession
from gallery.errors import GalleryError, GalleryNotFoundError, WriteConflictError
from gallery.messages.naming import copy_name
from gallery.parameters import COMPACT, STANDARD
from gallery.server import EmbeddedService
from tests.support.galleries import random_embeddings
from tests.unit.client.renewal.renewing import (
    DIMENSION,
    LABELS,
    PEOPLE,
    MeddlingService,
    StoppedError,
    StoppingService,
    check_whole,
    enroll_into_blocks,
    stopped_after_copying,
    templates_of,
    writes_of_a_renewal,
)

# --- interruptions --------------------------------------------------------------------------------


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

    assert 1000 - counting.left == writes_of_a_renewal()


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
    renewed = service.manifest(service.describe("default").gallery_id)
    assert renewed.entries[:finished] == copied
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


def test_what_is_enrolled_between_two_runs_is_renewed(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey, other_key: GalleryKey
) -> None:
    stopped_after_copying(service, key, other_key)
    added = random_embeddings(3, DIMENSION, seed=5)
    with GalleryClient(service, key) as client:
        client.enroll(added[:1], ["Mary"])
        enroll_into_blocks(service, key, added[1:], ["Rosa", "Lise"], [1, 1])

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
    with GallerySession(service, key, "default") as session:
        editor, state = BlockEditor(session), session.state()
        block = editor.open(state, 1)
        block.templates[0] = round_to_grid(np.array([0.6, 0.0, 0.0, 0.8]), STANDARD)
        editor.write(state, [block], len(state.blocks))
    before = templates_of(service, key)

    renew_gallery(service, key, other_key)

    assert templates_of(service, other_key) == before


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
        if number % 2:
            enroll_into_blocks(service, key, added[[number]], [new[number]], [1])
        else:
            with GalleryClient(service, key) as client:
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
    monkeypatch.setattr("gallery.client.editing.conflicts.time.sleep", lambda _: None)
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
    second = iter([lambda: renew_gallery(service, key, other_key)])

    with pytest.raises(GalleryNotFoundError):
        renew_gallery(MeddlingService(service, "write", second), key, other_key)

    check_whole(service, other_key)
    assert renew_gallery(service, key, other_key).finished_before
