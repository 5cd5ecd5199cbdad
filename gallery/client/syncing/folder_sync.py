"""The synchronisation of a gallery with a folder: plans, and their execution.

An execution may be interrupted anywhere and leaves nothing unknown behind: all references that
will be in the gallery are claimed in the ledger first; then references are relabelled, new ones
enrolled and former ones erased, and at last the ledger forgets those that are gone. A run that is
interrupted is finished by the next one.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from gallery.client.editing.relabelling import Relabeller
from gallery.client.editing.removal import Remover
from gallery.client.editing.selection import Reference
from gallery.client.enrolling.outliers import Outlier, OutlierRule
from gallery.client.enrolling.photo_enrollment import PhotoEnroller
from gallery.client.enrolling.photo_outcome import PhotoEnrollment
from gallery.client.keys.secrets import Secret
from gallery.client.photos.embedder import PhotoEmbedder
from gallery.client.photos.faces import check_selection
from gallery.client.photos.failures import PhotoFailure
from gallery.client.photos.folders import LabelledPhoto
from gallery.client.photos.quality import FaceQuality
from gallery.client.photos.sources import PhotoName
from gallery.client.progress import Progress
from gallery.client.session import GallerySession
from gallery.client.syncing.ledger import Claim, Ledger, LedgerFile
from gallery.client.syncing.plan import Planner, Removal, SyncPlan
from gallery.client.syncing.scan import name_of, scan_folder
from gallery.hints import Hint

_NOTHING = PhotoEnrollment((), (), (), (), ())


@dataclass(frozen=True)
class SyncReport:
    """The outcome of bringing a gallery in step with a folder.

    Attributes
    ----------
    added
        Path and reference identifier of each photo that was enrolled.
    relabelled
        The references that have another label now.
    replaced
        The references that were erased because their photos have changed.
    removed
        The references that were erased because their photos are gone.
    kept
        Those of the plan that were not erased: nothing was to be, or the photo came back.
    failures
        Photos and folders that could not be looked at, or gave no embedding. Nothing that came from
        there was touched.
    measured, outliers
        As for `PhotoEnrollment`.
    """

    added: tuple[tuple[PhotoName, str], ...] = ()
    relabelled: tuple[Reference, ...] = ()
    replaced: tuple[Reference, ...] = ()
    removed: tuple[Reference, ...] = ()
    kept: tuple[Removal, ...] = ()
    failures: tuple[PhotoFailure, ...] = ()
    measured: tuple[tuple[PhotoName, FaceQuality], ...] = ()
    outliers: tuple[tuple[PhotoName, Outlier], ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was changed."""
        return not (self.added or self.relabelled or self.replaced or self.removed)


