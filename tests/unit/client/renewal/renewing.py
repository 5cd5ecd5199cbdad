"""A gallery of three blocks, what it holds, and services that stop a renewal or meddle with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from gallery.client import GalleryClient, GalleryKey, renew_gallery
from gallery.client.editing.block_editor import BlockEditor
from gallery.client.embeddings.templates import round_to_grid
from gallery.client.enrolling.enrollment import Enroller
from gallery.client.enrolling.inputs import LabelledEmbeddings
from gallery.client.session import GallerySession
from gallery.protocol import GalleryService
from gallery.server import EmbeddedService
from tests.support.galleries import random_embeddings
from tests.support.interception import InterceptedService, before

DIMENSION = 4
PEOPLE = random_embeddings(9, DIMENSION)
LABELS = ["Ada", "Grace", "Ada", "Edith", "Ada", "Grace", "Hedy", "Emmy", "Grace"]
SIZES = (4, 3, 2)
"""References in each block: three blocks without 12,282 references."""


def enroll_into_blocks(
    service: GalleryService,
    key: GalleryKey,
    embeddings: np.ndarray,
    labels: Sequence[str],
    sizes: Sequence[int],
) -> None:
    """Enroll into new blocks that are left partly empty, with holes as removals leave them."""
    with GallerySession(service, key, "default") as session:
        editor, enroller, state = BlockEditor(session), Enroller(session), session.state()
        items = iter(LabelledEmbeddings(embeddings, labels, session.description).new_references())
        first, blocks = len(state.blocks), []
        for number, size in enumerate(sizes):
            block = editor.new(first + number)
            for position in [3 * at for at in range(size)]:
                item = next(items)
                reference = enroller.reference(position, enroller.tag(item), item)
                block.put(reference, round_to_grid(item.vector, session.parameters))
            blocks.append(block)
        editor.write(state, blocks, first + len(blocks))


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
    with GallerySession(service, key, name) as session:
        editor, state, found = BlockEditor(session), session.state(), []
        for index in range(len(state.blocks)):
            block = editor.open(state, index)
            found.append(
                sorted(
                    (
                        content.label,
                        content.content_digest,
                        tuple(block.templates[position]),
                    )
                    for position, content in (
                        (at, session.labels.open_content(item.sealed_label, item.reference_id))
                        for at, item in block.references.items()
                    )
                )
            )
        return found


WRITES = ("create_gallery", "write", "replace")


class StoppedError(Exception):
    """Stands for a process that ends."""


class StoppingService(InterceptedService):
    """Passes calls on until the one with a given number among the writing ones.

    Attributes
    ----------
    left
        Writing calls from here to that one.
    """

    def __init__(self, service: GalleryService, number: int, *, after: bool) -> None:
        super().__init__(service, WRITES, self._count)
        self.left = number
        self._after = after

    def _count(self, call: Callable[[], Any]) -> Any:
        self.left -= 1
        if self.left == 0 and not self._after:
            raise StoppedError
        result = call()
        if self.left == 0:
            raise StoppedError
        return result


def writes_of_a_renewal() -> int:
    return 1 + len(SIZES) + 1


def stopped_after_copying(service: EmbeddedService, key: GalleryKey, new: GalleryKey) -> None:
    """Copy everything, and stop before the copy takes the gallery's place."""
    with pytest.raises(StoppedError):
        renew_gallery(StoppingService(service, writes_of_a_renewal(), after=False), key, new)


class MeddlingService(InterceptedService):
    """Does something else before each call of one method, as another process would."""

    def __init__(
        self, service: GalleryService, method: str, acts: Iterator[Callable[[], object]]
    ) -> None:
        super().__init__(service, [method], before(acts))
