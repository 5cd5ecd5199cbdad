"""The embedder of photos: one photo in, the embedding of its one face out."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from gallery.client.photos.deepface_runtime import (
    choose_runtime,
    deepface_version,
    load_deepface,
    quiet,
    require_modules,
    short,
)
from gallery.client.photos.detectors import FaceDetector, find_detector
from gallery.client.photos.download import DownloadProgress
from gallery.client.photos.face_model import FaceModel, Runtime
from gallery.client.photos.model_table import find_model
from gallery.client.photos.preprocessing import LONGEST_SIDE, NORMALIZATION
from gallery.client.photos.processor import require_instructions
from gallery.client.photos.quality import SMALLEST_FACE, FaceQuality, measure
from gallery.client.photos.trusted_weights import TrustedWeights
from gallery.client.photos.weights import (
    WeightsSource,
    combined_digest,
    ensure_detector_weights,
    ensure_weights,
    haar_weights,
)
from gallery.deprecation import renamed_arguments
from gallery.errors import (
    FaceRuntimeError,
    MissingDependencyError,
    NoFaceError,
    PhotoError,
    SeveralFacesError,
    WeightsError,
)
from gallery.messages import ModelOrigin, Preprocessing

if TYPE_CHECKING:
    from gallery.client.photos.images import Photo

LARGER: Final = 1.5
"""How many times larger than a doubtful face another must be to be told of."""


@dataclass(frozen=True, eq=False)
class EmbeddedFace:
    """The one face in a photo.

    Attributes
    ----------
    embedding
        As the model puts it out: float64, shape (dimension,), finite, not normalised.
    quality
        How fit the photo is for recognising the face.
    """

    embedding: npt.NDArray[np.float64]
    quality: FaceQuality


class WeightsWarning(UserWarning):
    """The weights of a face model are not those that a gallery's embeddings were made with."""


def _warn(text: str) -> None:
    warnings.warn(text, WeightsWarning, stacklevel=2)


