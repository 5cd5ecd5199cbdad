"""The client of one gallery, which the owner's key opens: all that the library does is a method."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as replaced
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
import numpy.typing as npt

from gallery.arrays import Floats
from gallery.backends import Backend, find_backend
from gallery.client.backup import Backup, write_backup
from gallery.client.editing.creation import create_gallery
from gallery.client.editing.people import Person, people_of
from gallery.client.editing.refresh import refresh_manifest
from gallery.client.editing.relabelling import Relabeller
from gallery.client.editing.removal import Compactor, Remover
from gallery.client.editing.selection import Reference, Selection
from gallery.client.embeddings.sources import EmbeddingSource
from gallery.client.embeddings.templates import check_embeddings, to_vectors
from gallery.client.enrolling.bulk import BulkEnroller, BulkEnrollment
from gallery.client.enrolling.closest_pairs import ClosePair, closest_pairs
from gallery.client.enrolling.duplicates import Duplicate, find_among_embeddings
from gallery.client.enrolling.enrollment import Enroller, Enrollment
from gallery.client.enrolling.inputs import LabelledEmbeddings
from gallery.client.enrolling.outliers import OutlierRule
from gallery.client.enrolling.photo_enrollment import (
    OnDuplicate,
    PhotoEnroller,
    PhotoEnrollment,
    record_embedder,
)
from gallery.client.grouping.unknown_faces import UnknownFaces, find_unknown_faces
from gallery.client.integrity import clock
from gallery.client.integrity.clock import age
from gallery.client.integrity.labels import normalize_label
from gallery.client.integrity.person_details import NO_DETAILS, PersonDetails
from gallery.client.integrity.rollback import SeenStates
from gallery.client.keys.secrets import GalleryKey, Secret
from gallery.client.photos.compatibility import embedder_for
from gallery.client.photos.embedder import PhotoEmbedder
from gallery.client.photos.faces import FaceSelection
from gallery.client.photos.folders import LabelledPhoto
from gallery.client.photos.trusted_weights import TrustedWeights
from gallery.client.progress import Progress
from gallery.client.scheme_selection import check_backend
from gallery.client.searching.candidates import Identification
from gallery.client.searching.identification import Searcher
from gallery.client.searching.photo_identification import PhotoIdentification, embed_probes
from gallery.client.searching.stored_thresholds import (
    Calibration,
    ChosenThreshold,
    find_named,
    find_stored,
    named_threshold,
    store,
    store_named,
)
from gallery.client.searching.thresholds import Threshold, checked, find_threshold
from gallery.client.searching.wanted import Wanted
from gallery.client.session import GallerySession
from gallery.client.syncing.folder_sync import FolderSync
from gallery.client.verification import VerificationReport, Verifier
from gallery.client.video.sightings import Sighting
from gallery.client.video.watching import VideoSource, VideoWatch
from gallery.closing import Closing
from gallery.deprecation import renamed_arguments
from gallery.distances import Metric
from gallery.errors import (
    IntegrityError,
    InvalidEmbeddingError,
    ModelMismatchError,
    ReferenceNotFoundError,
    ThresholdRequiredError,
)
from gallery.hints import Hint
from gallery.messages import GalleryDescription, Manifest, ModelOrigin, Preprocessing
from gallery.parameters import DEFAULT_PARAMETERS, ParameterSet
from gallery.protocol import GalleryService

if TYPE_CHECKING:
    from gallery.client.photos.sources import PhotoSource

_accept_former_names = renamed_arguments(
    {"memory": "states", "engine": "backend"}, {"tenseal": Backend.SEAL}
)


@dataclass(frozen=True)
class Summary:
    """How much a gallery holds, and which state of it this is.

    Attributes
    ----------
    references, blocks
        How many of each there are.
    version
        Number of the state.
    signed
        When the owner signed it, seconds since 1970 UTC; None if an earlier version of this program
        did, which signed no date.
    lineage
        What was drawn when the gallery was restored from a backup, 16 bytes; empty if it never was.
    """

    references: int
    blocks: int
    version: int
    signed: int | None = None
    lineage: bytes = b""

    @property
    def age(self) -> int | None:
        """The seconds since it was signed, by the clock of this machine.

        Below 0 if the clock of the one that signed it is ahead, None if there is no date.
        """
        return age(self.signed)


class GalleryClient(Closing, Secret):
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
        What encrypts and decrypts: ``"native"``, or ``"seal"``, which is slower and SEAL itself.
        Either opens what the other has made.
    trusted_weights
        Which weights files of face models are trusted, as of `PhotoEmbedder`.
    warn
        Called where photos are embedded with other weights than the gallery's; as of
        `PhotoEmbedder`.
    max_age
        How long ago the owner may have signed the gallery's state, by a write or by `refresh`. An
        older one is refused by every method that reads it (`StaleManifestError`), so that a server
        cannot show one state for ever. By default a state of any age is taken.

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
    ) -> None:
        self._session = GallerySession(service, key, gallery, states, backend, max_age)
        self._trusted_weights, self._warn = trusted_weights, warn

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
            What makes the embeddings of its photos, from `PhotoEmbedder.known_origin`; None to take
            it from the first photos that are enrolled.

        Raises
        ------
        GalleryExistsError
            If the name is taken.
        ParameterSetError
            If the backend does not know the parameter set's scheme.
        """
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
            name = backup.restore(service, gallery, progress, states=states)
        return cls(service, key, name, states=states, backend=backend)

    def close(self) -> None:
        """Give up temporary files. The service stays open."""
        self._session.close()

    @property
    def description(self) -> GalleryDescription:
        """The gallery's public properties, checked."""
        return self._session.description

    def enroll(
        self,
        embeddings: npt.ArrayLike,
        labels: Sequence[str],
        *,
        model: str | None = None,
        replace: bool = False,
        details: PersonDetails = NO_DETAILS,
        digests: Sequence[bytes] | None = None,
        embedder: PhotoEmbedder | None = None,
        progress: Progress | None = None,
    ) -> Enrollment:
        """Enroll embeddings, block by block.

        Parameters
        ----------
        embeddings
            Real numbers, shape (n, d): raw or normalised, as the model gives them.
        labels
            The n labels; several references may share one.
        model
            Where the embeddings come from; refused if the gallery names another model.
        replace
            Whether to erase the references that these labels had before, once the new are in.
        details
            Attributes and expiry that all of these people get, beside what they have already.
        digests
            SHA-256 of the photo's file that each embedding was made of, by which `enroll_photos`
            knows it again; by default the embeddings themselves count.
        embedder
            What made them of photos; a gallery that is empty records it.
        progress
            Called with the number of embeddings that were just finished.

        Returns
        -------
        Enrollment
            The reference identifiers, and which embeddings were not enrolled before.

        Raises
        ------
        InvalidEmbeddingError, DimensionMismatchError, ModelMismatchError, InvalidLabelError
            If an input is refused; nothing is enrolled then.
        WriteConflictError
            If other processes keep changing the gallery; finished blocks stay.
        """
        self._check_model(model)
        inputs = LabelledEmbeddings(embeddings, labels, self.description, details, digests)
        enroller = Enroller(self._session, self._outlier_rule())
        if embedder is not None:
            record_embedder(self._session, embedder, enroller.enrolled())
        done = enroller.enroll(inputs.new_references(), progress)
        if replace:
            staying = map(bytes.fromhex, done.reference_ids.tolist())
            done = replaced(done, erased=self._erase_replaced(inputs.labels, staying))
        self._add_details(inputs.labels, details)
        return done

    def find_duplicates(
        self,
        embeddings: npt.ArrayLike,
        labels: Sequence[str],
        threshold: float | str | None = None,
        *,
        model: str | None = None,
        digests: Sequence[bytes] | None = None,
        progress: Progress | None = None,
    ) -> tuple[Duplicate, ...]:
        """Find embeddings that match references of other labels, before they are enrolled.

        Each one that is not enrolled yet is searched for, and compared with those before it. If
        what is found decides what is enrolled, the server can tell how much was left out.

        Parameters
        ----------
        embeddings, labels, model, digests
            As for `enroll`.
        threshold
            Largest distance of a match, as for `identify`.
        progress
            Called with the number of embeddings that were just finished.

        Returns
        -------
        tuple of Duplicate
            In the order of the embeddings.

        Raises
        ------
        InvalidEmbeddingError, DimensionMismatchError, ModelMismatchError, InvalidLabelError,
        ThresholdRequiredError
            If an input is refused.
        IntegrityError
            If the gallery or the server's answer is not what the owner enrolled.
        """
        self._check_model(model)
        limit = self.threshold(threshold)
        inputs = LabelledEmbeddings(embeddings, labels, self.description, digests=digests)
        return find_among_embeddings(self._session, inputs, limit, progress)

    def enroll_file(
        self,
        source: EmbeddingSource,
        *,
        replace: bool = False,
        details: PersonDetails = NO_DETAILS,
        progress: Progress | None = None,
    ) -> BulkEnrollment:
        """Enroll a file of embeddings of any size, a block's worth at a time.

        The file is read twice: all of it is checked before anything is enrolled.

        Parameters
        ----------
        source
            A file with labels, from `open_embeddings`.
        replace, details, progress
            As for `enroll`. To replace, or to add details, all labels are kept in memory.

        Returns
        -------
        BulkEnrollment
            How many were enrolled now and before.

        Raises
        ------
        SourceError
            If the file is damaged.
        InvalidEmbeddingError, DimensionMismatchError, ModelMismatchError, InvalidLabelError
            If anything in it is refused; nothing is enrolled then.
        WriteConflictError
            If other processes keep changing the gallery; finished blocks stay.
        """
        self._check_model(source.model)
        enroller = BulkEnroller(self._session, source, self._outlier_rule(), details)
        labels = set[str]()
        for batch in enroller.batches():
            if replace or details:
                labels.update(batch.labels)
        staying = set[bytes]() if replace else None
        done = enroller.run(progress, staying)
        if staying is not None:
            done = replaced(done, erased=self._erase_replaced(labels, staying))
        self._add_details(labels, details)
        return done

    def enroll_photos(
        self,
        photos: Iterable[LabelledPhoto | tuple[PhotoSource, str]],
        *,
        faces: FaceSelection = "one",
        embedder: PhotoEmbedder | None = None,
        replace: bool = False,
        on_duplicate: OnDuplicate = "add",
        details: PersonDetails = NO_DETAILS,
        progress: Progress | None = None,
    ) -> PhotoEnrollment:
        """Enroll photos with DeepFace, as a rule of one face each.

        Parameters
        ----------
        photos
            Photos with their labels: `LabelledPhoto`, or pairs of a photo as of `identify_photos`
            and its label.
        faces
            Which faces of a photo are enrolled under its label: ``"one"``, where a photo with
            several fails, ``"largest"``, or ``"all"``, for several pictures of one person in one
            file: a photo fails in which two faces do not match each other at `threshold`.
        embedder
            What embeds them; by default one for the gallery's own model and detector.
        replace
            Whether to erase the references that the labels of good photos had before, once the
            new are in.
        on_duplicate
            What to do with faces that match references of other labels, or others of this run, at
            `threshold`: ``"add"``, which does not look for them, ``"skip"``, ``"fail"``, or a
            function that is given path and `Duplicate` of each and says whether to enroll it; of a
            photo that is no file its name.
        details
            As for `enroll`; photos that are left out change nothing.
        progress
            Called with the number of photos that were just finished.

        Returns
        -------
        PhotoEnrollment
            What was added, what was there already, and the photos that gave no embedding, with the
            reason; those do not keep the others from being enrolled. Quality and duplicates too.

        Raises
        ------
        DuplicateSubjectError
            If there are duplicates and they are to fail; nothing is enrolled then.
        ThresholdRequiredError
            If they are looked for, or all faces are enrolled, and the gallery has no threshold.
        ModelMismatchError
            If the gallery is not for photos, or the embedder is not the gallery's.
        MissingDependencyError, WeightsError
            If DeepFace or the model's weights are not there.
        """
        limit = None if on_duplicate == "add" and faces != "all" else self.threshold()
        enroller = PhotoEnroller(
            self._session,
            embedder or self.embedder(),
            on_duplicate,
            limit,
            self._outlier_rule(),
            faces,
            details,
        )
        done = enroller.run(photos, progress)
        if replace:
            staying = [bytes.fromhex(item) for _, item in (*done.added, *done.skipped)]
            done = replaced(done, erased=self._erase_replaced(enroller.labels, staying))
        self._add_details(enroller.labels, details)
        return done

    def folder_sync(
        self,
        folder: str | os.PathLike[str],
        ledgers: str | os.PathLike[str],
        *,
        embedder: PhotoEmbedder | None = None,
        faces: Literal["one", "largest"] = "one",
    ) -> FolderSync:
        """Return what keeps the gallery in step with a folder of photos, one sub-folder per person.

        What is in the folder is enrolled, what changes there replaces what was, and what goes is
        erased, as far as it came from there: see `FolderSync`.

        Parameters
        ----------
        folder
            The folder; it may be missing at times, and is looked at when a plan is made.
        ledgers
            The folder that remembers, sealed with the owner's key, what came from which folder of
            photos; made when it is first needed. Keep it beside the key.
        embedder
            What embeds the photos; by default one for the gallery's own model and detector.
        faces
            What is done with photos of several faces: with ``one`` they are failures, with
            ``largest`` the largest face is taken. A photo is one reference here.
        """
        make = self.embedder if embedder is None else lambda: embedder
        return FolderSync(self._session, folder, ledgers, make, self._outlier_rule, faces)

    @renamed_arguments({"paths": "photos"})
    def identify_photos(
        self,
        photos: Iterable[PhotoSource],
        k: int = 1,
        threshold: float | str | None = None,
        *,
        per_reference: bool = False,
        faces: FaceSelection = "one",
        embedder: PhotoEmbedder | None = None,
        progress: Progress | None = None,
    ) -> PhotoIdentification:
        """Search the whole gallery with the faces of photos; see `identify`.

        Raises what `identify` and `enroll_photos` raise; photos that give no embedding are
        returned with the reason.

        Parameters
        ----------
        photos
            Each a path, a URL (text that begins with ``http://`` or ``https://``, or a
            `PhotoUrl`), the bytes of a picture's file, a binary file object, a picture of Pillow,
            or pixels: uint8, shape (height, width, 3), in the order red, green, blue.
        k, threshold, per_reference
            As for `identify`.
        faces
            Which faces of a photo are searched with: ``"one"``, where a photo with several fails,
            ``"largest"``, or ``"all"``, which gives a row for each.
        embedder
            What embeds them; by default one for the gallery's own model and detector.
        progress
            Called with the number of photos that were just embedded.
        """
        wanted, limit = Wanted(k, per_reference), self.threshold(threshold)
        return self._search_photos(photos, wanted, limit, faces, embedder, progress)

    @renamed_arguments({"paths": "photos"})
    def match_photos(
        self,
        photos: Iterable[PhotoSource],
        label: str,
        threshold: float | str | None = None,
        *,
        faces: FaceSelection = "one",
        embedder: PhotoEmbedder | None = None,
        progress: Progress | None = None,
    ) -> PhotoIdentification:
        """Compare the faces of photos with one person; see `match` and `identify_photos`.

        Raises what `match` and `enroll_photos` raise; photos that give no embedding are returned
        with the reason.
        """
        wanted = Wanted(pseudonym=self._session.labels.pseudonym(normalize_label(label)))
        limit = self.threshold(threshold)
        done = self._search_photos(photos, wanted, limit, faces, embedder, progress)
        if done.identification is not None:
            self._check_matched(done.identification, label)
        return done

    def unknown_faces(
        self,
        photos: Iterable[str | os.PathLike[str]],
        threshold: float | str | None = None,
        *,
        least: int = 2,
        embedder: PhotoEmbedder | None = None,
        progress: Progress | None = None,
    ) -> UnknownFaces:
        """Find the faces of photos that match nobody, and group those that may be one person's.

        The gallery is searched with each face; the grouping is done here, and nothing leaves.

        Parameters
        ----------
        photos
            Their paths; each may show any number of faces.
        threshold
            Largest distance of a match, as for `identify`; between unknown faces too.
        least
            How many faces make a group, at least 2.
        embedder
            What embeds them; by default one for the gallery's own model and detector.
        progress
            Called with the number of photos that were just looked at.

        Raises
        ------
        MissingDependencyError
            If scikit-learn (the extra ``grouping``), DeepFace or the model is not there.
        ThresholdRequiredError, InvalidThresholdError, IntegrityError, ModelMismatchError
            As for `identify_photos`.
        """
        if least < 2:
            raise ValueError("a group has at least two faces")
        limit, made = self.threshold(threshold), embedder or self.embedder()
        paths = [Path(photo) for photo in photos]
        return find_unknown_faces(self._session, made, paths, limit, least, progress)

    def identify_video(
        self,
        source: VideoSource,
        k: int = 1,
        threshold: float | str | None = None,
        *,
        keep_frames: bool = False,
        embedder: PhotoEmbedder | None = None,
        told: Callable[[str], None] | None = None,
        progress: Progress | None = None,
    ) -> Iterator[Sighting]:
        """Search the whole gallery with the faces of a video, one search for each track of a face.

        A file is looked at to its end before the first sighting is given. A live source gives one
        as soon as a face was searched with, another if a better one came, and one when the track is
        over. After an interruption (Ctrl-C) the sightings so far come, and then it is raised again.

        Parameters
        ----------
        source
            A `VideoFile` or a `LiveSource`.
        k
            Length of the candidate lists, of people.
        threshold
            Largest distance of a match, or the name of a threshold of the gallery; by default its
            own.
        keep_frames
            Whether sightings have the pixels of their best frame.
        embedder
            What makes the embeddings, see `embedder`.
        told
            Called with a line about what goes wrong on the way and does not end it.
        progress
            Called with the number of frames that were just looked at.

        Raises
        ------
        VideoError
            The video cannot be read, or the camera not be opened.
        ModelMismatchError
            If the gallery is not for photos, or the embedder is not the gallery's.
        IntegrityError
            If the server's answer is not what the owner enrolled.
        """
        wanted, limit = Wanted(k), self.threshold(threshold)
        watch = VideoWatch(
            source,
            embedder or self.embedder(),
            self.description,
            lambda embeddings: self._search(embeddings, wanted, limit),
            checked_first=self._session.parameters.hint_shape is not None,
            keep_frames=keep_frames,
            told=told,
        )
        return watch.watch(progress)

    @renamed_arguments({"engine": "runtime"})
    def embedder(self, *, runtime: str | None = None) -> PhotoEmbedder:
        """Return what makes embeddings for this gallery out of photos (`ModelMismatchError`)."""
        return embedder_for(
            self.description, runtime, trusted=self._trusted_weights, warn=self._warn
        )

    def threshold(self, given: float | str | None = None) -> Threshold:
        """Return the threshold that a search would use.

        It is the given one, or the one that has the given name, else the one that was stored last
        (`store_calibration`, `set_threshold`), else the one set at the gallery's creation, else
        DeepFace's for its model.

        Raises
        ------
        ThresholdRequiredError
            If there is none, or none of that name (`ThresholdNotFoundError`).
        InvalidThresholdError
            If it is not a number of at least 0, or above every distance of the metric.
        AuthenticationError, RolledBackError
            If the stored ones are not the newest that the owner stored.
        """
        if isinstance(given, str):
            return checked(find_named(self._session, given), self.description)
        stored = find_stored(self._session).default if given is None else None
        threshold = stored.as_threshold() if stored is not None else None
        if threshold is None:
            return find_threshold(self.description, given)
        return checked(threshold, self.description)

    def thresholds(self) -> dict[str, Threshold]:
        """Return the thresholds that have names, by name; raises what `threshold` raises."""
        self._session.refresh_description()
        named = find_stored(self._session).named
        return {
            name: checked(named_threshold(name, chosen), self.description)
            for name, chosen in sorted(named.items())
        }

    def calibration(self) -> Calibration | None:
        """Return the calibrated threshold, if there is one; raises what `threshold` raises."""
        stored = find_stored(self._session).default
        return stored if isinstance(stored, Calibration) else None

    def store_calibration(self, calibration: Calibration) -> Calibration:
        """Store a threshold with the gallery, sealed, for every search from here on.

        Find it on distances in clear: what is computed from a decryption does not belong into a
        database, sealed or not.

        Returns
        -------
        Calibration
            The same with its number.

        Raises
        ------
        InvalidThresholdError
            If the threshold is not a number of at least 0, or above every distance.
        WriteConflictError
            If another process stored one at the same time.
        """
        find_threshold(self.description, calibration.threshold)
        return store(self._session, calibration)

    def set_threshold(self, threshold: float, name: str | None = None) -> Threshold:
        """Set the threshold of every search from here on, sealed, in place of a calibrated one.

        As for `store_calibration`: not one that was computed from a decryption.

        Parameters
        ----------
        threshold
            Largest distance of a match, in units of the gallery's metric.
        name
            Set it for searches that ask for it by this name instead, such as ``"door"``; 1 to 32
            characters, and no number. The others stay as they are.

        Returns
        -------
        Threshold
            What searches use now, or those that ask for the name.

        Raises
        ------
        InvalidThresholdError, WriteConflictError
            As for `store_calibration`; or if the name is none, or there is no room for another.
        """
        value = find_threshold(self.description, threshold).value
        if name is None:
            store(self._session, ChosenThreshold(value, clock.seconds()))
        else:
            store_named(self._session, name, value)
        return self.threshold(name)

    def reset_threshold(self, name: str | None = None) -> None:
        """Take back what `set_threshold` or `store_calibration` stored (`WriteConflictError`).

        Searches use the threshold of the gallery's creation again, or its model's. With a name, the
        threshold of that name is gone (`ThresholdNotFoundError` if there is none).
        """
        if name is None:
            store(self._session, ChosenThreshold(None, clock.seconds()))
        else:
            store_named(self._session, name, None)

    def identify(
        self,
        embeddings: npt.ArrayLike,
        k: int = 1,
        threshold: float | str | None = None,
        *,
        per_reference: bool = False,
        model: str | None = None,
        progress: Progress | None = None,
    ) -> Identification:
        """Search the whole gallery with probes, of which there may be many thousands.

        While some are compared, the next are encrypted, and the results of those before are
        decrypted. Memory beyond embeddings, results and the gallery's references stays at about
        half a gigabyte, or at four times what a single probe needs if that is more.

        Parameters
        ----------
        embeddings
            The probes, real numbers, shape (n, d), or (d,) for one.
        k
            Length of the candidate lists, at least 1: so many people, each with the closest
            reference.
        threshold
            Largest distance of a match in units of the gallery's metric; by default the one that
            `threshold` returns.
        per_reference
            Whether the lists are of references, several of which may be one person's.
        model
            Where the embeddings come from; refused if the gallery names another model.
        progress
            Called with the number of probes that were just finished.

        Returns
        -------
        Identification
            Distances, reference identifiers and labels of shape (n, k), and n decisions; which of
            them are ambiguous; and what the threshold rests on.

        Raises
        ------
        InvalidEmbeddingError, DimensionMismatchError, ModelMismatchError, ThresholdRequiredError
            If an input is refused.
        InvalidThresholdError
            If the threshold is not one for the gallery's metric.
        IntegrityError
            If the gallery or the server's answer is not what the owner enrolled.
        """
        self._check_model(model)
        found = check_embeddings(embeddings, self.description)
        wanted = Wanted(k, per_reference)
        return self._search(found, wanted, self.threshold(threshold), progress)

    def match(
        self,
        embeddings: npt.ArrayLike,
        label: str,
        threshold: float | str | None = None,
        *,
        model: str | None = None,
        progress: Progress | None = None,
    ) -> Identification:
        """Compare probes with one person (1:1), to tell whether this is who it is said to be.

        The whole gallery is searched as `identify` does, with the same requests, so that the server
        learns neither who is meant nor whether there is such a person.

        Parameters
        ----------
        embeddings, threshold, model, progress
            As for `identify`.
        label
            The person's label.

        Returns
        -------
        Identification
            One candidate for each probe: the person's closest reference. ``searched`` counts the
            person's references, and no match is ambiguous, since nobody else is looked at.

        Raises
        ------
        ReferenceNotFoundError
            If no reference has the label.
        InvalidLabelError
            If the label is none.
        InvalidEmbeddingError, DimensionMismatchError, ModelMismatchError, ThresholdRequiredError,
        InvalidThresholdError, IntegrityError
            As for `identify`.
        """
        self._check_model(model)
        found = check_embeddings(embeddings, self.description)
        wanted = Wanted(pseudonym=self._session.labels.pseudonym(normalize_label(label)))
        done = self._search(found, wanted, self.threshold(threshold), progress)
        self._check_matched(done, label)
        return done

    def compare(
        self,
        embeddings: npt.ArrayLike,
        receive: Callable[[Floats], None],
        *,
        model: str | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Compare probes with all references, for statistics of their distances.

        The same requests are sent as by `identify`; nothing is ranked or decided, and no label is
        opened. All distances of a probe are there at once, but never those of all probes.

        Parameters
        ----------
        embeddings, model, progress
            As for `identify`.
        receive
            Called with the distances of the next few probes, again and again: float64, shape (m,
            r), at least 0, in units of the gallery's metric, with all digits; columns in the order
            of `references`. What it was given before an error counts for nothing.

        Raises
        ------
        InvalidEmbeddingError, DimensionMismatchError, ModelMismatchError, IntegrityError
            As for `identify`.
        """
        self._check_model(model)
        vectors = self._vectors(check_embeddings(embeddings, self.description))
        Searcher(self._session).compare(vectors, receive, progress)

    def summary(self) -> Summary:
        """Return the counts, the version and the age of the gallery."""
        state = self._session.state()
        manifest = state.manifest
        return Summary(
            len(state),
            len(state.blocks),
            manifest.version,
            manifest.signed,
            manifest.lineage,
        )

    def block_count(self) -> int:
        """Return the number of blocks that the manifest names, without reading any of them."""
        return len(self._session.manifest().entries)

    def references(self, labels: Iterable[str] | None = None) -> Iterator[Reference]:
        """Yield references by block and position, with their labels.

        Parameters
        ----------
        labels
            Labels to which those are limited that are wanted, whether or not there are any; by
            default all are.
        """
        selection = Selection(self._session, self._session.state())
        yield from selection.all() if labels is None else selection.labelled(labels)

    def closest_pairs(
        self,
        count: int = 10,
        threshold: float | str | None = None,
        *,
        progress: Progress | None = None,
    ) -> tuple[ClosePair, ...]:
        """Return the closest pairs of different people, who may be one under two labels.

        Every reference is opened and searched for: that takes as many probes as there are
        references, which the server sees.

        Parameters
        ----------
        count
            How many pairs, at least 1.
        threshold
            Largest distance of a match, as for `identify`.
        progress
            Called with the number of references that were just compared.

        Returns
        -------
        tuple of ClosePair
            The closest first, each pair of people once.

        Raises
        ------
        ThresholdRequiredError, InvalidThresholdError, IntegrityError
            As for `identify`.
        WriteConflictError
            If another process changes the gallery meanwhile.
        """
        if count < 1:
            raise ValueError("at least one pair must be asked for")
        return closest_pairs(self._session, count, self.threshold(threshold), progress)

    def people(self, attributes: Mapping[str, str] | None = None) -> tuple[Person, ...]:
        """Return who is enrolled, sorted by label: one `Person` for all references of a label.

        Parameters
        ----------
        attributes
            Only people who have all of these, such as ``{"id": "4711"}``.
        """
        found = people_of(self._session, self._session.state())
        return tuple(item for item in found if not attributes or item.details.has(attributes))

    def annotate(
        self,
        labels: Sequence[str],
        details: PersonDetails = NO_DETAILS,
        *,
        without: Collection[str] = (),
        unlimited: bool = False,
    ) -> tuple[str, ...]:
        """Change attributes and expiry of people who are enrolled, in one write.

        Parameters
        ----------
        labels
            Who.
        details
            What they get, in place of what they have of the same name.
        without
            Names of attributes that they lose, whether or not they have them.
        unlimited
            Whether they lose their expiry.

        Returns
        -------
        tuple of str
            The labels, sorted, of those of whom anything is changed. What was there before is
            erased, as the label is by `rename`.

        Raises
        ------
        ReferenceNotFoundError, InvalidLabelError, InvalidAttributeError
            If somebody is not there, or a label or an attribute is none, or there would be too many
            of these; nothing is changed then.
        ErasurePendingError, WriteConflictError
            As for `rename`.
        """

        def change(former: PersonDetails) -> PersonDetails:
            kept = replaced(former, expires=None) if unlimited else former
            return kept.without(without).updated(details)

        return Relabeller(self._session).annotate(labels, change)

    def find(
        self,
        names: Sequence[str] = (),
        *,
        labels: Sequence[str] = (),
        reference_ids: Sequence[str] = (),
    ) -> tuple[Reference, ...]:
        """Return the references that labels and reference identifiers name.

        Of all references, only the labels of those that are found are opened.

        Parameters
        ----------
        names
            Labels, which stand for all references that have them, or reference identifiers.
        labels, reference_ids
            Names that are to be taken for the one or the other.

        Raises
        ------
        ReferenceNotFoundError
            If there is nothing of a name.
        AmbiguousNameError
            If one of ``names`` is a label and the identifier of another reference too.
        AuthenticationError
            If the label of one that is found is not what the owner sealed.
        """
        return Selection(self._session, self._session.state()).named(names, labels, reference_ids)

    def remove(
        self,
        names: Sequence[str] = (),
        *,
        labels: Sequence[str] = (),
        reference_ids: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> tuple[Reference, ...]:
        """Erase references.

        Parameters
        ----------
        names, labels, reference_ids
            As for `find`.
        progress
            Called with the number of references that were just erased.

        Returns
        -------
        tuple of Reference
            What was erased. It is in no row, free page or log of the database any more.

        Raises
        ------
        ReferenceNotFoundError, AmbiguousNameError
            As for `find`; nothing is erased then.
        ErasurePendingError
            If the references are erased from the tables, but other processes that read the
            database keep traces of them in its files; `compact` tries again.
        """
        state = self._session.state()
        chosen = Selection(self._session, state).named(names, labels, reference_ids)
        identifiers = {bytes.fromhex(item.reference_id) for item in chosen}
        Remover(self._session).remove(identifiers, progress, state)
        return chosen

    def rename(self, old: str, new: str) -> tuple[Reference, ...]:
        """Give a person another label, in one write that moves no template.

        Parameters
        ----------
        old
            The label; all references that have it get the new one.
        new
            The new label, which no reference may have.

        Returns
        -------
        tuple of Reference
            The references with their new label. What the former label was sealed to, its pseudonym
            and its content tags are in no row, free page or log of the database any more.

        Raises
        ------
        ReferenceNotFoundError, LabelExistsError, InvalidLabelError
            If no reference has the old label, or some have the new one already, or one is no label;
            nothing is changed then.
        ErasurePendingError
            If it is done, but other processes that read the database keep traces of the former
            label in its files; `compact` tries again.
        WriteConflictError
            If other processes keep changing the gallery; nothing is changed then.
        """
        return Relabeller(self._session).rename(old, new)

    def merge(self, absorbed: str, kept: str) -> tuple[Reference, ...]:
        """Make one person of two that are the same: see `rename`.

        Parameters
        ----------
        absorbed
            The label that goes; all references that have it get the other one.
        kept
            The label that stays, which some references must have.

        Returns
        -------
        tuple of Reference
            The references that had the label that is gone, with the one that they have now.

        Raises
        ------
        ReferenceNotFoundError, InvalidLabelError
            If no reference has one of the labels, or one is no label; nothing is changed then.
        ErasurePendingError, WriteConflictError
            As for `rename`.
        """
        return Relabeller(self._session).merge(absorbed, kept)

    def assign(self, reference_ids: Sequence[str], label: str) -> tuple[Reference, ...]:
        """Give single references another label, be it new or another person's: see `rename`.

        Parameters
        ----------
        reference_ids
            Their identifiers.
        label
            The label that they are to have.

        Returns
        -------
        tuple of Reference
            The references whose label is another one now; those that had it before are left out.

        Raises
        ------
        ReferenceNotFoundError, InvalidLabelError
            If there is no reference of an identifier, or the label is none; nothing is changed
            then.
        ErasurePendingError, WriteConflictError
            As for `rename`.
        """
        return Relabeller(self._session).assign(reference_ids, label)

    def excess_blocks(self) -> int:
        """Return how many blocks `compact` would drop."""
        return Compactor(self._session).excess()

    def compact(self, *, progress: Progress | None = None) -> int:
        """Move references into the holes that removals left; return the number of blocks dropped.

        Every step leaves a whole gallery. Traces of what was removed before are cleared as well
        (`ErasurePendingError` as in `remove`).
        """
        return Compactor(self._session).run(progress)

    def export(self, path: str | os.PathLike[str], progress: Progress | None = None) -> None:
        """Write a backup of the gallery into a new file, from which `restore` makes it again.

        Parameters
        ----------
        path
            The file. It holds what the database holds, nothing more in clear, and opens with the
            owner's key alone.
        progress
            Called with the number of blocks that were just finished.

        Raises
        ------
        BackupExistsError
            If there is such a file already.
        BackupError
            If the file cannot be written.
        IntegrityError
            If anything in the gallery is not what its owner wrote.
        WriteConflictError
            If the gallery keeps changing while it is read.
        """
        write_backup(self._session, path, progress)

    def accept_rollback(self) -> None:
        """Take the present state of the database for the newest, though a newer one was seen.

        For an owner who put a backup back on purpose.

        Raises
        ------
        AuthenticationError
            If the present state is not what the owner wrote.
        """
        self._session.accept_present()

    def refresh(self, *, accept_unseen: bool = False) -> Manifest:
        """Sign the newest state of the gallery anew, with the date of today and no other change.

        Whoever reads the gallery with a ``max_age`` then takes it for new. Do it where the newest
        state is known. With a ``max_age``, an older state is not signed anew.

        Parameters
        ----------
        accept_unseen
            Whether to sign what the server shows, whatever it is, where no state of the gallery was
            seen before (``states``).

        Returns
        -------
        Manifest
            The newest: the new one, or what another process has written meanwhile.

        Raises
        ------
        UnseenStateError
            If no state of the gallery was seen before, and that is not accepted.
        StaleManifestError, RolledBackError, AuthenticationError
            If the state is not the newest, or not what the owner wrote.
        WriteConflictError
            If other processes keep changing the gallery.
        """
        return refresh_manifest(self._session, accept_unseen=accept_unseen)

    def accept_wrong_results(self) -> None:
        """Search again although the server has given wrong results.

        For an owner who knows what was wrong, and has put it right: such as faulty memory.
        """
        self._session.trust_again()

    def verify(self, *, deep: bool = False, progress: Progress | None = None) -> VerificationReport:
        """Check the gallery: every statement, digest and label, and if ``deep`` every template."""
        return Verifier(self._session).run(deep=deep, progress=progress)

    def _check_model(self, model: str | None) -> None:
        wanted = self.description.preprocessing.model
        if model is not None and wanted and model != wanted:
            raise ModelMismatchError(
                f"embeddings of model {model!r} cannot be compared with gallery "
                f"{self.description.name!r}, which holds embeddings of {wanted!r}"
            )

    def _search(
        self,
        embeddings: Floats,
        wanted: Wanted,
        threshold: Threshold,
        progress: Progress | None = None,
    ) -> Identification:
        """Search with embeddings that were checked."""
        if wanted.k < 1:
            raise ValueError("a candidate list has at least one place")
        vectors = self._vectors(embeddings)
        return Searcher(self._session).search(vectors, wanted, threshold, progress)

    def _vectors(self, embeddings: Floats) -> Floats:
        """Return what is encrypted of embeddings that were checked."""
        if not len(embeddings):
            raise InvalidEmbeddingError("there are no embeddings to search with")
        return to_vectors(embeddings, self.description)

    def _search_photos(
        self,
        photos: Iterable[PhotoSource],
        wanted: Wanted,
        threshold: Threshold,
        faces: FaceSelection,
        embedder: PhotoEmbedder | None,
        progress: Progress | None,
    ) -> PhotoIdentification:
        chosen = embedder or self.embedder()
        probes = embed_probes(self.description, chosen, photos, faces, progress)
        embeddings = probes.embeddings
        found = self._search(np.stack(embeddings), wanted, threshold) if embeddings else None
        return PhotoIdentification(probes.faces, found, probes.failures)

    def _check_matched(self, found: Identification, label: str) -> None:
        """Check, after the search, that there was somebody to match (`ReferenceNotFoundError`)."""
        if not found.searched.any():
            raise ReferenceNotFoundError(
                f"gallery {self.description.name!r} holds no reference named {label!r}",
                hint=Hint.LIST_REFERENCES,
            )

    def _outlier_rule(self) -> OutlierRule | None:
        """Return what tells outliers, or None if the gallery has no threshold."""
        try:
            return OutlierRule(self.description, self.threshold().value)
        except (ThresholdRequiredError, IntegrityError):
            return None

    def _add_details(self, labels: Iterable[str], details: PersonDetails) -> None:
        """Add details to those people who have references that were not just enrolled, too."""
        if details:
            relabeller = Relabeller(self._session)
            relabeller.annotate(labels, lambda former: former.updated(details), required=False)

    def _erase_replaced(
        self, labels: Iterable[str], staying: Iterable[bytes]
    ) -> tuple[Reference, ...]:
        """Erase the references of labels, but those that are to stay; return what was erased."""
        state = self._session.state()
        kept = {item.hex() for item in staying}
        erased = tuple(
            item
            for item in Selection(self._session, state).labelled(set(labels))
            if item.reference_id not in kept
        )
        identifiers = {bytes.fromhex(item.reference_id) for item in erased}
        Remover(self._session).remove(identifiers, state=state)
        return erased
