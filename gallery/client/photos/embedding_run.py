"""The embedding of many photos, one after another or in several processes, in their order.

To start a process and load the models takes as long as several photos do, so a few photos are
embedded here.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Final, TypeVar

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
) -> Generator[tuple[T, FaceOutcome], None, None]:
    """Embed the faces of photos, with as many processes as the embedder may have.

    Parameters
    ----------
    embedder
        What embeds them.
    photos
        Whatever the caller wants back, with its photo; None where there is nothing to embed. They
        are taken a few photos ahead.
    selection
        Which faces are meant, as of `PhotoEmbedder.select`; None for all, also for none.

    Yields
    ------
    tuple
        What the caller gave, and the faces, or the `PhotoError` of a photo that has none; in the
        order of the photos.

    Raises
    ------
    MissingDependencyError, FaceRuntimeError, WeightsError, MachineError
        From `PhotoEmbedder.prepare`.
    """
    given = iter(photos)
    jobs = embedder.jobs or default_jobs()
    if jobs > 1:
        first = list[tuple[T, "HeldPhoto | None"]]()
        wanted = 0
        while wanted < max(FEW, jobs) and (taken := next(given, None)) is not None:
            first.append(taken)
            wanted += taken[1] is not None
        given = chain(first, given)
        if wanted >= max(FEW, jobs):
            yield from _in_workers(embedder, given, selection, jobs)
            return
    for item, photo in given:
        yield item, () if photo is None else _outcome(embedder, photo, selection)


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
    photos: Iterator[tuple[T, HeldPhoto | None]],
    selection: FaceSelection | None,
    jobs: int,
) -> Generator[tuple[T, FaceOutcome], None, None]:
    setup = embedder.worker_setup()
    # Only now: it needs Pillow, which is as optional as DeepFace.
    from gallery.client.photos.worker_messages import PhotoTask
    from gallery.client.photos.worker_pool import WorkerPool

    under_way = deque[tuple[T, "HeldPhoto | None", "Pending | None"]]()
    with WorkerPool(setup, embedder.model, jobs) as pool:
        while True:
            while len(under_way) < _AHEAD * jobs and (given := next(photos, None)) is not None:
                item, photo = given
                task = None if photo is None else pool.submit(PhotoTask(photo, selection))
                under_way.append((item, photo, task))
            if not under_way:
                return
            item, photo, task = under_way.popleft()
            if task is None or photo is None:
                yield item, ()
                continue
            task.done.wait()
            outcome = task.outcome
            if outcome is None:  # no worker can be started, so it is done here
                outcome = _outcome(embedder, photo, selection)
            elif not isinstance(outcome, GalleryError):
                embedder.seconds.append(task.seconds)
            if isinstance(outcome, GalleryError) and not isinstance(outcome, PhotoError):
                raise outcome
            yield item, outcome
