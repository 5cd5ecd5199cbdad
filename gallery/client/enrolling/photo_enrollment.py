"""The enrollment of photos: each is embedded, failures are kept, the others go on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gallery.arrays import Floats
from gallery.client.editing.creation import record_origin
from gallery.client.embeddings.templates import check_embeddings, to_vectors
from gallery.client.enrolling.duplicates import DuplicateFinder
from gallery.client.enrolling.enrollment import Enroller
from gallery.client.enrolling.inputs import NewReference
from gallery.client.enrolling.outliers import Outlier, OutlierRule
from gallery.client.enrolling.photo_outcome import OnDuplicate, PhotoDuplicate, PhotoEnrollment
from gallery.client.integrity.labels import content_digest, normalize_label
from gallery.client.integrity.person_details import NO_DETAILS, PersonDetails
from gallery.client.photos.compatibility import check_embedder
from gallery.client.photos.embedder import PhotoEmbedder
from gallery.client.photos.embedding_run import embed_all
from gallery.client.photos.faces import (
    EmbeddedFace,
    FaceOutcome,
    FaceSelection,
    check_selection,
    largest_of,
)
from gallery.client.photos.failures import PhotoFailure
from gallery.client.photos.folders import LabelledPhoto
from gallery.client.photos.quality import FaceQuality
from gallery.client.photos.sources import HeldPhoto, PhotoName, check_several, hold, photo_name
from gallery.client.progress import Progress
from gallery.client.searching.thresholds import Threshold
from gallery.client.session import GallerySession
from gallery.distances import from_squared
from gallery.errors import (
    DuplicateSubjectError,
    GalleryError,
    InvalidEmbeddingError,
    InvalidLabelError,
    PhotoError,
    SeveralFacesError,
)
from gallery.hints import Hint

if TYPE_CHECKING:
    from gallery.client.photos.sources import PhotoSource

COMMIT_EVERY = 64
"""Photos between two writes: about half a minute of work on two cores, which is what is lost if the
process is killed. Each write encrypts a block anew, so writing after every photo would take longer
than the photos do."""

_POLICIES: Final = ("add", "skip", "fail")


@dataclass(frozen=True)
class _HeldPhoto:
    """A photo that is to be enrolled: its name, whom it shows, and the digest of its content."""

    name: PhotoName
    label: str
    digest: bytes


def record_embedder(
    session: GallerySession, embedder: PhotoEmbedder, enrolled: Mapping[bytes, bytes]
) -> None:
    """Check what embeds photos for a gallery; one with nobody enrolled records what it is.

    Raises
    ------
    ModelMismatchError
        If it is not the gallery's.
    """
    check_embedder(embedder, session.description)
    if not enrolled:
        embedder.when_prepared(("record", session.gallery_id), partial(record_origin, session))


class PhotoEnroller:
    """Enrolls photos into one gallery, a batch at a time.

    Parameters
    ----------
    session
        The gallery.
    embedder
        The embedder of the photos; `ModelMismatchError` if it is not the gallery's.
    on_duplicate
        The policy for faces that match references of other labels.
    threshold
        Largest distance of a match; used where duplicates are looked for, or all faces are taken.
    rule
        The rule by which references are outliers; by default none is.
    faces
        Which faces of a photo are enrolled.
    details
        Attributes and expiry that all of these people get.

    Attributes
    ----------
    labels
        Labels of the photos that were enrolled now or before.
    """

    def __init__(
        self,
        session: GallerySession,
        embedder: PhotoEmbedder,
        on_duplicate: OnDuplicate = "add",
        threshold: Threshold | None = None,
        rule: OutlierRule | None = None,
        faces: FaceSelection = "one",
        details: PersonDetails = NO_DETAILS,
    ) -> None:
        check_selection(faces)
        if on_duplicate not in _POLICIES and not callable(on_duplicate):
            raise ValueError(
                f"on_duplicate is 'add', 'skip', 'fail' or a function, not {on_duplicate!r}"
            )
        self._session = session
        self._embedder, self._details = embedder, details
        self._on_duplicate = on_duplicate
        self._faces, self._threshold = faces, threshold
        self._finder = None if threshold is None else DuplicateFinder(session, threshold)
        self._enroller = Enroller(session, rule)
        self._known = self._enroller.enrolled()
        record_embedder(session, embedder, self._known)
        self._pending: dict[bytes, tuple[PhotoName, NewReference]] = {}
        self._copies: list[tuple[PhotoName, bytes]] = []
        self._added: list[tuple[PhotoName, str]] = []
        self._skipped: list[tuple[PhotoName, str]] = []
        self._failures: list[PhotoFailure] = []
        self._measured: list[tuple[PhotoName, FaceQuality]] = []
        self._duplicates: list[PhotoDuplicate] = []
        self._failed_to_write = False
        self._outliers: list[tuple[PhotoName, Outlier]] = []
        self.labels: set[str] = set()

    def run(
        self,
        photos: Iterable[LabelledPhoto | tuple[PhotoSource, str]],
        progress: Progress | None = None,
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
        check_several(photos)
        try:
            with closing(embed_all(self._embedder, self._held(photos), self._faces)) as embedded:
                for photo, faces in embedded:
                    self._take(photo, faces)
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

    def _held(
        self, photos: Iterable[LabelledPhoto | tuple[PhotoSource, str]]
    ) -> Iterator[tuple[_HeldPhoto | PhotoFailure, HeldPhoto | None]]:
        """Read photos as far as it takes to know whether they were enrolled before."""
        for position, photo in enumerate(photos):
            source, label = _with_label(photo)
            name = photo_name(source, position)
            try:
                label = normalize_label(label)
                held = hold(source, str(name))
                digest = held.digest()
            except (PhotoError, InvalidLabelError) as error:
                yield PhotoFailure.of(name, error), None
                continue
            known = self._faces != "all" and self._tag(digest, label) in self._known
            yield _HeldPhoto(name, label, digest), None if known else held

    def _take(self, photo: _HeldPhoto | PhotoFailure, faces: FaceOutcome) -> None:
        if isinstance(photo, PhotoFailure):
            self._failures.append(photo)
            return
        try:
            if self._faces != "all" and self._is_known(photo.name, photo.digest, photo.label):
                return
            if isinstance(faces, GalleryError):
                raise faces
            if self._faces == "all":
                self._take_all(photo, faces)
            else:
                self._add(photo.name, faces[0], photo.label, photo.digest)
        except (PhotoError, InvalidEmbeddingError) as error:
            self._failures.append(PhotoFailure.of(photo.name, error))

    def _take_all(self, photo: _HeldPhoto, faces: tuple[EmbeddedFace, ...]) -> None:
        """Take each face of a photo that shows one person several times."""
        vectors = np.stack([_to_vector(face.embedding, self._session) for face in faces])
        if not self._match(vectors):
            raise SeveralFacesError(
                f"the {len(faces)} faces in {photo.name} are not one person's at the gallery's "
                "threshold",
                hint=Hint.ENROLL_LARGEST,
            )
        largest = largest_of(faces)
        for face in faces:
            # The largest is what the photo is enrolled with otherwise; no face is enrolled twice.
            own = photo.digest
            if face is not largest:
                own = content_digest(photo.digest + repr(face.box).encode())
            if not self._is_known(photo.name, own, photo.label):
                self._add(photo.name, face, photo.label, own)

    def _match(self, vectors: Floats) -> bool:
        """Whether each two of some faces match each other."""
        apart = ((vectors[:, np.newaxis] - vectors) ** 2).sum(axis=2).max()
        description = self._session.description
        distance = from_squared(np.array([apart]), description.metric, description.norm_bound)[0]
        return self._threshold is None or bool(distance <= self._threshold.value)

    def _is_known(self, name: PhotoName, digest: bytes, label: str) -> bool:
        """Whether a face was taken or enrolled before; that is kept."""
        tag = self._tag(digest, label)
        if tag in self._known:
            self._skipped.append((name, self._known[tag].hex()))
            self.labels.add(label)
        elif tag in self._pending:
            self._copies.append((name, tag))
        else:
            return False
        return True

    def _tag(self, digest: bytes, label: str) -> bytes:
        return self._session.labels.content_tag(digest, label)

    def _add(self, name: PhotoName, face: EmbeddedFace, label: str, digest: bytes) -> None:
        vector = _to_vector(face.embedding, self._session)
        tag = self._tag(digest, label)
        self._pending[tag] = name, NewReference(vector, label, digest, details=self._details)
        self._measured.append((name, face.quality))

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
        """Take out of what is pending the photos with duplicates that are not to be enrolled.

        Of several faces in a photo all go in or none: they are one person's, and with ``replace``
        that person's other references would be erased in favour of a part.
        """
        tags, pending = list(self._pending), list(self._pending.values())
        found = finder.find([item for _, item in pending])
        if found and self._on_duplicate == "fail":
            first, _ = pending[found[0].row]
            raise DuplicateSubjectError(
                f"{len(found)} of {len(pending)} new photos match references of other labels, the "
                f"first is {first}; nothing was enrolled",
                hint=Hint.SETTLE_DUPLICATES,
            )
        of_photo = [(path, item.label) for path, item in pending]
        answers = [
            callable(self._on_duplicate) and self._on_duplicate(pending[item.row][0], item)
            for item in found
        ]
        refused = {
            of_photo[item.row] for item, answer in zip(found, answers, strict=True) if not answer
        }
        self._duplicates += [
            PhotoDuplicate(pending[item.row][0], item, of_photo[item.row] not in refused)
            for item in found
        ]
        for tag, photo in zip(tags, of_photo, strict=True):
            if photo in refused:
                del self._pending[tag]

    def _write(self) -> None:
        while self._pending:
            wanted = {tag: item for tag, (_, item) in self._pending.items()}
            done = self._enroller.commit(wanted)
            outliers = {item.reference_id: item for item in done.outliers}
            for committed, report in ((done.added, self._added), (done.present, self._skipped)):
                for tag, reference_id in committed.items():
                    path, taken = self._pending.pop(tag)
                    report.append((path, reference_id.hex()))
                    self.labels.add(taken.label)
                    if reference_id.hex() in outliers:
                        self._outliers.append((path, outliers[reference_id.hex()]))
            self._known |= done.added | done.present
        self._skipped += [
            (path, self._known[tag].hex()) for path, tag in self._copies if tag in self._known
        ]
        self._copies.clear()


def _with_label(photo: Any) -> tuple[PhotoSource, str]:
    """Return a photo and its label; nothing else may look like a pair, as text of two letters."""
    if isinstance(photo, LabelledPhoto):
        return photo.path, photo.label
    if isinstance(photo, (tuple, list)) and len(photo) == 2:
        return photo[0], photo[1]
    raise TypeError("each photo to enroll is given with its label, as a pair (photo, label)")


def _to_vector(embedding: Floats, session: GallerySession) -> Floats:
    vectors = to_vectors(check_embeddings(embedding, session.description), session.description)
    first: Floats = vectors[0]
    return first
