"""The enrollment of photos: each is embedded, failures are kept, the others go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from gallery.arrays import Floats
from gallery.client.editing.creation import record_origin
from gallery.client.editing.selection import Reference
from gallery.client.embeddings.templates import check_embeddings, to_vectors
from gallery.client.enrolling.duplicates import Duplicate, DuplicateFinder
from gallery.client.enrolling.enrollment import Enroller
from gallery.client.enrolling.inputs import NewReference
from gallery.client.enrolling.outliers import Outlier, OutlierRule
from gallery.client.integrity.labels import file_digest, normalize_label
from gallery.client.photos.compatibility import check_embedder
from gallery.client.photos.embedder import PhotoEmbedder
from gallery.client.photos.failures import PhotoFailure
from gallery.client.photos.folders import LabelledPhoto
from gallery.client.photos.quality import FaceQuality
from gallery.client.progress import Progress
from gallery.client.regular_file import open_regular
from gallery.client.searching.thresholds import Threshold
from gallery.client.session import GallerySession
from gallery.errors import (
    DuplicateSubjectError,
    GalleryError,
    InvalidEmbeddingError,
    InvalidLabelError,
    PhotoError,
)
from gallery.hints import Hint

COMMIT_EVERY = 64
"""Photos between two writes: about half a minute of work on two cores, which is what is lost if the
process is killed. Each write encrypts a block anew, so writing after every photo would take longer
than the photos do."""

OnDuplicate = Literal["add", "skip", "fail"] | Callable[[Path, Duplicate], bool]
"""What to do with a face that matches a reference of another label.

