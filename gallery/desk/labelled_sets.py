"""Labelled sets at the desk: photos that a browser sends, files of embeddings, and this machine's.

Uploads stay in memory: embeddings are as secret as photos.
"""

from __future__ import annotations

import os
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np

from gallery.accuracy.datasets import (
    LabelledSet,
    SetKind,
    assembled_set,
    kind_of_set,
    labelled_photos,
    read_set,
    subjects_of,
)
from gallery.accuracy.splits import check_split
from gallery.arrays import Floats
from gallery.client import LabelledPhoto, PhotoEmbedder, PhotoFailure
from gallery.client.embeddings.file_kinds import FileKind, file_kind
from gallery.client.photos.sources import hold
from gallery.client.progress import ProgressBar
from gallery.desk.access.scopes import Holder
from gallery.desk.errors import BadRequestError, BusyError, NotFoundError, TooLargeError
from gallery.desk.folder_enrollment import FolderPhoto
from gallery.desk.folders.folder_batches import SentBatch
from gallery.desk.photo_faces import FaceReader, PhotoOfFaces, Upload
from gallery.desk.state import DeskState
from gallery.desk.texts import english, whole
from gallery.errors import PhotoError, SourceError

_UNPACKED: Final = 2**30
"""Bytes that the arrays of a file of embeddings may have together."""

_MOST_PHOTOS: Final = 100_000
_MOST_VALUES: Final = 2**26
"""Values of all embeddings of a folder together; they take 512 MiB."""

_MOST_TEXT_VALUES: Final = 2**22
"""Values of a text file of embeddings, each of which takes some hundred bytes while it is read. Of
numbers with all their digits, none that may be sent has so many."""

_SEPARATORS: Final = b",;\t\n "

_TEXTS: Final = (".csv", ".tsv")

_ENDINGS: Final = (".npz", ".npy", *_TEXTS)
"""Of files of embeddings that can be sent; of others nobody knows their size before they are read.
"""


class SetBatch(SentBatch):
    """A folder of people that is measured with, and not enrolled.

    Attributes
    ----------
    photos
        Label, path and embedding of each photo; None for one that gave none.
    """

    def __init__(self, holder: str, name: str) -> None:
        super().__init__(holder, name)
        self.photos: list[tuple[str, PurePosixPath, Floats | None]] = []
        self._values = 0

    def add(self, label: str, path: str, embedding: Floats | None) -> None:
        """Take a photo (`TooLargeError` if there are too many)."""
        self._values += 0 if embedding is None else len(embedding)
        if len(self.photos) >= _MOST_PHOTOS or self._values > _MOST_VALUES:
            raise TooLargeError(english()("accuracy.many"))
        self.photos.append((label, PurePosixPath(path), embedding))

    def labelled(self, embedder: PhotoEmbedder) -> LabelledSet:
        """Return the photos as a labelled set (`SourceError` if none shows one face)."""
        ordered = sorted(self.photos, key=lambda photo: photo[:2])
        found = {place: item[2] for place, item in enumerate(ordered) if item[2] is not None}
        if not found:
            raise SourceError(english()("accuracy.nofaces"))
        return assembled_set(
            self.name,
            SetKind.FOLDER,
            [label for label, _, _ in ordered],
            found,
            embedder.preprocessing,
            [PhotoFailure(path, reason) for path, reason in self.folder.failures],
        )


def take_photos(
    desk: DeskState, gallery: str, batch: SetBatch, photos: list[FolderPhoto], holder: Holder
) -> None:
    """Embed photos of a folder that is measured with.

    Raises what `DeskState.faces_in` and `SetBatch.add` raise.
    """
    found = desk.faces_in(gallery, [photo.upload for photo in photos], holder)
    for photo, faces in zip(photos, found, strict=True):
        reason = _why_not(faces)
        if reason is not None:
            batch.folder.failures.add((faces.name, reason))
        embedding = None if reason is not None else faces.faces[0].embedding
        batch.add(photo.label, faces.name, embedding)


def sent_embeddings(upload: Upload) -> LabelledSet:
    """Return the labelled set of a file of embeddings, which never touches a disk.

    Raises
    ------
    BadRequestError
        If files of its kind cannot be sent.
    TooLargeError
        If it unpacks to too much, or is text of too many values.
    SourceError, InvalidEmbeddingError
        If it is no such file.
    """
    name = upload.name.replace("\\", "/").rpartition("/")[2]
    ending = next((ending for ending in _ENDINGS if name.lower().endswith(ending)), None)
    if ending is None:
        raise BadRequestError(english()("accuracy.kind", endings=", ".join(_ENDINGS)))
    separated = sum(upload.data.count(mark) for mark in _SEPARATORS)
    if ending in _TEXTS and separated > _MOST_TEXT_VALUES:
        raise TooLargeError(english()("accuracy.values", most=f"{_MOST_TEXT_VALUES:,}"))
    with _in_memory(upload.data, ending) as path:
        try:
            _check_size(path)
            # By its content, which comes before the name where it is read.
            if file_kind(path) is FileKind.PARQUET:
                raise BadRequestError(english()("accuracy.kind", endings=", ".join(_ENDINGS)))
            return replace(read_set(path), name=name)
        except SourceError as error:
            told = error.message.replace(str(path), name)
            raise SourceError(told, hint=error.hint) from error


