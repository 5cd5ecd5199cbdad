"""The enrollment of uploaded photos under one label, and its undoing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gallery.client import release
from gallery.client.photos.faces import EmbeddedFace
from gallery.desk.errors import BadRequestError
from gallery.desk.faces import FaceReader, PhotoOfFaces, Upload
from gallery.desk.open_gallery import LastEnrollment, OpenGallery


@dataclass(frozen=True)
class PossibleDuplicate:
    """A photo whose face matches a person of another label.

    Attributes
    ----------
    photo
        What the photo was called.
    label
        The other person's label.
    distance, threshold
        How far they are apart, rounded, and the largest distance of a match.
    """

    photo: str
    label: str
    distance: float
    threshold: float


@dataclass(frozen=True, eq=False)
class EnrollmentReport:
    """What an enrollment did.

    Attributes
    ----------
    label
        Under which label.
    added, present
        References that are new, and those that were enrolled before; 32 hexadecimal digits each.
    failures
        Name of each photo that was not enrolled, and why.
    warnings
        Name of each photo that is poor, and what is poor about it.
    duplicates
        People whom photos match; nothing was enrolled if there are any and nobody insisted.
    """

    label: str
    added: tuple[str, ...]
    present: tuple[str, ...]
    failures: tuple[tuple[str, str], ...]
    warnings: tuple[tuple[str, str], ...]
    duplicates: tuple[PossibleDuplicate, ...] = ()

    @property
    def is_held(self) -> bool:
        """Whether nothing was enrolled because of duplicates."""
        return bool(self.duplicates) and not self.added and not self.present


def enroll(
    opened: OpenGallery,
    reader: FaceReader,
    uploads: list[Upload],
    label: str,
    *,
    despite_duplicates: bool = False,
) -> EnrollmentReport:
    """Enroll photos of one face each; raises what `GalleryClient.enroll` raises.

    Without `despite_duplicates`, nothing is enrolled if a face matches a person of another label.
    """
    client = opened.client
    faces, failures, warnings = [], [], []
    for photo in reader.read(client, uploads):
        try:
            face = _only_face(photo)
        except BadRequestError as error:
            failures.append((photo.name, error.message))
            continue
        faces.append((photo.name, face))
        warnings += [(photo.name, text) for text in face.quality.warnings()]
    said = tuple(failures), tuple(warnings)
    if not faces:
        return EnrollmentReport(label, (), (), *said)
    embeddings = np.stack([face.embedding for _, face in faces])
    labels = [label] * len(faces)
    found = client.find_duplicates(embeddings, labels)
    rounded = release(np.array([item.distance for item in found]), client.description)
    duplicates = tuple(
        PossibleDuplicate(faces[item.row][0], item.found_label, float(distance), item.threshold)
        for item, distance in zip(found, rounded, strict=True)
    )
    if duplicates and not despite_duplicates:
        return EnrollmentReport(label, (), (), *said, duplicates)
    done = client.enroll(embeddings, labels)
    added = tuple(done.reference_ids[done.added].tolist())
    present = tuple(done.reference_ids[~done.added].tolist())
    if added:
        opened.last_enrollment = LastEnrollment(label, added)
    return EnrollmentReport(label, added, present, *said, duplicates)


def undo_last(opened: OpenGallery) -> LastEnrollment:
    """Erase what was enrolled last.

    Raises
    ------
    BadRequestError
        If nothing was since the desk was unlocked.
    """
    last = opened.last_enrollment
    if last is None:
        raise BadRequestError("nothing was enrolled since the desk was unlocked")
    opened.client.remove(reference_ids=last.reference_ids)
    opened.last_enrollment = None
    return last


def _only_face(photo: PhotoOfFaces) -> EmbeddedFace:
    if photo.failure is not None:
        raise BadRequestError(photo.failure)
    if len(photo.faces) > 1:
        raise BadRequestError(f"{len(photo.faces)} faces were found where there must be one")
    return photo.faces[0]
