"""The plan of bringing a gallery in step with a folder: what is added, relabelled and erased."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gallery.client.editing.selection import Reference
from gallery.client.gallery_state import GalleryState
from gallery.client.photos.failures import PhotoFailure
from gallery.client.photos.folder_walk import NO_PHOTO, PassedOver
from gallery.client.session import GallerySession
from gallery.client.syncing.ledger import Ledger
from gallery.client.syncing.scan import FolderScan, ScannedPhoto, name_of
from gallery.errors import EmptiedFolderError
from gallery.hints import Hint
from gallery.messages import StoredReference


@dataclass(frozen=True)
class Addition:
    """A photo that is to be enrolled.

    Attributes
    ----------
    path
        The photo.
    label
        Whom it shows.
    tag
        Content tag of the reference that it will have, 16 bytes.
    replaced
        The references of what the file held before; they are erased when the new one is in.
    """

    path: Path
    label: str
    tag: bytes
    replaced: tuple[Reference, ...] = ()


@dataclass(frozen=True)
class Relabelling:
    """A reference whose photo belongs to another person now: it is relabelled, not made anew.

    Attributes
    ----------
    path
        The photo.
    label
        Whom it shows.
    reference
        The reference with its former label.
    """

    path: Path
    label: str
    reference: Reference


@dataclass(frozen=True)
class Removal:
    """A reference whose photo is gone.

    Attributes
    ----------
    path
        Where the photo was.
    reference
        The reference.
    gone
        Whether there is no file there any more; else it is another person's, ignored, or holds what
        is enrolled from elsewhere.
    """

    path: Path
    reference: Reference
    gone: bool


@dataclass(frozen=True)
class SyncPlan:
    """The plan that brings a gallery in step with a folder.

    It is exact, but for photos that turn out to give no embedding: what they replace stays.

    Attributes
    ----------
    folder
        The folder.
    additions
        Photos that are to be enrolled; those with something ``replaced`` have changed.
    relabellings
        References that get another label, because a photo or a person's folder was moved.
    removals
        References that came from the folder, and whose photos are gone.
    unchanged
        How many photos are enrolled as they are.
    failures
        Entries that could not be looked at, or gave no embedding before. Nothing that came from
        there is touched.
    unsettled
        Photos that are changing just now; the same holds for them.
    empty
        Folders of people without any photo.
    passed_over
        Entries that are no photos, or ignored.
    unproven
        References of people of the folder that belong to none of its photos and are not known to
        have come from there: they were enrolled in another way, or what is remembered was lost.
    ledger_damaged
        Whether the ledger of the folder is damaged, and is made anew.
    scan
        The scan of the folder that the plan was made from.
    tags
        Content tag of each photo that was read, by its name.
    gone
        Names of photos of which there were references, and that are not there any more.
    """

    folder: Path
    additions: tuple[Addition, ...]
    relabellings: tuple[Relabelling, ...]
    removals: tuple[Removal, ...]
    unchanged: int
    failures: tuple[PhotoFailure, ...]
    unsettled: tuple[Path, ...]
    empty: tuple[PhotoFailure, ...]
    passed_over: tuple[PassedOver, ...]
    unproven: int
    ledger_damaged: bool
    scan: FolderScan
    tags: Mapping[str, bytes]
    gone: frozenset[str]

    @property
    def is_empty(self) -> bool:
        """Whether the gallery is in step."""
        return not (self.additions or self.relabellings or self.removals)

    def check_rest(self) -> None:
        """Check that something stays of what came from the folder before.

        Raises
        ------
        EmptiedFolderError
            If all of it would be erased.
        """
        changed = any(item.replaced for item in self.additions)
        if self.removals and not (self.unchanged or self.relabellings or changed):
            raise EmptiedFolderError(
                f"nothing is left in {self.folder} of what came from there, so that all "
                f"{len(self.removals):,} references would be erased: it may be another folder, or "
                "its disk may not be mounted",
                hint=Hint.REMOVE_ALL,
            )


class Planner:
    """Makes plans for one folder and one gallery.

    Parameters
    ----------
    session
        The gallery.
    folder
        The folder.
    """

    def __init__(self, session: GallerySession, folder: Path) -> None:
        self._session, self._folder = session, folder

    def plan(
        self,
        scan: FolderScan,
        ledger: Ledger,
        state: GalleryState,
        *,
        kept: Collection[bytes] = (),
        failed: Iterable[PhotoFailure] = (),
        damaged: bool = False,
    ) -> SyncPlan:
        """Plan what is to be done.

        Parameters
        ----------
        scan
            The content of the folder.
        ledger
            The ledger of the folder.
        state
            The state of the gallery.
        kept
            Content tags that stay, because other folders claim them too.
        failed
            Photos of the scan that are known to give no embedding.
        damaged
            Whether the ledger is damaged.
        """
        labels, failed = self._session.labels, tuple(failed)
        failures = (*scan.failures, *failed, *_no_photos_any_more(self._folder, scan, ledger))
        tags = {item.name: labels.content_tag(item.digest, item.label) for item in scan.photos}
        wanted = set(tags.values())
        there = {item.content_tag for _, item in state.find("content_tag", wanted)}
        left = _Leftovers(self._session, ledger, state)
        in_doubt = [name_of(self._folder, item.path) for item in failures]
        in_doubt += [name_of(self._folder, path) for path in scan.unsettled]
        left.keep(wanted | set(kept), in_doubt)
        hopeless = {name_of(self._folder, item.path) for item in failed}
        missing = defaultdict[bytes, list[ScannedPhoto]](list)
        for item in scan.photos:
            if tags[item.name] not in there and item.name not in hopeless:
                missing[tags[item.name]].append(item)
        relabellings = tuple(self._relabellings(missing, left))
        additions = tuple(
            Addition(copies[0].path, copies[0].label, tag, tuple(left.take_of(copies)))
            for tag, copies in missing.items()
        )
        return SyncPlan(
            folder=self._folder,
            additions=additions,
            relabellings=relabellings,
            removals=tuple(self._removals(left)),
            unchanged=sum(tag in there for tag in tags.values()),
            failures=failures,
            unsettled=tuple(scan.unsettled),
            empty=scan.empty,
            passed_over=scan.passed_over,
            unproven=self._unproven(scan, state, wanted | left.known),
            ledger_damaged=damaged,
            scan=scan,
            tags=tags,
            gone=frozenset(ledger.claims) - tags.keys() - left.in_doubt,
        )

    def _relabellings(
        self, missing: dict[bytes, list[ScannedPhoto]], left: _Leftovers
    ) -> Iterator[Relabelling]:
        """Yield the relabellings by which missing references come about, and take them out."""
        for tag, copies in list(missing.items()):
            reference = left.take_with(copies[0].digest)
            if reference is not None:
                del missing[tag]
                yield Relabelling(copies[0].path, copies[0].label, reference)

    def _removals(self, left: _Leftovers) -> Iterator[Removal]:
        for name, reference in left.rest():
            path = self._folder / name
            yield Removal(path, reference, not os.path.lexists(path))

    def _unproven(self, scan: FolderScan, state: GalleryState, known: Collection[bytes]) -> int:
        labels = {item.label for item in scan.photos}
        pseudonyms = {self._session.labels.pseudonym(label) for label in labels}
        found = state.find("pseudonym", pseudonyms)
        return sum(item.content_tag not in known for _, item in found)


class _Leftovers:
    """References that came from a folder and belong to none of its photos as they are now."""

    def __init__(self, session: GallerySession, ledger: Ledger, state: GalleryState) -> None:
        self._session, self._ledger = session, ledger
        self._found: dict[bytes, tuple[int, StoredReference]] = {
            item.reference_id: (index, item)
            for place in (
                state.find("content_tag", ledger.tags()),
                state.find("reference_id", ledger.reference_ids()),
            )
            for index, item in place
        }
        self.known = {item.content_tag for _, item in self._found.values()}
        """Content tags of all that came from the folder, also of what is kept."""
        by_tag = {item.content_tag: item.reference_id for _, item in self._found.values()}
        self._names: dict[str, set[bytes]] = {
            name: {by_tag.get(claim.tag, claim.reference_id) for claim in claims}
            | {claim.reference_id for claim in claims}
            for name, claims in ledger.claims.items()
        }
        self.in_doubt = set[str]()
        """Names of photos that may be there or not; what came from them is kept."""
        self._by_digest: dict[bytes, list[bytes]] | None = None

    def keep(self, tags: Collection[bytes], in_doubt: Collection[str]) -> None:
        """Keep the references with some tags, and what came from some files, or from below them."""
        doubtful, kept = set(in_doubt), set[bytes]()
        for name, references in self._names.items():
            parts = name.split("/")
            if any("/".join(parts[:end]) in doubtful for end in range(1, len(parts) + 1)):
                self.in_doubt.add(name)
                kept |= references
        self._found = {
            reference_id: (index, item)
            for reference_id, (index, item) in self._found.items()
            if item.content_tag not in tags and reference_id not in kept
        }

    def take_with(self, digest: bytes) -> Reference | None:
        """Take out a reference that was made of a content, if there is one."""
        if self._by_digest is None:
            self._by_digest = defaultdict(list)
            for reference_id, (_, item) in self._found.items():
                content = self._session.labels.open_content(item.sealed_label, reference_id)
                self._by_digest[content.content_digest].append(reference_id)
        for reference_id in self._by_digest.get(digest, ()):
            if reference_id in self._found:
                return self._take(reference_id)
        return None

    def take_of(self, photos: Iterable[ScannedPhoto]) -> Iterator[Reference]:
        """Take out the references of what some files held before."""
        for photo in photos:
            for reference_id in sorted(self._names.get(photo.name, ())):
                if reference_id in self._found:
                    yield self._take(reference_id)

    def rest(self) -> Iterator[tuple[str, Reference]]:
        """Take out all others; yield each with the name of its photo."""
        for name, references in sorted(self._names.items()):
            for reference_id in sorted(references):
                if reference_id in self._found:
                    yield name, self._take(reference_id)

    def _take(self, reference_id: bytes) -> Reference:
        index, item = self._found.pop(reference_id)
        label = self._session.labels.open(item.sealed_label, reference_id)
        return Reference(reference_id.hex(), label, index, item.position)


def _no_photos_any_more(folder: Path, scan: FolderScan, ledger: Ledger) -> Iterator[PhotoFailure]:
    """Yield files that were photos and are none: they may be damaged, or not be complete yet."""
    for item in scan.passed_over:
        if item.reason == NO_PHOTO and name_of(folder, item.path) in ledger.claims:
            yield PhotoFailure(item.path, "it is no photo any more")