def sets_of_machine(folder: Path | None) -> tuple[str, ...]:
    """Return the names of what can be measured with in a folder of this machine, in order."""
    return tuple(_names(folder))


def _names(folder: Path | None) -> dict[str, str]:
    """Return the names of sets in the folder, by what pages call them."""
    if folder is None:
        return {}
    try:
        with os.scandir(folder) as entries:
            found = [item for item in entries if not item.name.startswith(".")]
    except OSError as error:
        raise SourceError(f"the folder {folder} cannot be read: {error.strerror}") from error
    names = sorted(
        item.name
        for item in found
        if item.is_dir() or item.name.lower().endswith((*_ENDINGS, ".parquet", ".txt"))
    )
    return {whole(name): name for name in names}


def set_of_machine(desk: DeskState, gallery: str, name: str, stage: ProgressBar) -> LabelledSet:
    """Return a labelled set of this machine; raises what `embed_set` raises.

    Only what `sets_of_machine` names can be asked for.
    """
    folder = desk.config.sets
    names = _names(folder)
    if folder is None or name not in names:
        raise NotFoundError(english()("accuracy.nosuch"))
    source = folder / names[name]
    if not kind_of_set(source).has_photos:
        return replace(read_set(source), name=name)
    photos = labelled_photos(source)
    check_split(subjects_of(photos), 2)
    with desk.owner.gallery(gallery) as opened:
        embedder = desk.reader.embedder(opened.client)
    desk.reader.prepare(embedder)
    found: dict[int, Floats] = {}
    failures, seconds = [*photos.failures], list[float]()
    with stage(english()("accuracy.embedding"), len(photos)) as advance:
        for place, photo in enumerate(photos):
            started = time.perf_counter()
            faces, reason = _look_at(desk.reader, embedder, photo)
            if faces is None or reason is not None:
                failures.append(PhotoFailure(photo.path, reason or ""))
            else:
                found[place] = faces.faces[0].embedding
                seconds.append(time.perf_counter() - started)
            advance(1)
    if not found:
        raise SourceError(english()("accuracy.nofaces"))
    labels = [photo.label for photo in photos]
    median = 1e3 * float(np.median(seconds))
    made_by = embedder.preprocessing
    return assembled_set(name, kind_of_set(source), labels, found, made_by, failures, median)


def _look_at(
    reader: FaceReader, embedder: PhotoEmbedder, photo: LabelledPhoto
) -> tuple[PhotoOfFaces | None, str | None]:
    """Return the faces in a photo of this machine, or why there is not one."""
    try:
        with hold(photo.path).opened() as file:
            data = file.read()
    except (OSError, PhotoError) as error:
        return None, getattr(error, "strerror", None) or str(error)
    while True:
        try:
            (faces,) = reader.read(embedder, [Upload(photo.path.name, data)])
        except BusyError:  # those who wait for an answer come first
            time.sleep(0.2)
        else:
            return faces, _why_not(faces)


def _why_not(photo: PhotoOfFaces) -> str | None:
    if photo.failure is not None:
        return photo.failure
    if len(photo.faces) > 1:
        return english()("accuracy.several", number=len(photo.faces))
    return None


@contextmanager
def _in_memory(data: bytes, ending: str) -> Iterator[Path]:
    """Give a path that leads to a file in memory: no disk has it, and no other user's process."""
    create = getattr(os, "memfd_create", None)
    if create is None:
        raise BadRequestError(english()("accuracy.nomemory"))
    handle = create("embeddings")
    with os.fdopen(handle, "w+b") as file, tempfile.TemporaryDirectory("", "gallery-desk-") as name:
        file.write(data)
        file.flush()
        path = Path(name) / f"embeddings{ending}"
        path.symlink_to(f"/proc/{os.getpid()}/fd/{handle}")
        yield path


def _check_size(path: Path) -> None:
    """Refuse an archive that unpacks to too much; arrays never give more than is said here."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(item.file_size for item in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise SourceError(f"cannot read {path}: it is a damaged archive") from error
    if unpacked > _UNPACKED:
        raise TooLargeError(english()("accuracy.large", most=_UNPACKED // 2**20))
