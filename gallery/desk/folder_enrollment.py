"""The enrollment of the pieces of a folder, and of faces that waited for an answer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gallery.client import GalleryClient, PhotoEmbedder
from gallery.desk.access.scopes import Holder
from gallery.desk.enrolling import NewFaces, PossibleDuplicate, find_duplicates, keep_pictures
from gallery.desk.folders.folder_batches import FolderBatch, HeldFace
from gallery.desk.open_gallery import LastEnrollment, OpenGallery
from gallery.desk.photo_faces import Upload
from gallery.desk.poor_photos import poor_words
from gallery.desk.state import DeskState
from gallery.desk.texts import english


@dataclass(frozen=True)
class FolderPhoto:
    """A photo of a folder, whose name is its path there, and whom it shows."""

    upload: Upload
    label: str


def enroll_piece(
    desk: DeskState, gallery: str, batch: FolderBatch, photos: list[FolderPhoto], holder: Holder
) -> None:
    """Enroll some photos of a folder; those that were enrolled before are not looked at again.

    Faces that match a person of another label are kept in the batch. Raises what
    `DeskState.faces_in` and `GalleryClient.enroll` raise.
    """
    new = _not_enrolled(desk, gallery, batch, photos, holder)
    if not new:
        return
    labels = {photo.upload.name: photo.label for photo in new}
    found = desk.faces_in(gallery, [photo.upload for photo in new], holder)
    faces = NewFaces.of_photos(found, thumbnails=desk.owner.keeps_thumbnails)
    for failure in faces.failures:
        batch.folder.failures.add(failure)
    for name, quality in faces.poor:
        batch.poor.add((name, poor_words(quality, english())))
    with desk.owner.gallery(gallery) as opened:
        whose = [labels[name] for name in faces.names]
        duplicates = find_duplicates(opened.client, faces, whose, holder) if whose else {}
        for row, duplicate in duplicates.items():
            batch.hold(_held(faces, row, whose[row], duplicate), duplicate.label)
        rows = [row for row in range(len(whose)) if row not in duplicates]
        chosen, labels_of = _chosen(faces, rows), [whose[row] for row in rows]
        _enroll(opened, batch, chosen, labels_of, holder, desk.reader.embedder(opened.client))


def enroll_held(
    opened: OpenGallery,
    batch: FolderBatch,
    faces: Sequence[HeldFace],
    holder: Holder,
    embedder: PhotoEmbedder,
) -> None:
    """Enroll faces that matched others, since somebody says that these are other people."""
    chosen = NewFaces(
        [face.embedding for face in faces],
        tuple(face.path for face in faces),
        tuple(face.digest for face in faces),
        pictures=tuple(face.picture for face in faces),
    )
    _enroll(opened, batch, chosen, [face.label for face in faces], holder, embedder)


def _not_enrolled(
    desk: DeskState, gallery: str, batch: FolderBatch, photos: Sequence[FolderPhoto], holder: Holder
) -> list[FolderPhoto]:
    """Leave out photos that are enrolled; to ask that counts as looking at them."""
    digests = [hashlib.sha256(photo.upload.data).digest() for photo in photos]
    with desk.owner.gallery(gallery) as opened:
        known = opened.client.photos_enrolled(digests, [photo.label for photo in photos])
        desk.rates.take(holder, sum(known))
        batch.present += sum(known)
    return [photo for photo, is_known in zip(photos, known, strict=True) if not is_known]


def _enroll(
    opened: OpenGallery,
    batch: FolderBatch,
    faces: NewFaces,
    labels: Sequence[str],
    holder: Holder,
    embedder: PhotoEmbedder,
) -> None:
    """Enroll faces under their labels, and let one undo take back all of the folder."""
    if not faces.names:
        return
    client: GalleryClient = opened.client
    done = client.enroll(faces.embeddings, labels, digests=faces.digests, embedder=embedder)
    keep_pictures(opened, faces, done)
    added = done.reference_ids[done.added].tolist()
    batch.present += len(labels) - len(added)
    batch.added += added
    batch.people |= {label for label, new in zip(labels, done.added, strict=True) if new}
    far = {item.reference_id for item in done.outliers}
    for name, reference_id in zip(faces.names, done.reference_ids.tolist(), strict=True):
        if reference_id in far:
            batch.outliers.add(name)
    if batch.added:
        whole = LastEnrollment(batch.name, tuple(batch.added), holder.identity, len(batch.people))
        opened.last_enrollment = replace(whole, identifier=batch.undo)


def _chosen(faces: NewFaces, rows: Sequence[int]) -> NewFaces:
    assert faces.digests is not None
    embeddings = np.asarray(faces.embeddings)
    return NewFaces(
        embeddings[list(rows)],
        tuple(faces.names[row] for row in rows),
        tuple(faces.digests[row] for row in rows),
        pictures=tuple(faces.pictures[row] for row in rows),
    )


def _held(faces: NewFaces, row: int, label: str, duplicate: PossibleDuplicate) -> HeldFace:
    assert faces.digests is not None
    return HeldFace(
        faces.names[row],
        label,
        np.asarray(faces.embeddings)[row],
        faces.digests[row],
        duplicate.distance,
        duplicate.threshold,
        faces.pictures[row],
    )
