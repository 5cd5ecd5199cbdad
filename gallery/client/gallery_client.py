"""The client of one gallery, opened with the owner's key: the library's main class."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from gallery.backends import Backend, find_backend
from gallery.client.cache import CacheFolder
from gallery.client.integrity.rollback import SeenStates
from gallery.client.keys.secrets import GalleryKey
from gallery.client.methods.enrollment_methods import EnrollmentMethods
from gallery.client.methods.people_methods import PeopleMethods
from gallery.client.methods.photo_search_methods import PhotoSearchMethods
from gallery.client.methods.upkeep_methods import UpkeepMethods
from gallery.client.progress import Progress
from gallery.client.scheme_selection import check_backend
from gallery.client.session import GallerySession
from gallery.deprecation import renamed_arguments
from gallery.distances import Metric
from gallery.messages import ModelOrigin, Preprocessing
from gallery.parameters import DEFAULT_PARAMETERS, ParameterSet
from gallery.protocol import GalleryService

if TYPE_CHECKING:
    from gallery.client.photos.trusted_weights import TrustedWeights

_accept_former_names = renamed_arguments(
    {"memory": "states", "engine": "backend"}, {"tenseal": Backend.SEAL}
)


class GalleryClient(EnrollmentMethods, PhotoSearchMethods, PeopleMethods, UpkeepMethods):
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
    states
        The newest states of galleries that were seen, so that an older one put back is noticed: a
        `StateFile` for as long as the file lives; by default as long as this client lives.
    backend
        The backend that encrypts and decrypts: ``"native"``, or ``"seal"``, which is SEAL itself
        and slower. Each opens the ciphertexts of the other.
    trusted_weights
        Which weights files of face models are trusted, as for `PhotoEmbedder`.
    warn
        Called where photos are embedded with other weights than the gallery's; as of
        `PhotoEmbedder`.
    max_age
        How long ago the owner may have signed the gallery's state, by a write or by `refresh`. An
        older one is refused by every method that reads it (`StaleManifestError`), so that a server
        cannot show one state for ever. By default a state of any age is taken.
    cache
        A cache of references and check sums on this machine, so that other clients of the same
        owner need not receive them again. They are kept when this client is closed. Give ``states``
        that last as well, as a `StateFile` does: by them a client that is closed late knows that
        somebody was erased meanwhile. Embeddings of photos are kept there too, sealed. By default
        nothing is kept.
    jobs
        How many processes may embed where there are many photos, as for `PhotoEmbedder`.

    Raises
    ------
    GalleryError
        If there is no such backend.
    GalleryNotFoundError
        If there is no such gallery.
    KeyMismatchError
        If it was made with another key.
    AuthenticationError
        If its description was changed.

    Notes
    -----
    What there is, by task:

    - a gallery: `create`, `restore`, `close`, `description`, `embedder`;
    - enrollment: `enroll`, `enroll_file`, `enroll_photos`, `photos_enrolled`, `folder_sync`,
      `find_duplicates`;
    - searches: `identify`, `match`, `compare`, `identify_photos`, `match_photos`,
      `identify_video`, `unknown_faces`, `closest_pairs`;
    - thresholds: `threshold`, `thresholds`, `set_threshold`, `reset_threshold`, `calibration`,
      `store_calibration`;
    - people and their references: `people`, `references`, `find`, `annotate`, `annotate_each`,
      `rename`, `merge`, `assign`, `remove`;
    - upkeep: `summary`, `block_count`, `check_newest`, `verify`, `refresh`, `compact`,
      `excess_blocks`, `export`, `accept_rollback`, `accept_wrong_results`.

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

    @_accept_former_names
    def __init__(
        self,
        service: GalleryService,
        key: GalleryKey,
        gallery: str = "default",
        *,
        states: SeenStates | None = None,
        backend: str = Backend.NATIVE,
        trusted_weights: TrustedWeights | None = None,
        warn: Callable[[str], None] | None = None,
        max_age: timedelta | None = None,
        cache: CacheFolder | None = None,
        jobs: int | None = None,
    ) -> None:
        session = GallerySession(service, key, gallery, states, backend, max_age, cache)
        super().__init__(session, trusted_weights, warn, jobs)

    @classmethod
    @_accept_former_names
    def create(
        cls,
        service: GalleryService,
        key: GalleryKey,
        gallery: str = "default",
        *,
        dimension: int,
        preprocessing: Preprocessing | None = None,
        metric: Metric | str = Metric.COSINE,
        parameters: ParameterSet = DEFAULT_PARAMETERS,
        norm_bound: float | None = None,
        threshold: float | None = None,
        origin: ModelOrigin | None = None,
        backend: str = Backend.NATIVE,
    ) -> Self:
        """Make a gallery and open it. All of its properties are fixed from here on.

        Parameters
        ----------
        service, key, gallery, backend
            As for opening one.
        dimension
            Values of an embedding, 1 to 4,096.
        preprocessing
            How photos become embeddings; None for embeddings of another origin.
        metric
            ``cosine``, ``euclidean`` or ``euclidean_l2``, as DeepFace defines them.
        parameters
            Parameter set.
        norm_bound
            Largest norm of a raw embedding, for ``euclidean`` alone; by default the root of twice
            the dimension, at least 16. Errors of distances grow with it.
        threshold
            Default threshold of searches, in units of the metric.
        origin
            The origin of its photos' embeddings, from `PhotoEmbedder.known_origin`; None to take
            it from the first photos that are enrolled.

        Returns
        -------
        GalleryClient
            The new gallery, open.

        Raises
        ------
        GalleryExistsError
            If the name is taken.
        ParameterSetError
            If the backend does not know the parameter set's scheme.
        """
        from gallery.client.editing.creation import create_gallery

        check_backend(find_backend(backend), parameters)
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
            origin=origin,
        )
        return cls(service, key, gallery, backend=backend)

    @classmethod
    @_accept_former_names
    def restore(
        cls,
        service: GalleryService,
        key: GalleryKey,
        path: str | os.PathLike[str],
        gallery: str | None = None,
        *,
        states: SeenStates | None = None,
        backend: str = Backend.NATIVE,
        progress: Progress | None = None,
    ) -> Self:
        """Put the gallery of a backup into a database, whole or not at all, and open it.

        It is another gallery than the one that was backed up, and neither is taken for the other.
        If the ``states`` know one whose place it takes, `accept_rollback` says that this is meant.

        Parameters
        ----------
        service, key, states, backend
            As for opening one.
        path
            The file, which `export` wrote. All of it is checked before anything is restored.
        gallery
            The name to give it; by default its own.
        progress
            Called with the number of blocks that were just restored.

        Returns
        -------
        GalleryClient
            The restored gallery, open.

        Raises
        ------
        BackupError
            If the file cannot be read, is truncated, damaged, or not what its owner wrote.
        KeyMismatchError
            If the gallery was made with another key.
        GalleryExistsError
            If the name is taken, or the same gallery is there under another name.
        """
        from gallery.client.backup import Backup

        with Backup(path, key) as backup:
            name = backup.restore(service, gallery, progress, states=states)
        return cls(service, key, name, states=states, backend=backend)
