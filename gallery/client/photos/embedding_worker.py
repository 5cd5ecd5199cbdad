"""The process that embeds photos: tasks come through a pipe, embeddings or a reason go back.

It holds no key. It ends when the process at the other end of its pipe does.
"""

from __future__ import annotations

import time
from contextlib import suppress
from multiprocessing.connection import Connection

from gallery.client.photos.embedder import PhotoEmbedder
from gallery.client.photos.faces import FaceOutcome
from gallery.client.photos.trusted_weights import TrustedWeights
from gallery.client.photos.worker_messages import (
    PhotoTask,
    WorkerSetup,
    pack_outcome,
)
from gallery.errors import GalleryError


def serve(descriptor: int) -> None:
    """Embed one photo after another.

    Parameters
    ----------
    descriptor
        Of the pipe: a `WorkerSetup` comes first and is answered once the model is loaded, by no
        face or an error; then a `PhotoTask` each.
    """
    with Connection(descriptor) as pipe, suppress(EOFError, BrokenPipeError, ConnectionResetError):
        setup: WorkerSetup = pipe.recv()
        embedder = PhotoEmbedder(
            setup.model,
            setup.detector,
            align=setup.align,
            runtime=setup.runtime,
            download=False,
            trusted=TrustedWeights(setup.trusted),
            jobs=1,
        )
        try:
            embedder.prepare()
        except GalleryError as error:
            pipe.send_bytes(pack_outcome(error, 0.0))
            return
        pipe.send_bytes(pack_outcome((), 0.0))
        while True:
            task: PhotoTask = pipe.recv()
            started = time.perf_counter()
            outcome = _outcome(embedder, task)
            pipe.send_bytes(pack_outcome(outcome, time.perf_counter() - started))


def _outcome(embedder: PhotoEmbedder, task: PhotoTask) -> FaceOutcome:
    try:
        if task.selection is None:
            return embedder.faces(task.photo)
        return embedder.select(task.photo, task.selection)
    except GalleryError as error:
        return error