class PhotoEmbedder:
    """Embeds photos of single faces with one of DeepFace's models.

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
    ) -> None:
        self.model: FaceModel = find_model(model)
        self.detector: FaceDetector = find_detector(detector or self.model.default_detector)
        self.preprocessing = Preprocessing(
            self.model.name, self.detector.name, align, NORMALIZATION, LONGEST_SIDE
        )
        self._wanted_runtime = runtime
        self._source = WeightsSource(trusted or TrustedWeights(), download, progress)
        self.warn: Callable[[str], None] = warn or _warn
        self._deepface: Any = None
        self._origin: ModelOrigin | None = None
        self._awaiting: dict[object, Callable[[ModelOrigin], None]] = {}

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
        runtime = choose_runtime(self._wanted_runtime)
        require_modules(("deepface", "PIL"), "Reading photos")
        require_instructions((runtime,), f"DeepFace's runtime {runtime}")
        for part in (self.model, self.detector):
            require_modules(part.modules, part.name)
            require_instructions(part.modules, part.name)
        origin = self._find_origin(runtime, self._source)
        deepface = load_deepface(runtime)
        self._build(deepface, "facial_recognition", self.model.name)
        if self.detector.name != "skip":
            self._build(deepface, "face_detector", self.detector.name)
        self._deepface, self._origin = deepface, origin
        for action in self._awaiting.values():
            action(origin)

    def known_origin(self) -> ModelOrigin | None:
        """Return what embeddings are made with, or None where that takes a download or trust.

        DeepFace is not loaded, and nobody is asked anything.
        """
        if self._origin is not None:
            return self._origin
        offline = WeightsSource(TrustedWeights(self._source.trusted.path), download=False)
        try:
            return self._find_origin(choose_runtime(self._wanted_runtime), offline)
        except (MissingDependencyError, FaceRuntimeError, WeightsError):
            return None

    def when_prepared(self, what: object, action: Callable[[ModelOrigin], None]) -> None:
        """Call a function with what embeddings are made with, before the first one is made.

        Parameters
        ----------
        what
            What the function is for; it is called once for each.
        action
            The function.
        """
        if what in self._awaiting:
            return
        self._awaiting[what] = action
        if self._origin is not None:
            action(self._origin)

    def embed(self, path: str | os.PathLike[str]) -> npt.NDArray[np.float64]:
        """Return the raw embedding of the one face in a photo; raises what `examine` raises.

        Returns
        -------
        ndarray of float64, shape (dimension,)
            As the model puts it out: finite, not normalised.
        """
        return self.examine(path).embedding

    def examine(self, path: str | os.PathLike[str]) -> EmbeddedFace:
        """Embed the one face in a photo, and measure how fit the photo is for it.

        Raises
        ------
        UnreadablePhotoError, NoFaceError, SeveralFacesError
            The photo cannot be read, or does not show exactly one face.
        PhotoError
            DeepFace failed on this photo, or put out values that are no embedding.
        MissingDependencyError, FaceRuntimeError, WeightsError
            From `prepare`.
        """
        photo = Path(path)
        self.prepare()
        # Only now: Pillow is as optional as DeepFace.
        from gallery.client.photos.images import open_photo

        opened = open_photo(photo)
        faces = self._faces(photo, opened.pixels)
        if not faces:
            raise NoFaceError(
                f"No face was found in {photo} (detector {self.detector.name})"
                + self._told_if_turned(photo, opened.pixels, "one", SMALLEST_FACE)
            )
        if len(faces) > 1:
            sides = [_shorter_side(face) for face in faces]
            raise SeveralFacesError(
                f"{len(faces)} faces were found in {photo}, where there must be one: crop it"
                + self._told_if_turned(photo, opened.pixels, "a larger one", LARGER * max(sides))
            )
        (face,) = faces
        embedding = self._checked(photo, face["embedding"])
        return EmbeddedFace(embedding, self._quality(photo, opened, face))

    def _quality(self, photo: Path, opened: Photo, face: dict[str, Any]) -> FaceQuality:
        detected = self.detector.name != "skip"
        found = measure(
            opened.pixels,
            face["facial_area"] if detected else None,
            float(face["face_confidence"]) if detected else None,
            opened.reduction,
        )
        if not detected or not found.warnings():
            return found
        # Detectors that look for upright faces find small things in a photo that lies on its side.
        turn = self._turn_with_face(photo, opened.pixels, LARGER * found.face_size_used)
        return replace(found, turn=turn)

    def _told_if_turned(
        self, photo: Path, pixels: npt.NDArray[np.uint8], what: str, least: float
    ) -> str:
        turn = self._turn_with_face(photo, pixels, least)
        if turn is None:
            return ""
        return (
            f"; there is {what} when the photo is turned by {turn} degrees clockwise, and no"
            " orientation tag says so: turn it and save it"
        )

    def _turn_with_face(
        self, photo: Path, pixels: npt.NDArray[np.uint8], least: float
    ) -> int | None:
        """Return by how many degrees clockwise a photo is to be turned to show its largest face.

        None if that has fewer than `least` pixels, or no detector looks for faces.
        """
        if self.detector.name == "skip":
            return None
        largest = {
            turn: self._largest_face(photo, np.ascontiguousarray(np.rot90(pixels, -turn // 90)))
            for turn in (90, 270, 180)
        }
        best = max(largest, key=lambda turn: largest[turn])
        return best if largest[best] >= least else None

    def _largest_face(self, photo: Path, pixels: npt.NDArray[np.uint8]) -> int:
        try:
            return max(map(_shorter_side, self._faces(photo, pixels)), default=0)
        except PhotoError:  # what fails for a turned photo says nothing of the photo
            return 0

    def _faces(self, photo: Path, pixels: npt.NDArray[np.uint8]) -> list[dict[str, Any]]:
        try:
            with quiet():
                faces: list[dict[str, Any]] = self._deepface.represent(
                    pixels,
                    model_name=self.model.name,
                    detector_backend=self.detector.name,
                    align=self.preprocessing.align,
                    normalization=self.preprocessing.normalization,
                    enforce_detection=True,
                )
        # DeepFace raises ValueError and what its detectors and runtimes raise.
        except Exception as error:
            if type(error).__name__ == "FaceNotDetected":
                return []
            raise PhotoError(f"DeepFace failed on {photo} ({short(error)})") from error
        return faces

    def _checked(self, photo: Path, values: object) -> npt.NDArray[np.float64]:
        embedding = np.asarray(values, dtype=np.float64)
        if embedding.shape != (self.dimension,):
            raise PhotoError(
                f"DeepFace gave values of shape {embedding.shape} for {photo}, where the model"
                f" {self.model.name} has {self.dimension}"
            )
        if not np.isfinite(embedding).all() or not embedding.any():
            raise PhotoError(f"DeepFace gave no finite, non-zero embedding for {photo}")
        return embedding

    def _find_origin(self, runtime: Runtime, source: WeightsSource) -> ModelOrigin:
        """Have all files where DeepFace looks for them, checked; return what they are."""
        model = ensure_weights(self.model, source, runtime=runtime)
        detector = ensure_detector_weights(self.detector, source, runtime=runtime)
        if self.detector.name not in {"dlib", "skip"}:
            detector = detector | haar_weights()
        return ModelOrigin(
            runtime, deepface_version(), combined_digest(model), combined_digest(detector)
        )

    def _build(self, deepface: Any, task: str, name: str) -> None:
        try:
            with quiet():
                deepface.build_model(name, task=task)
        except Exception as error:
            raise WeightsError(
                f"DeepFace cannot load {name}: its weights file is damaged or does not fit"
                f" ({short(error)}). Delete it and try again."
            ) from error


def _shorter_side(face: dict[str, Any]) -> int:
    area = face["facial_area"]
    return min(int(area["w"]), int(area["h"]))