class FolderSync(Secret):
    """Keeps a gallery in step with a folder that has one sub-folder of photos per person.

    Made by `GalleryClient.folder_sync`.

    Parameters
    ----------
    session
        The gallery.
    folder
        The folder.
    ledgers
        The folder in which is kept, sealed, what came from which folder.
    embedder
        Returns what embeds the photos, when the first is to be embedded.
    rule
        Returns what tells outliers, or None.
    faces
        The face that is enrolled of a photo with several; with ``one`` such a photo is a failure.
    """

    def __init__(
        self,
        session: GallerySession,
        folder: str | os.PathLike[str],
        ledgers: str | os.PathLike[str],
        embedder: Callable[[], PhotoEmbedder],
        rule: Callable[[], OutlierRule | None],
        faces: Literal["one", "largest"] = "one",
    ) -> None:
        check_selection(faces, ("one", "largest"))
        self.folder, self._faces = Path(folder), faces
        self._session, self._make_embedder, self._make_rule = session, embedder, rule
        self._file = LedgerFile(session, Path(ledgers), self.folder)
        self._planner = Planner(session, self.folder)
        self._embedder: PhotoEmbedder | None = None
        self._failed: dict[tuple[str, bytes], PhotoFailure] = {}

    def plan(self, *, settle: float = 0.0, progress: Progress | None = None) -> SyncPlan:
        """Return the plan that would bring the gallery in step with the folder; nothing is changed.

        Parameters
        ----------
        settle
            Seconds for which a photo must not have changed: before, it may not be complete yet.
        progress
            Called with the number of photos that were just looked at.

        Returns
        -------
        SyncPlan
            The changes to make.

        Raises
        ------
        SourceError
            If the folder cannot be read, or has photos outside any person's folder.
        LedgerError
            If what is remembered of the folder cannot be read.
        IntegrityError
            If the gallery is not what its owner wrote.
        """
        ledger = self._file.read()
        scan = scan_folder(self.folder, ledger.stamps, settle=settle, progress=progress)
        failed = [
            self._failed[item.name, item.digest]
            for item in scan.photos
            if (item.name, item.digest) in self._failed
        ]
        return self._planner.plan(
            scan,
            ledger,
            self._session.state(),
            kept=self._file.claimed_by_others(),
            failed=failed,
            damaged=self._file.damaged,
        )

    def apply(
        self,
        plan: SyncPlan,
        *,
        remove: bool = True,
        remove_all: bool = False,
        progress: Progress | None = None,
    ) -> SyncReport:
        """Do what was planned. Interrupted at any place, it is finished by another plan.

        Parameters
        ----------
        plan
            The plan, from `plan`.
        remove
            Whether references are erased whose photos are gone.
        remove_all
            Whether that may be all that came from the folder.
        progress
            Called with the number of photos that were just finished.

        Returns
        -------
        SyncReport
            The outcome, with the references that were added, relabelled and erased.

        Raises
        ------
        EmptiedFolderError
            If all that came from the folder would be erased; nothing is changed then.
        LedgerError
            If nothing can be remembered of the folder; nothing is changed then.
        MissingDependencyError, ModelMismatchError, WeightsError
            If photos are to be embedded, and cannot be.
        ErasurePendingError
            If all is done, but traces of what was erased are still in the database's files.
        WriteConflictError
            If other processes keep changing the gallery, or bring it in step with the folder too.
        """
        if remove and not remove_all:
            plan.check_rest()
        with self._file.locked():
            ledger = self._file.read()
            before = ledger.pack()
            for name, tag in plan.tags.items():
                ledger.claim(name, tag)
            if ledger.pack() != before:
                self._file.write(ledger)
            relabelled = self._relabel(plan)
            done = self._enroll(plan, progress)
            kept, gone = list[Removal](), list[Reference]()
            for item in plan.removals:
                if not remove or _came_back(item):
                    kept.append(item)
                else:
                    gone.append(item.reference)
            good = {path for path, _ in (*done.added, *done.skipped)}
            replaced = [
                old for item in plan.additions if item.path in good for old in item.replaced
            ]
            self._erase([*gone, *replaced])
            self._settle(ledger, plan, done, kept)
            if ledger.pack() != before:
                self._file.write(ledger)
        return SyncReport(
            added=done.added,
            relabelled=tuple(relabelled),
            replaced=tuple(replaced),
            removed=tuple(gone),
            kept=tuple(kept),
            failures=(*plan.failures, *done.failures),
            measured=done.measured,
            outliers=done.outliers,
        )

    def forget_failures(self) -> None:
        """Have photos that gave no embedding tried again, though they have not changed."""
        self._failed.clear()

    def _relabel(self, plan: SyncPlan) -> list[Reference]:
        by_label = defaultdict[str, list[str]](list)
        for item in plan.relabellings:
            by_label[item.label].append(item.reference.reference_id)
        relabeller, done = Relabeller(self._session), list[Reference]()
        for label, reference_ids in by_label.items():
            done += relabeller.assign(reference_ids, label)
        return done

    def _enroll(self, plan: SyncPlan, progress: Progress | None) -> PhotoEnrollment:
        if not plan.additions:
            return _NOTHING
        if self._embedder is None:
            self._embedder = self._make_embedder()
        enroller = PhotoEnroller(
            self._session, self._embedder, rule=self._make_rule(), faces=self._faces
        )
        photos = [LabelledPhoto(item.path, item.label) for item in plan.additions]
        done = enroller.run(photos, progress)
        done = replace(done, failures=tuple(map(_advised, done.failures)))
        digests = {item.path: (item.name, item.digest) for item in plan.scan.photos}
        self._failed |= {digests[Path(item.path)]: item for item in done.failures}
        return done

    def _erase(self, references: list[Reference]) -> None:
        if references:
            Remover(self._session).remove({bytes.fromhex(it.reference_id) for it in references})

    def _settle(
        self, ledger: Ledger, plan: SyncPlan, done: PhotoEnrollment, kept: list[Removal]
    ) -> None:
        """Have a ledger claim what is in the gallery now, and nothing else."""
        state = self._session.state()
        added = {name_of(self.folder, path): bytes.fromhex(known) for path, known in done.added}
        sought = ledger.reference_ids() | set(added.values())
        found = [item for _, item in state.find("content_tag", ledger.tags())]
        found += [item for _, item in state.find("reference_id", sought)]
        by_tag = {item.content_tag: item.reference_id for item in found}
        by_id = {item.reference_id: item.content_tag for item in found}
        pending = {bytes.fromhex(item.reference.reference_id) for item in kept}
        claims: dict[str, tuple[Claim, ...]] = {}
        for name, former in ledger.claims.items():
            present = {
                reference_id: Claim(by_id[reference_id], reference_id)
                for claim in former
                if (reference_id := by_tag.get(claim.tag, claim.reference_id)) in by_id
            }
            own = by_tag.get(plan.tags.get(name, b""))
            if own is not None or name in plan.gone:
                present = {item: claim for item, claim in present.items() if item in pending}
            if own is not None:
                present[own] = Claim(by_id[own], own)
            elif added.get(name) in by_id:  # it changed before it was read again
                present[added[name]] = Claim(by_id[added[name]], added[name])
            if present:
                claims[name] = tuple(present.values())
        ledger.claims, ledger.stamps = claims, plan.scan.stamps


def _advised(failure: PhotoFailure) -> PhotoFailure:
    """Return a failure with advice that can be followed: a photo is one reference here."""
    several = failure.hint is Hint.CHOOSE_FACES
    return replace(failure, hint=Hint.CHOOSE_LARGEST) if several else failure


def _came_back(item: Removal) -> bool:
    return item.gone and os.path.lexists(item.path)
