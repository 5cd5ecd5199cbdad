"""The library's front door: one gallery, opened with the owner's key."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import TracebackType
from typing import Self

from gallery.client.backup import Backup
from gallery.client.ckks import ENGINES
from gallery.client.editing.creation import create_gallery
from gallery.client.facade.photos import PhotoMethods
from gallery.client.integrity.memory import Memory
from gallery.client.integrity.view import GalleryView
from gallery.client.keys.secrets import GalleryKey
from gallery.messages import Preprocessing
from gallery.metrics import Metric
from gallery.parameters import STANDARD, ParameterSet
from gallery.protocol import GalleryService

Progress = Callable[[int], None]


class GalleryClient(PhotoMethods):
    """One gallery, opened by its owner: the only side that sees embeddings, labels and distances.

    Parameters
    ----------
    service
        The keyless side: an embedded one from `gallery.server.open_service`, or any other
        `gallery.protocol.GalleryService`.
    key
        The owner's key, from `read_key_file` or `GalleryKey.generate`.
    gallery
        Name of the gallery.
    memory
        Remembers the newest state of galleries, so that an older one put back is noticed: a
        `FileMemory` for as long as the file lives; by default as long as this client lives.
    engine
        What encrypts and decrypts: ``"native"``, or ``"tenseal"``, which is slower and SEAL itself.
        Either opens what the other has made.

    Raises
    ------
    GalleryError
        If there is no such engine.
    GalleryNotFoundError
        If there is no such gallery.
    KeyMismatchError
        If it was made with another key.
    AuthenticationError
        If its description was changed.

    Examples
    --------
    >>> import numpy as np
    >>> from gallery.client import GalleryClient, GalleryKey
    >>> from gallery.server import open_service
    >>> key = GalleryKey.generate()
    >>> embeddings = np.eye(3)
    >>> with open_service("sqlite:///example.db", create=True) as service:
    ...     with GalleryClient.create(service, key, dimension=3) as client:
    ...         _ = client.enroll(embeddings, ["Ada", "Grace", "Edith"])
    ...         found = client.identify([0.1, 0.9, 0.1], k=2, threshold=0.4)
    >>> found.labels[0, 0], bool(found.decisions[0])
    (np.str_('Grace'), True)
    """

    def __init__(
        self,
        service: GalleryService,
        key: GalleryKey,
        gallery: str = "default",
        *,
        memory: Memory | None = None,
        engine: str = ENGINES[0],
    ) -> None:
        self._view = GalleryView(service, key, gallery, memory, engine)

    @classmethod
    def create(
        cls,
        service: GalleryService,
        key: GalleryKey,
        gallery: str = "default",
        *,
        dimension: int,
        preprocessing: Preprocessing | None = None,
        metric: Metric | str = Metric.COSINE,
        parameters: ParameterSet = STANDARD,
        norm_bound: float | None = None,
        threshold: float | None = None,
        engine: str = ENGINES[0],
    ) -> Self:
        """Make a gallery and open it. All of its properties are fixed from here on.

        Parameters
        ----------
        service, key, gallery, engine
            As for opening one.
        dimension
            Values of an embedding, 1 to 4,096.
        preprocessing
            How photos become embeddings; None for embeddings of another origin.
        metric
            ``cosine``, ``euclidean`` or ``euclidean_l2``, as DeepFace defines them.
        parameters
            CKKS parameter set.
        norm_bound
            Largest norm of a raw embedding, for ``euclidean`` alone; by default the root of twice
            the dimension, at least 16. Errors of distances grow with it.
        threshold
            Default threshold of searches, in units of the metric.

        Raises
        ------
        GalleryExistsError
            If the name is taken.
        """
        create_gallery(
            service,
            key,
            gallery,
            dimension=dimension,
            preprocessing=preprocessing or Preprocessing(),
            metric=Metric(metric),
            parameters=parameters,
            norm_bound=norm_bound,
            threshold=threshold,
        )
        return cls(service, key, gallery, engine=engine)

    @classmethod
    def restore(
        cls,
        service: GalleryService,
        key: GalleryKey,
        path: str | os.PathLike[str],
        gallery: str | None = None,
        *,
        memory: Memory | None = None,
        engine: str = ENGINES[0],
        progress: Progress | None = None,
    ) -> Self:
        """Put the gallery of a backup into a database, whole or not at all, and open it.

        Parameters
        ----------
        service, key, memory, engine
            As for opening one.
        path
            The file, which `export` wrote. All of it is checked before anything is restored.
        gallery
            The name to give it; by default its own.
        progress
            Called with the number of blocks that were just restored.

        Raises
        ------
        BackupError
            If the file cannot be read, is truncated, damaged, or not what its owner wrote.
        KeyMismatchError
            If the gallery was made with another key.
        GalleryExistsError
            If the name is taken, or the same gallery is there under another name.
        """
        with Backup(path, key) as backup:
            name = backup.restore(service, gallery, progress)
        return cls(service, key, name, memory=memory, engine=engine)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give up temporary files. The service stays open."""
        self._view.close()
