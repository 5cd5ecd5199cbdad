"""The enrollment of faces under one label, and its undoing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gallery.client import Enrollment, FaceQuality, GalleryClient, PhotoEmbedder, release
from gallery.client.photos.faces import EmbeddedFace
from gallery.desk.access.scopes import Holder
from gallery.desk.errors import BadRequestError, DeskError, NotAllowedError
from gallery.desk.identifying import LIMITED_DECIMALS
from gallery.desk.open_gallery import LastEnrollment, OpenGallery
from gallery.desk.photo_faces import PhotoOfFaces
from gallery.desk.thumbnails import thumbnail_of
from gallery.errors import ReferenceNotFoundError, ThresholdRequiredError


@dataclass(frozen=True, eq=False)
class NewFaces:
    """Faces to enroll under one label, of photos or as ready embeddings.

    Attributes
    ----------
    embeddings
        Real numbers, shape (n, d).
    names
        Name of each of them.
    digests
        SHA-256 of the photo of each; None for ready embeddings.
    failures
        Name of each photo that is not among them, and why.
    poor
        Name of each photo that is poor, and what was measured of the face in it.
    pictures
        A function that makes a thumbnail of each, or None where there is no photo.
    """

    embeddings: npt.ArrayLike
    names: tuple[str, ...]
    digests: tuple[bytes, ...] | None = None
    failures: tuple[tuple[str, str], ...] = ()
    poor: tuple[tuple[str, FaceQuality], ...] = ()
    pictures: tuple[bytes | None, ...] = ()

    @classmethod
    def of_photos(cls, photos: Sequence[PhotoOfFaces], *, thumbnails: bool = False) -> NewFaces:
        """Return the faces of photos that must show one each, with thumbnails if these are kept."""
        found: list[tuple[PhotoOfFaces, EmbeddedFace]] = []
        failures: list[tuple[str, str]] = []
        for photo in photos:
            try:
                found.append((photo, _only_face(photo)))
            except BadRequestError as error:
                failures.append((photo.name, error.message))
        return cls(
            [face.embedding for _, face in found],
            tuple(photo.name for photo, _ in found),
            tuple(photo.digest for photo, _ in found),
            tuple(failures),
            tuple((photo.name, face.quality) for photo, face in found if face.quality.flaws()),
            tuple(
                thumbnail_of(photo.photo, face.box) if thumbnails and photo.photo else None
                for photo, face in found
            ),
        )

    @classmethod
    def of_embeddings(cls, embeddings: Sequence[Sequence[float]]) -> NewFaces:
        """Return ready embeddings, called by their numbers from 0."""
        return cls(embeddings, tuple(str(row) for row in range(len(embeddings))))


@dataclass(frozen=True)
class PossibleDuplicate:
    """A photo whose face matches a person of another label.

    Attributes
    ----------
    photo
        Name of the photo.
    label
        The other person's label.
    distance, threshold
        How far they are apart, rounded, and the largest distance of a match.
    """

    photo: str
    label: str
    distance: float
    threshold: float

    def limited(self) -> PossibleDuplicate:
        """Return the part for a holder who may not manage: every enrollment is a search, too."""
        return replace(self, distance=round(self.distance, LIMITED_DECIMALS))


@dataclass(frozen=True, eq=False)
class EnrollmentReport:
    """The outcome of an enrollment.

    Attributes
    ----------
    label
        Its label.
    added, present
        References that are new, and those that were enrolled before; 32 hexadecimal digits each.
    failures
        Name of each photo that was not enrolled, and why.
    poor
        Name of each photo that is poor, and what was measured of the face in it.
    duplicates
        People whom photos match; nothing was enrolled if there are any and nobody insisted.
    outliers
        Names of photos that were enrolled and match none of the others of the label.
    undo
        The identifier that names this enrollment to `undo`, or None if nothing was added.
    """

    label: str
    added: tuple[str, ...]
    present: tuple[str, ...]
    failures: tuple[tuple[str, str], ...]
    poor: tuple[tuple[str, FaceQuality], ...]
    duplicates: tuple[PossibleDuplicate, ...] = ()
    outliers: tuple[str, ...] = ()
    undo: str | None = None

    @property
    def is_held(self) -> bool:
        """Whether nothing was enrolled because of duplicates."""
        return bool(self.duplicates) and not self.added and not self.present

    @property
    def others(self) -> tuple[str, ...]:
        """The labels of the people whom photos match, in order of the photos."""
        return tuple(dict.fromkeys(item.label for item in self.duplicates))


def enroll(
    opened: OpenGallery,
    faces: NewFaces,
    label: str,
    holder: Holder,
    *,
    embedder: PhotoEmbedder | None = None,
    despite_duplicates: bool = False,
) -> EnrollmentReport:
    """Enroll faces; raises what `GalleryClient.enroll` raises.

    Without `despite_duplicates`, nothing is enrolled if a face matches a person of another label.
    `embedder` is what made embeddings of photos.
    """
    said = faces.failures, faces.poor
    if not faces.names:
        return EnrollmentReport(label, (), (), *said)
    labels = [label] * len(faces.names)
    found = find_duplicates(opened.client, faces, labels, holder)
    duplicates = tuple(found.values())
    if duplicates and not despite_duplicates:
        return EnrollmentReport(label, (), (), *said, duplicates)
    done = opened.client.enroll(faces.embeddings, labels, digests=faces.digests, embedder=embedder)
    keep_pictures(opened, faces, done)
    added = tuple(done.reference_ids[done.added].tolist())
    present = tuple(done.reference_ids[~done.added].tolist())
    undo = None
    if added:
        opened.last_enrollment = LastEnrollment(label, added, holder.identity)
        undo = opened.last_enrollment.identifier
    far = {item.reference_id for item in done.outliers}
    names = zip(faces.names, done.reference_ids.tolist(), strict=True)
    outliers = tuple(name for name, reference_id in names if reference_id in far)
    return EnrollmentReport(label, added, present, *said, duplicates, outliers, undo)


def keep_pictures(opened: OpenGallery, faces: NewFaces, done: Enrollment) -> None:
    """Keep thumbnails of the faces that were enrolled just now."""
    rows = zip(done.reference_ids.tolist(), done.added.tolist(), faces.pictures, strict=False)
    opened.keep_thumbnails({reference_id: picture for reference_id, new, picture in rows if new})


def undo_last(opened: OpenGallery, identifier: str, holder: Holder) -> LastEnrollment:
    """Erase what was enrolled last.

    Raises
    ------
    BadRequestError
        If that was another enrollment than the one that is named, or is gone.
    NotAllowedError
        If somebody else enrolled it, and the holder may not manage.
    """
    last = opened.last_enrollment
    if last is None or last.identifier != identifier:
        raise BadRequestError(
            "this can no longer be undone: it was undone already, more was enrolled since, or the "
            "desk was locked; erase the references by the list of people"
        )
    if holder.is_limited and holder.identity != last.holder:
        raise NotAllowedError("somebody else enrolled this")
    opened.last_enrollment = None
    wanted = set(last.reference_ids)
    try:
        left = [item.reference_id for item in opened.client.references()]
        left = [reference_id for reference_id in left if reference_id in wanted]
        if not left:
            raise BadRequestError("what was enrolled is erased already")
        opened.remove(reference_ids=left)
    except ReferenceNotFoundError as error:
        raise BadRequestError("what was enrolled is erased already") from error
    except DeskError:
        raise
    except BaseException:
        opened.last_enrollment = last
        raise
    opened.batches.undone(identifier)
    return replace(last, reference_ids=tuple(left))


def find_duplicates(
    client: GalleryClient, faces: NewFaces, labels: Sequence[str], holder: Holder
) -> dict[int, PossibleDuplicate]:
    """Return the faces that match a person of another label than theirs, by their places."""
    try:
        found = client.find_duplicates(faces.embeddings, labels, digests=faces.digests)
    except ThresholdRequiredError:  # nobody has said what a match is
        return {}
    rounded = release(np.array([item.distance for item in found]), client.description)
    made = {
        item.row: PossibleDuplicate(
            faces.names[item.row], item.found_label, float(distance), item.threshold
        )
        for item, distance in zip(found, rounded, strict=True)
    }
    return {row: item.limited() if holder.is_limited else item for row, item in made.items()}


def _only_face(photo: PhotoOfFaces) -> EmbeddedFace:
    if photo.failure is not None:
        raise BadRequestError(photo.failure)
    if len(photo.faces) > 1:
        raise BadRequestError(f"{len(photo.faces)} faces were found where there must be one")
    return photo.faces[0]
