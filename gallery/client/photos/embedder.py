"""The embedder of photos: a photo in, the embeddings of its faces out."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from gallery.arrays import Floats
from gallery.client.photos.deepface_runtime import (
    load_deepface,
    quiet,
    short,
)
from gallery.client.photos.detectors import WHOLE_PHOTO, FaceDetector, find_detector
from gallery.client.photos.download import DownloadProgress
from gallery.client.photos.face_model import FaceModel
from gallery.client.photos.faces import (
    EmbeddedFace,
    FaceSelection,
    check_selection,
    largest_of,
    rival_of,
)
from gallery.client.photos.model_table import find_model
from gallery.client.photos.origin import OriginFinder
from gallery.client.photos.preprocessing import LONGEST_SIDE, NORMALIZATION
from gallery.client.photos.quality import SMALLEST_FACE
from gallery.client.photos.trusted_weights import TrustedWeights
from gallery.client.photos.weights import WeightsSource
from gallery.deprecation import renamed_arguments
from gallery.errors import NoFaceError, SeveralFacesError, WeightsError
from gallery.hints import Hint
from gallery.messages import ModelOrigin, Preprocessing

if TYPE_CHECKING:
    from gallery.client.photos.detection import FaceFinder
    from gallery.client.photos.images import Photo
    from gallery.client.photos.sources import PhotoSource
    from gallery.client.photos.worker_messages import WorkerSetup

LARGER: Final = 1.5
"""The factor by which another face must be larger than a doubtful one to be told of."""

_TIMES: Final = 10_000
"""Photos of which is remembered how long they took."""


class FaceMemory(Protocol):
    """A memory of the faces of photos, by the digest of their content."""

    def find(
        self, digest: bytes, model: FaceModel, made_by: Preprocessing, origin: ModelOrigin
    ) -> EmbeddedFace | None:
        """Return the one face of a photo, or None."""

    def keep(
        self, digest: bytes, made_by: Preprocessing, origin: ModelOrigin, face: EmbeddedFace
    ) -> None:
        """Remember the one face of a photo."""


class WeightsWarning(UserWarning):
    """The weights of a face model are not those that a gallery's embeddings were made with."""


def _warn(text: str) -> None:
    warnings.warn(text, WeightsWarning, stacklevel=2)