``add`` enrolls it without looking for duplicates at all, ``skip`` leaves it out, and ``fail``
enrolls nothing of the whole run. A function is given each and says whether to enroll it.
"""


@dataclass(frozen=True)
class PhotoDuplicate:
    """A photo whose face matches a reference of another label, and whether it was enrolled."""

    path: Path
    duplicate: Duplicate
    enrolled: bool


@dataclass(frozen=True)
class PhotoEnrollment:
    """What an enrollment of photos did.

    Attributes
    ----------
    added
        Path and reference identifier of each photo that was enrolled.
    skipped
        Path and reference identifier of each photo that was enrolled before, or is a copy of
        another one of this run.
    failures
        Photos that could not be enrolled.
    measured
        Path and quality of each photo that was embedded, also where it was then left out.
    duplicates
        What matched references of other labels; empty where nobody looked.
    outliers
        Path of each photo whose face is far from all others of its label, and how far; see
        `Enrollment`.
    erased
        What was replaced.
    """

    added: tuple[tuple[Path, str], ...]
    skipped: tuple[tuple[Path, str], ...]
    failures: tuple[PhotoFailure, ...]
    measured: tuple[tuple[Path, FaceQuality], ...]
    duplicates: tuple[PhotoDuplicate, ...]
    outliers: tuple[tuple[Path, Outlier], ...] = ()
    erased: tuple[Reference, ...] = ()


class PhotoEnroller:
    """Enrolls photos into one gallery, a batch at a time.

    Parameters
    ----------
    session
        The gallery.
    embedder
        What embeds the photos; `ModelMismatchError` if it is not the gallery's.
    on_duplicate
        What to do with faces that match references of other labels.
    threshold
        Largest distance of a match; with ``add`` of no account.
    rule
        What tells which of them are outliers; by default none is.
    """

    def __init__(
        self,
        session: GallerySession,
        embedder: PhotoEmbedder,
        on_duplicate: OnDuplicate = "add",
        threshold: Threshold | None = None,
        rule: OutlierRule | None = None,
    ) -> None:
        check_embedder(embedder, session.description)
        self._session = session
        self._embedder = embedder
        self._on_duplicate = on_duplicate
        self._finder = None if threshold is None else DuplicateFinder(session, threshold)
        self._enroller = Enroller(session, rule)
        self._known = self._enroller.enrolled()
        if not self._known:
            embedder.when_prepared(("record", session.gallery_id), partial(record_origin, session))
        self._pending: dict[bytes, tuple[Path, NewReference]] = {}
        self._copies: list[tuple[Path, bytes]] = []
        self._added: list[tuple[Path, str]] = []
        self._skipped: list[tuple[Path, str]] = []
        self._failures: list[PhotoFailure] = []
        self._measured: list[tuple[Path, FaceQuality]] = []
        self._duplicates: list[PhotoDuplicate] = []
        self._failed_to_write = False
        self._outliers: list[tuple[Path, Outlier]] = []

    def run(
        self, photos: Iterable[LabelledPhoto], progress: Progress | None = None
    ) -> PhotoEnrollment:
        """Enroll photos.

        On an interruption, or an error that ends the run, what was embedded so far is written
        first, without those that match references of other labels: nobody was asked about these.
        With ``fail`` nothing is.

        Raises
        ------
        DuplicateSubjectError
            With ``fail``, if there is a duplicate; nothing is enrolled then.
        """
        try:
            for photo in photos:
                self._take(photo)
                if len(self._pending) >= COMMIT_EVERY and self._on_duplicate != "fail":
                    self._flush()
                if progress is not None:
                    progress(1)
            self._flush()
        except BaseException:
            if not self._failed_to_write:
                self._keep()
            raise
        return PhotoEnrollment(
            tuple(self._added),
            tuple(self._skipped),
            tuple(self._failures),
            tuple(self._measured),
            tuple(self._duplicates),
            tuple(self._outliers),
        )

    def _take(self, photo: LabelledPhoto) -> None:
        try:
            label = normalize_label(photo.label)
            with open_regular(photo.path) as file:
                digest = file_digest(file)
            tag = self._session.labels.content_tag(digest, label)
            if tag in self._known:
                self._skipped.append((photo.path, self._known[tag].hex()))
            elif tag in self._pending:
                self._copies.append((photo.path, tag))
            else:
                face = self._embedder.examine(photo.path)
                vector = _to_vector(face.embedding, self._session)
                self._pending[tag] = photo.path, NewReference(vector, label, digest)
                self._measured.append((photo.path, face.quality))
        except OSError as error:
            self._failures.append(PhotoFailure(photo.path, f"cannot be read: {error.strerror}"))
        except (PhotoError, InvalidLabelError, InvalidEmbeddingError) as error:
            self._failures.append(PhotoFailure.of(photo.path, error))

    def _flush(self) -> None:
        try:
            if self._pending and self._on_duplicate != "add" and self._finder is not None:
                self._settle_duplicates(self._finder)
            self._write()
        except GalleryError:
            self._failed_to_write = True
            raise

    def _keep(self) -> None:
        """Write what is pending on the way out."""
        if self._on_duplicate == "fail":
            return
        if self._on_duplicate != "add":
            self._on_duplicate = "skip"
        self._flush()

    def _settle_duplicates(self, finder: DuplicateFinder) -> None:
        """Take out of what is pending the duplicates that are not to be enrolled."""
        tags, pending = list(self._pending), list(self._pending.values())
        found = finder.find([item for _, item in pending])
        if found and self._on_duplicate == "fail":
            first, _ = pending[found[0].row]
            raise DuplicateSubjectError(
                f"{len(found)} of {len(pending)} new photos match references of other labels, the "
                f"first is {first}; nothing was enrolled",
                hint=Hint.SETTLE_DUPLICATES,
            )
        for duplicate in found:
            path, _ = pending[duplicate.row]
            enrolled = callable(self._on_duplicate) and self._on_duplicate(path, duplicate)
            self._duplicates.append(PhotoDuplicate(path, duplicate, enrolled))
            if not enrolled:
                del self._pending[tags[duplicate.row]]

    def _write(self) -> None:
        while self._pending:
            wanted = {tag: item for tag, (_, item) in self._pending.items()}
            done = self._enroller.commit(wanted)
            outliers = {item.reference_id: item for item in done.outliers}
            for committed, report in ((done.added, self._added), (done.present, self._skipped)):
                for tag, reference_id in committed.items():
                    path, _ = self._pending.pop(tag)
                    report.append((path, reference_id.hex()))
                    if reference_id.hex() in outliers:
                        self._outliers.append((path, outliers[reference_id.hex()]))
            self._known |= done.added | done.present
        self._skipped += [
            (path, self._known[tag].hex()) for path, tag in self._copies if tag in self._known
        ]
        self._copies.clear()


def _to_vector(embedding: Floats, session: GallerySession) -> Floats:
    vectors = to_vectors(check_embeddings(embedding, session.description), session.description)
    first: Floats = vectors[0]
    return first
