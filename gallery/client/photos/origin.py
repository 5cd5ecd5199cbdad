"""The origin of embeddings: the runtime, and the checked files of a model and a detector."""

from __future__ import annotations

from collections.abc import Callable

from gallery.client.photos.deepface_runtime import (
    choose_runtime,
    deepface_version,
    require_modules,
)
from gallery.client.photos.detectors import WHOLE_PHOTO, FaceDetector
from gallery.client.photos.face_model import FaceModel, Runtime
from gallery.client.photos.processor import require_instructions
from gallery.client.photos.trusted_weights import TrustedWeights
from gallery.client.photos.weights import (
    WeightsSource,
    combined_digest,
    ensure_detector_weights,
    ensure_weights,
    haar_weights,
)
from gallery.errors import FaceRuntimeError, MissingDependencyError, WeightsError
from gallery.messages import ModelOrigin


class OriginFinder:
    """Finds what embeddings are made with, once, and tells those who wait for it.

    DeepFace is never loaded here.

    Parameters
    ----------
    model, detector
        Whose files they are.
    runtime
        ``onnx`` or ``tensorflow``; None to choose, see `choose_runtime`.
    source
        Where weights come from.
    """

    def __init__(
        self, model: FaceModel, detector: FaceDetector, runtime: str | None, source: WeightsSource
    ) -> None:
        self._model, self._detector = model, detector
        self._runtime, self._source = runtime, source
        self._origin: ModelOrigin | None = None
        self._awaiting: dict[object, Callable[[ModelOrigin], None]] = {}

    def checked(self) -> tuple[Runtime, ModelOrigin]:
        """Check all that can be checked before DeepFace is loaded.

        Raises
        ------
        MachineError
            The processor lacks instructions, or there is no folder for weights.
        MissingDependencyError, FaceRuntimeError
            DeepFace, its runtime or a module of the model is missing.
        WeightsError
            Weights are missing, cannot be fetched, or are damaged.
        """
        runtime = choose_runtime(self._runtime)
        require_modules(("deepface", "PIL"), "Reading photos")
        require_instructions((runtime,), f"DeepFace's runtime {runtime}")
        for part in (self._model, self._detector):
            require_modules(part.modules, part.name)
            require_instructions(part.modules, part.name)
        return runtime, self._origin or self._find(runtime, self._source)

    def settled(self) -> ModelOrigin:
        """Return the origin of embeddings; raises what `checked` raises the first time."""
        if self._origin is None:
            self.settle(self.checked()[1])
        assert self._origin is not None
        return self._origin

    def settle(self, origin: ModelOrigin) -> None:
        """Tell those who wait for it what embeddings are made with, once."""
        if self._origin is None:
            self._origin = origin
            for action in list(self._awaiting.values()):  # others may add some
                action(origin)

    def known(self) -> ModelOrigin | None:
        """Return it, or None where that takes a download or trust; nobody is asked anything."""
        if self._origin is not None:
            return self._origin
        offline = WeightsSource(TrustedWeights(self._source.trusted.path), download=False)
        try:
            return self._find(choose_runtime(self._runtime), offline)
        except (MissingDependencyError, FaceRuntimeError, WeightsError):
            return None

    def when_settled(self, what: object, action: Callable[[ModelOrigin], None]) -> None:
        """Call a function with it, once for each ``what``."""
        if what in self._awaiting:
            return
        self._awaiting[what] = action
        if self._origin is not None:
            action(self._origin)

    def _find(self, runtime: Runtime, source: WeightsSource) -> ModelOrigin:
        """Have all files where DeepFace looks for them, checked; return what they are."""
        model = ensure_weights(self._model, source, runtime=runtime)
        detector = ensure_detector_weights(self._detector, source, runtime=runtime)
        if self._detector.name not in {"dlib", WHOLE_PHOTO}:
            detector = detector | haar_weights()
        return ModelOrigin(
            runtime, deepface_version(), combined_digest(model), combined_digest(detector)
        )
