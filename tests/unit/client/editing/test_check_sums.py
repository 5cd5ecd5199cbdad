"""Check sums are those of the blocks after every write, whoever else writes meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gallery.client import GalleryClient, GalleryKey
from gallery.errors import GalleryError, WriteConflictError
from gallery.forwarding import ForwardingService
from gallery.messages import GalleryUpdate
from gallery.parameters import LIGHT, SWIFT, ParameterSet
from gallery.server import EmbeddedService
from tests.support.galleries import names
from tests.support.interception import InterceptedService

DIMENSION = 4
PEOPLE = np.vstack([np.eye(DIMENSION), -np.eye(DIMENSION)])
LABELS = names(len(PEOPLE))
SAME = 0.1
CALLS = ("manifest", "references", "block", "check_sums", "write")
MOST_CALLS = 14
"""More calls than any of the writers below makes."""

Act = Callable[[GalleryClient], object]


def check_whole(service: EmbeddedService, key: GalleryKey) -> set[str]:
    """Check that a gallery is sound and can be searched; return the labels in it."""
    with GalleryClient(service, key) as client:
        assert client.verify(deep=True).findings == ()
        labels = {item.label for item in client.references()}
        found = client.identify(PEOPLE, threshold=SAME)
    matched = {label for label, match in zip(LABELS, found.decisions, strict=True) if match}
    assert matched == labels
    return labels


def enroll(*numbers: int) -> Act:
    rows = list(numbers)
    return lambda client: client.enroll(PEOPLE[rows], [LABELS[row] for row in rows])


def remove(*numbers: int) -> Act:
    return lambda client: client.remove([LABELS[number] for number in numbers])


@pytest.mark.parametrize("parameters", [SWIFT, LIGHT], ids=lambda chosen: chosen.name)
def test_check_sums_follow_every_change(
    service: EmbeddedService, key: GalleryKey, parameters: ParameterSet
) -> None:
    acts: list[Act] = [
        enroll(0, 1, 2),
        enroll(3),
        remove(0),
        lambda client: client.enroll(PEOPLE[[4]], [LABELS[4]], replace=True),
        lambda client: client.compact(),
        remove(1, 2, 3, 4),
        enroll(5),
    ]
    with GalleryClient.create(service, key, dimension=DIMENSION, parameters=parameters) as client:
        for act in acts:
            act(client)
            check_whole(service, key)
            assert client.verify(deep=True).findings == ()
            assert client.identify(PEOPLE[5], threshold=SAME).threshold == SAME


@pytest.mark.parametrize(
    ("work", "other", "expected"),
    [
        (enroll(4), enroll(5), {0, 1, 2, 3, 4, 5}),
        (enroll(4), remove(0, 1), {2, 3, 4}),
        (remove(0), enroll(5), {1, 2, 3, 5}),
        (remove(0), remove(1), {2, 3}),
        (enroll(4), remove(0, 1, 2, 3), {4}),
    ],
    ids=["both enroll", "one removes", "the other removes", "both remove", "emptied meanwhile"],
)
def test_two_writers_leave_right_check_sums_however_their_calls_interleave(
    service: EmbeddedService, key: GalleryKey, work: Act, other: Act, expected: set[int]
) -> None:
    reached = 0
    for number in range(MOST_CALLS):
        name = f"interleaved at {number}"
        with GalleryClient.create(
            service, key, name, dimension=DIMENSION, parameters=SWIFT
        ) as client:
            enroll(0, 1, 2, 3)(client)
            calls = 0

            def intercept(call: Callable[[], Any]) -> Any:
                nonlocal calls, reached
                if calls == number:  # noqa: B023
                    other(client)
                    reached += 1
                calls += 1
                return call()

            watched = InterceptedService(service, CALLS, intercept)
            with GalleryClient(watched, key, name) as writer:
                work(writer)
                assert writer.verify(deep=True).findings == ()
        if calls <= number:
            break
        with GalleryClient(service, key, name) as again:
            assert again.verify(deep=True).findings == ()
            assert {item.label for item in again.references()} == {LABELS[i] for i in expected}
            found = again.identify(PEOPLE[:6], threshold=SAME)
            assert {*np.flatnonzero(found.decisions).tolist()} == expected
    assert reached >= 4, "the other came between any two calls"


class LosingService(ForwardingService):
    """Refuses the first writes as if others had come first; or applies one and loses the answer."""

    def __init__(self, service: EmbeddedService, refused: int, *, applied: bool = False) -> None:
        super().__init__(service)
        self._left, self._applied = refused, applied
        self.updates: list[GalleryUpdate] = []

    def write(self, gallery_id: bytes, update: GalleryUpdate) -> None:
        self.updates.append(update)
        if self._left:
            self._left -= 1
            if self._applied:
                super().write(gallery_id, update)
                raise GalleryError("no answer")
            raise WriteConflictError("another came first")
        super().write(gallery_id, update)


def test_a_refused_write_leaves_the_writer_with_the_check_sums_that_are_stored(
    service: EmbeddedService, key: GalleryKey
) -> None:
    GalleryClient.create(service, key, dimension=DIMENSION, parameters=SWIFT).close()
    losing = LosingService(service, 3)

    with GalleryClient(losing, key) as client:
        enroll(0, 1)(client)
        assert client.identify(PEOPLE[:2], threshold=SAME).decisions.all()

    blocks = [update.blocks[0].block for update in losing.updates if update.blocks]
    assert len(blocks) >= 2
    assert len({block.header.nonce for block in blocks}) == len(blocks), "secrets serve once"
    assert check_whole(service, key) == {*LABELS[:2]}


def test_a_write_whose_answer_is_lost_can_be_repeated(
    service: EmbeddedService, key: GalleryKey
) -> None:
    GalleryClient.create(service, key, dimension=DIMENSION, parameters=SWIFT).close()

    with GalleryClient(LosingService(service, 1, applied=True), key) as client:
        with pytest.raises(GalleryError, match="no answer"):
            enroll(0, 1)(client)
        assert not client.enroll(PEOPLE[:2], LABELS[:2]).added.any()
        enroll(2)(client)
        assert client.identify(PEOPLE[:3], threshold=SAME).decisions.all()

    assert check_whole(service, key) == {*LABELS[:3]}