class PhotoEmbedder:
    """Embeds the faces of photos with one of DeepFace's models.

    Making one is cheap and needs no DeepFace; the first `embed` (or `prepare`) loads it.

    Parameters
    ----------
    model
        Name of a face model, see `gallery.client.photos.model_table`.
    detector
        Name of a face detector; None for the model's default.
    align
        Whether to turn faces until the eyes are level.
    runtime
        ``onnx`` or ``tensorflow``; None to choose, see `choose_runtime`.
    download
        Whether missing weights may be downloaded.
    progress
        Called during a download with the bytes received so far and their total.
    trusted
        Which weights files are trusted; by default those that are known or were trusted before.
    warn
        Called with what the owner should know of a gallery and the weights used with it; by default
        a `WeightsWarning` is issued.
    jobs
        How many processes may embed where there are many photos; None for one for each core that
        there is memory for.
    memory
        The memory of faces that runs over many photos embedded before.

    Attributes
    ----------
    seconds
        Seconds that reading and embedding took, for each of the last photos of runs over many.

    Raises
    ------
    UnknownModelError, UnknownDetectorError
        The model or the detector is unknown.
    """

    @renamed_arguments({"engine": "runtime"})
    def __init__(
        self,
        model: str,
        detector: str | None = None,
        *,
        align: bool = True,
        runtime: str | None = None,
        download: bool = True,
        progress: DownloadProgress | None = None,
        trusted: TrustedWeights | None = None,
        warn: Callable[[str], None] | None = None,
        jobs: int | None = None,
        memory: FaceMemory | None = None,
    ) -> None:
        self.jobs, self._memory = jobs, memory
        self.seconds: deque[float] = deque(maxlen=_TIMES)
        self.model: FaceModel = find_model(model)
        self.detector: FaceDetector = find_detector(detector or self.model.default_detector)
        self.preprocessing = Preprocessing(
            self.model.name, self.detector.name, align, NORMALIZATION, LONGEST_SIDE
        )
        self._source = WeightsSource(trusted or TrustedWeights(), download, progress)
        self._origin = OriginFinder(self.model, self.detector, runtime, self._source)
        self.warn: Callable[[str], None] = warn or _warn
        self._deepface: Any = None

    @property
    def dimension(self) -> int:
        """Values of one embedding."""
        return self.model.dimension

    def prepare(self) -> None:
        """Load everything now, so that what is missing shows before the first photo is read.

        Raises
        ------
        MachineError
            The processor lacks instructions, or there is no folder for weights.
        MissingDependencyError, FaceRuntimeError
            DeepFace, its runtime or a module of the model is missing or unusable.
        WeightsError
            Weights are missing, cannot be fetched, or are damaged.
        """
        if self._deepface is not None:
            return
        runtime, origin = self._origin.checked()
        deepface = load_deepface(runtime)
        self._build(deepface, "facial_recognition", self.model.name)
        if self.detector.name != WHOLE_PHOTO:
            client = self._build(deepface, "face_detector", self.detector.name)
            if self.detector.name == "dlib":
                # Only now: it compiles, and other detectors do without.
                from gallery.client.photos.frontal_detector import quicken

                quicken(client)
        self._deepface = deepface
        self._origin.settle(origin)

    def worker_setup(self) -> WorkerSetup:
        """Return the setup of worker processes that embed as this does; nothing is loaded here.

        Raises what `prepare` raises, of what can be known without loading DeepFace.
        """
        runtime, origin = self._origin.checked()
        self._origin.settle(origin)
        # Only now: Pillow is as optional as DeepFace.
        from gallery.client.photos.worker_messages import WorkerSetup

        made_by = self.preprocessing
        trusted = self._source.trusted.given_path
        return WorkerSetup(made_by.model, made_by.detector, made_by.align, runtime, trusted)

    @property
    def remembers(self) -> bool:
        """Whether faces are remembered."""
        return self._memory is not None

    def remembered(self, digest: bytes) -> EmbeddedFace | None:
        """Return the one face of a photo that was embedded before, or None.

        Raises what `worker_setup` raises: it is the same face only if the weights are the same.
        """
        if self._memory is None:
            return None
        return self._memory.find(digest, self.model, self.preprocessing, self._origin.settled())

    def remember(self, digest: bytes, face: EmbeddedFace) -> None:
        """Remember the one face of a photo."""
        if self._memory is not None:
            self._memory.keep(digest, self.preprocessing, self._origin.settled(), face)

    def known_origin(self) -> ModelOrigin | None:
        """Return the origin of embeddings, or None where that takes a download or trust.

        DeepFace is not loaded, and nobody is asked anything.
        """
        return self._origin.known()

    def when_prepared(self, what: object, action: Callable[[ModelOrigin], None]) -> None:
        """Call a function with what embeddings are made with, before the first one is made.

        Parameters
        ----------
        what
            What the function is for; it is called once for each.
        action
            The function.
        """
        self._origin.when_settled(what, action)

    def embed(self, source: PhotoSource) -> Floats:
        """Return the raw embedding of the one face in a photo; raises what `examine` raises.

        Parameters
        ----------
        source
            The photo, as for `faces`.

        Returns
        -------
        ndarray of float64, shape (dimension,)
            As the model puts it out: finite, not normalised.
        """
        return self.examine(source).embedding

    def faces(self, source: PhotoSource | Photo) -> tuple[EmbeddedFace, ...]:
        """Embed each face in a photo; with the detector ``skip`` all of the photo is one.

        Parameters
        ----------
        source
            A path, the bytes of a picture's file, a binary file object, a picture of Pillow, or an
            array of pixels: uint8, shape (height, width, 3), in the order red, green, blue; or a
            photo that `open_photo` decoded, such as in another process.

        Returns
        -------
        tuple of EmbeddedFace
            From left to right; empty if there is none.

        Raises
        ------
        UnreadablePhotoError
            The photo cannot be read.
        PhotoError
            DeepFace failed on this photo, or put out values that are no embedding.
        MissingDependencyError, FaceRuntimeError, WeightsError
            From `prepare`.
        """
        return self._look(source)[2]

    def examine(self, source: PhotoSource) -> EmbeddedFace:
        """Embed the one face in a photo, and measure how fit the photo is for it.

        Raises what `select` raises.

        Parameters
        ----------
        source
            The photo, as for `faces`.

        Returns
        -------
        EmbeddedFace
            The face, with its embedding and the quality of the photo.
        """
        try:
            (face,) = self.select(source)
        except SeveralFacesError as error:  # here, none is chosen
            raise SeveralFacesError(error.message) from None
        return face

    def select(
        self, source: PhotoSource | Photo, selection: FaceSelection = "one"
    ) -> tuple[EmbeddedFace, ...]:
        """Embed the faces in a photo that are meant, at least one.

        Parameters
        ----------
        source
            As for `faces`.
        selection
            Which faces are meant. With ``largest``, the quality says where another face is nearly
            as large.

        Returns
        -------
        tuple of EmbeddedFace
            From left to right; more than one with ``all`` only.

        Raises
        ------
        NoFaceError
            There is none.
        SeveralFacesError
            There are several where there must be one.
        UnreadablePhotoError, PhotoError, MissingDependencyError, FaceRuntimeError, WeightsError
            From `faces`.
        """
        check_selection(selection)
        finder, photo, faces = self._look(source)
        if not faces:
            turn = finder.turn_with_face(photo, SMALLEST_FACE)
            raise NoFaceError(
                f"No face was found in {photo.name} (detector {self.detector.name})"
                + _told_of_turn(turn, "one")
            )
        if selection == "all" and len(faces) > 1:
            return faces
        if selection == "one" and len(faces) > 1:
            sides = [face.quality.face_size_used for face in faces]
            turn = finder.turn_with_face(photo, LARGER * max(sides))
            raise SeveralFacesError(
                f"{len(faces)} faces were found in {photo.name}, where there must be one: "
                "crop it" + _told_of_turn(turn, "a larger one"),
                hint=Hint.CHOOSE_FACES,
            )
        face = largest_of(faces)
        rival = rival_of(face, faces)
        quality = replace(face.quality, rival=None if rival is None else rival.size)
        if quality.warnings():
            turn = finder.turn_with_face(photo, LARGER * quality.face_size_used)
            quality = replace(quality, turn=turn)
        return (replace(face, quality=quality),)

    def _look(
        self, source: PhotoSource | Photo
    ) -> tuple[FaceFinder, Photo, tuple[EmbeddedFace, ...]]:
        self.prepare()
        # Only now: Pillow is as optional as DeepFace.
        from gallery.client.photos.detection import FaceFinder
        from gallery.client.photos.images import Photo, open_photo

        finder = FaceFinder(self._deepface, self.model, self.preprocessing)
        photo = source if isinstance(source, Photo) else open_photo(source)
        return finder, photo, finder.faces(photo)

    def _build(self, deepface: Any, task: str, name: str) -> Any:
        try:
            with quiet():
                return deepface.build_model(name, task=task)
        except Exception as error:
            raise WeightsError(
                f"DeepFace cannot load {name}: its weights file is damaged or does not fit"
                f" ({short(error)}). Delete it and try again."
            ) from error


def _told_of_turn(turn: int | None, what: str) -> str:
    if turn is None:
        return ""
    return (
        f"; there is {what} when the photo is turned by {turn} degrees clockwise, and no"
        " orientation tag says so: turn it and save it"
    )
