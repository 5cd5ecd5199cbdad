"""The enrollment of references, one block at a time."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import numpy.typing as npt

from gallery.arrays import Floats
from gallery.ciphertexts.blocks import capacity
from gallery.client.editing.block_editor import BlockEditor
from gallery.client.editing.conflicts import ConflictRetry
from gallery.client.editing.relabelling import known_details
from gallery.client.editing.selection import Reference
from gallery.client.embeddings.templates import round_to_grid
from gallery.client.enrolling.inputs import NewReference
from gallery.client.enrolling.label_comparison import MOST_COMPARED, LabelComparison
from gallery.client.enrolling.outliers import Outlier, OutlierRule
from gallery.client.gallery_state import GalleryState
from gallery.client.integrity.labels import normalize_label
from gallery.client.integrity.person_details import NO_DETAILS, PersonDetails
from gallery.client.progress import Progress
from gallery.client.session import GallerySession
from gallery.errors import GalleryError
from gallery.messages import ID_SIZE, StoredReference


@dataclass(frozen=True, eq=False)
class Enrollment:
    """The outcome of an enrollment of n embeddings.

    Attributes
    ----------
    reference_ids
        Strings of 32 hexadecimal digits, shape (n,): the reference of each embedding, also where it
        was enrolled before.
    added
        bool, shape (n,): False where the same embedding was enrolled under the same label already.
    outliers
        Those that are far from all others of their label; empty where the gallery has no threshold.
        Where many were written at once, as far as the others are in the same block.
    erased
        The references that were replaced.
    """

    reference_ids: npt.NDArray[np.str_]
    added: npt.NDArray[np.bool_]
    outliers: tuple[Outlier, ...] = ()
    erased: tuple[Reference, ...] = ()


@dataclass(frozen=True)
class Committed:
    """The outcome of the enrollment of some inputs.

    Attributes
    ----------
    added, present
        Reference identifiers by content tag: those of one write, and those that were there before.
    repeated
        Inputs that are equal to one that came before them.
    outliers
        Those of the write that are far from all others of their label.
    scattered
        Labels of the write that have references in other blocks, too.
    """

    added: dict[bytes, bytes]
    present: dict[bytes, bytes]
    repeated: int = 0
    outliers: tuple[Outlier, ...] = ()
    scattered: frozenset[str] = frozenset()

    @property
    def inputs(self) -> int:
        """The number of inputs."""
        return len(self.added) + len(self.present) + self.repeated


class Enroller:
    """Writes references into a gallery.

    Parameters
    ----------
    session
        The gallery.
    rule
        The rule by which references are outliers; by default none is.
    """

    def __init__(self, session: GallerySession, rule: OutlierRule | None = None) -> None:
        self._session, self._rule = session, rule
        self._editor, self._conflicts = BlockEditor(session), ConflictRetry(session)

    def enrolled(self) -> dict[bytes, bytes]:
        """Return the reference identifiers of all that is enrolled, by content tag."""
        blocks = self._session.state().blocks
        return {item.content_tag: item.reference_id for block in blocks for item in block.table}

    def tag(self, item: NewReference) -> bytes:
        """Return the content tag by which a second enrollment of the same is noticed."""
        return self._session.labels.content_tag(item.content_digest, item.label)

    def reference(self, position: int, tag: bytes, item: NewReference) -> StoredReference:
        """Return the stored form of an item with that tag, under a new identifier."""
        labels, reference_id = self._session.labels, os.urandom(ID_SIZE)
        return StoredReference(
            position=position,
            reference_id=reference_id,
            pseudonym=labels.pseudonym(item.label),
            content_tag=tag,
            sealed_label=labels.seal(
                item.label, item.content_digest, reference_id, item.enrolled, item.details
            ),
        )

    def enroll(
        self, wanted: Sequence[NewReference], progress: Progress | None = None
    ) -> Enrollment:
        """Enroll all of the given references, block by block; see `stream`."""
        known, added, outliers = dict[bytes, bytes](), set[bytes](), list[Outlier]()
        for done in self.stream(wanted):
            known |= done.added | done.present
            added |= done.added.keys()
            outliers += done.outliers
            if progress is not None:
                progress(done.inputs)
        found = _report([self.tag(item) for item in wanted], known, added)
        return replace(found, outliers=tuple(outliers))

    def stream(self, wanted: Iterable[NewReference]) -> Iterator[Committed]:
        """Enroll references as they come; yield what became of some of them, again and again.

        An input that is enrolled already, or comes twice, is enrolled once. At most a block's worth
        waits in memory. Each block is committed before the next is made, so that an interruption
        loses one block at most. Raises what `commit` raises.
        """
        incoming, room = iter(wanted), capacity(self._session.parameters)
        pending: dict[bytes, NewReference] = {}
        state: GalleryState | None = None
        while True:
            waiting = len(pending)
            some = list(islice(incoming, room - waiting))
            pending |= {tag: item for tag, item in map(self._tagged, some) if tag not in pending}
            repeated = len(some) - (len(pending) - waiting)
            present: dict[bytes, bytes] = {}
            if some:
                # Else blocks would be written that hold little, because the rest is there already.
                state = self._session.state()
                present = find_enrolled(state, pending)
            yield _settled(pending, Committed({}, present, repeated))
            if pending and (len(pending) == room or not some):
                yield _settled(pending, self.commit(pending, state))
                state = None
            elif not some:
                return

    def commit(
        self, wanted: Mapping[bytes, NewReference], state: GalleryState | None = None
    ) -> Committed:
        """Write as many references as fit into one block.

        Inputs that are enrolled already are left out, also when another process enrolled them
        meanwhile. If another process changes the gallery first, the block is made again on what it
        wrote.

        Parameters
        ----------
        wanted
            The references by content tag.
        state
            A state of the gallery that was just read, if there is one.

        Raises
        ------
        WriteConflictError
            If other processes come first again and again.
        IntegrityError
            If the gallery is not as its owner wrote it; nothing is written.
        """
        done = self._conflicts.run(lambda current: self._commit(current, wanted), state)
        if self._rule is None or not done.scattered:
            return done
        return replace(done, outliers=self._outliers(self._rule, done, wanted))

    def _tagged(self, item: NewReference) -> tuple[bytes, NewReference]:
        return self.tag(item), item

    def _commit(self, state: GalleryState, wanted: Mapping[bytes, NewReference]) -> Committed:
        present = find_enrolled(state, wanted)
        missing = [(tag, item) for tag, item in wanted.items() if tag not in present]
        if not missing:
            return Committed({}, present)
        block = self._editor.open(state, self._first_with_room(state))
        added, by_label = {}, defaultdict[str, list[StoredReference]](list)
        details = self._details(state, [item for _, item in missing])
        for position, (tag, item) in zip(self._editor.free_positions(block), missing, strict=False):
            item = replace(item, details=details[item.label])
            reference = self.reference(position, tag, item)
            block.put(reference, round_to_grid(item.vector, self._session.parameters))
            added[tag] = reference.reference_id
            by_label[item.label].append(reference)
        self._editor.write(state, [block], max(len(state.blocks), block.index + 1))
        outliers = self._rule.find(block, by_label) if self._rule is not None else ()
        scattered = self._scattered(state, block.index, by_label)
        return Committed(added, present, outliers=outliers, scattered=scattered)

    def _scattered(
        self, state: GalleryState, written: int, by_label: Mapping[str, list[StoredReference]]
    ) -> frozenset[str]:
        """Return the labels that have references in other blocks than the one that was written."""
        if sum(map(len, by_label.values())) > MOST_COMPARED:
            return frozenset()
        labels = {items[0].pseudonym: label for label, items in by_label.items()}
        found = state.find("pseudonym", labels.keys())
        return frozenset(labels[item.pseudonym] for index, item in found if index != written)

    def _outliers(
        self, rule: OutlierRule, done: Committed, wanted: Mapping[bytes, NewReference]
    ) -> tuple[Outlier, ...]:
        """Return the outliers of a write, of labels in several blocks by a search."""
        comparison = LabelComparison(self._session, rule)
        by_label = defaultdict[str, dict[bytes, Floats]](dict)
        for tag, reference_id in done.added.items():
            by_label[wanted[tag].label][reference_id] = wanted[tag].vector
        found = [item for item in done.outliers if item.label not in done.scattered]
        for label in sorted(done.scattered):
            # The write is done: it is reported as such, however the search ends.
            with suppress(GalleryError):
                found += comparison.outliers(label, by_label[label])
        return tuple(found)

    def _details(
        self, state: GalleryState, items: Sequence[NewReference]
    ) -> dict[str, PersonDetails]:
        """Return the details of people with those that new references add, by label."""
        found = known_details(self._session, state, {item.label for item in items})
        for item in items:
            found[item.label] = found.get(item.label, NO_DETAILS).updated(item.details)
        return found

    def _first_with_room(self, state: GalleryState) -> int:
        """Return the first block that has room, which may be a new one."""
        for index in range(len(state.blocks)):
            if self._editor.free_count(state, index):
                return index
        return len(state.blocks)


def _report(tags: Sequence[bytes], known: dict[bytes, bytes], added: set[bytes]) -> Enrollment:
    """Say for each input what became of it; of equal inputs the first counts as added."""
    fresh = set(added)
    flags = []
    for tag in tags:
        flags.append(tag in fresh)
        fresh.discard(tag)
    identifiers = [known[tag].hex() for tag in tags]
    return Enrollment(np.array(identifiers, dtype=np.str_), np.array(flags, dtype=bool))


def _settled(pending: dict[bytes, NewReference], done: Committed) -> Committed:
    """Take what was settled out of what is pending."""
    for tag in (*done.added, *done.present):
        del pending[tag]
    return done


def find_enrolled(state: GalleryState, tags: Collection[bytes]) -> dict[bytes, bytes]:
    """Return the reference identifiers of those content tags that a gallery holds, by tag."""
    return {item.content_tag: item.reference_id for _, item in state.find("content_tag", tags)}


def photos_enrolled(
    session: GallerySession, digests: Sequence[bytes], labels: Sequence[str]
) -> tuple[bool, ...]:
    """Tell of each photo, by the SHA-256 of its file, whether it is enrolled under its label."""
    tags = [
        session.labels.content_tag(digest, normalize_label(label))
        for digest, label in zip(digests, labels, strict=True)
    ]
    known = find_enrolled(session.state(), tags) if tags else {}
    return tuple(tag in known for tag in tags)
