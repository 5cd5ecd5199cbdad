"""The embedding of many photos, one after another or in several processes, in their order.

A photo that was embedded before is not embedded again while it is remembered.

To start a process and load the models takes as long as several photos do, so a few photos are
embedded here.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from gallery.client.photos.worker_count import default_jobs
from gallery.errors import GalleryError, PhotoError

if TYPE_CHECKING:
    from gallery.client.photos.embedder import PhotoEmbedder
    from gallery.client.photos.faces import FaceOutcome, FaceSelection
    from gallery.client.photos.sources import HeldPhoto
    from gallery.client.photos.worker_pool import Pending

T = TypeVar("T")

FEW: Final = 16
"""Photos for which no process is started: in the two seconds that one takes, as many are done."""

_AHEAD: Final = 4
"""Photos for each worker that are under way or done and not yet taken."""


def embed_all(
    embedder: PhotoEmbedder,
    photos: Iterable[tuple[T, HeldPhoto | None]],
    selection: FaceSelection | None = "one",
    *,
    remembering: bool = True,
) -> Generator[tuple[T, FaceOutcome], None, None]:
    """Embed the faces of photos, with as many processes as the embedder may have.

    Parameters
    ----------
    embedder
        The embedder.
    photos
        Pairs of any object, which the caller gets back, and a photo, or None where there is nothing
        to embed. They are taken a few photos ahead.
    selection
        Which faces are meant, as for `PhotoEmbedder.select`; None for all, also for none.
    remembering
        Whether what the embedder remembers counts, and what is embedded is remembered.

    Yields
    ------
    tuple
        The caller's object, and the faces, or the `PhotoError` of a photo that has none; in the
        order of the photos.

    Raises
    ------
    MissingDependencyError, FaceRuntimeError, WeightsError, MachineError
        From `PhotoEmbedder.prepare`.
    """
    remembering = remembering and embedder.remembers and selection is not None
    given = _known(embedder, photos) if remembering else (_Given(*one) for one in photos)
    for item, outcome, digest in _embedded(embedder, given, selection):
        # Only then it is known that the photo shows no other face.
        if digest is not None and selection == "one" and isinstance(outcome, tuple):
            embedder.remember(digest, outcome[0])
        yield item, outcome


@dataclass(frozen=True, eq=False)
class _Given(Generic[T]):
    """A photo of a run.

    Attributes
    ----------
    item
        The caller's object.
    photo
        The photo to embed, or None.
    digest
        Of its content, where the faces of photos are remembered.
    known
        The face that is known of it already.
    """

    item: T
    photo: HeldPhoto | None
    digest: bytes | None = None
    known: FaceOutcome = ()


def _known(
    embedder: PhotoEmbedder,
    photos: Iterable[tuple[T, HeldPhoto | None]],
) -> Iterator[_Given[T]]:
    """Look photos up among those that were embedded before."""
    for item, photo in photos:
        if photo is None:
            yield _Given(item, photo)
            continue
        try:
            digest = photo.digest()
        except PhotoError as error:
            yield _Given(item, None, known=error)
            continue
        face = embedder.remembered(digest)
        if face is None:
            yield _Given(item, photo, digest)
        else:
            yield _Given(item, None, known=(face,))


def _embedded(
    embedder: PhotoEmbedder, given: Iterator[_Given[T]], selection: FaceSelection | None
) -> Generator[tuple[T, FaceOutcome, bytes | None], None, None]:
    jobs = embedder.jobs or default_jobs()
    if jobs > 1:
        first = list[_Given[T]]()
        wanted = 0
        while wanted < max(FEW, jobs) and (taken := next(given, None)) is not None:
            first.append(taken)
            wanted += taken.photo is not None
        given = chain(first, given)
        if wanted >= max(FEW, jobs):
            yield from _in_workers(embedder, given, selection, jobs)
            return
    for one in given:
        if one.photo is None:
            yield one.item, one.known, None
        else:
            yield one.item, _outcome(embedder, one.photo, selection), one.digest


def _outcome(
    embedder: PhotoEmbedder, photo: HeldPhoto, selection: FaceSelection | None
) -> FaceOutcome:
    started = time.perf_counter()
    try:
        faces = embedder.faces(photo) if selection is None else embedder.select(photo, selection)
    except PhotoError as error:
        return error
    embedder.seconds.append(time.perf_counter() - started)
    return faces


def _in_workers(
    embedder: PhotoEmbedder,
    given: Iterator[_Given[T]],
    selection: FaceSelection | None,
    jobs: int,
) -> Iterator[tuple[T, FaceOutcome, bytes | None]]:
    setup = embedder.worker_setup()
    # Only now: it needs Pillow, which is as optional as DeepFace.
    from gallery.client.photos.worker_messages import PhotoTask
    from gallery.client.photos.worker_pool import WorkerPool

    under_way = deque[tuple[_Given[T], "Pending | None"]]()
    with WorkerPool(setup, embedder.model, jobs) as pool:
        while True:
            while len(under_way) < _AHEAD * jobs and (one := next(given, None)) is not None:
                photo = one.photo
                task = None if photo is None else pool.submit(PhotoTask(photo, selection))
                under_way.append((one, task))
            if not under_way:
                return
            one, task = under_way.popleft()
            if task is None or one.photo is None:
                yield one.item, one.known, None
                continue
            task.done.wait()
            outcome = task.outcome
            if outcome is None:  # no worker can be started, so it is done here
                outcome = _outcome(embedder, one.photo, selection)
            elif not isinstance(outcome, GalleryError):
                embedder.seconds.append(task.seconds)
            if isinstance(outcome, GalleryError) and not isinstance(outcome, PhotoError):
                raise outcome
            yield one.item, outcome, one.digest
