"""The inventory of face models and detectors: what each is, needs, and has on this machine.

Nothing is downloaded, loaded or asked: packages are looked for, and weights files are hashed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, unique
from pathlib import Path
from types import MappingProxyType

from gallery.client.photos.deepface_runtime import RUNTIME_MODULES, is_installed
from gallery.client.photos.detectors import DETECTORS, FaceDetector
from gallery.client.photos.face_model import FaceModel, Licence, Runtime, WeightsFile, suggestion
from gallery.client.photos.model_table import MODELS
from gallery.client.photos.processor import require_instructions
from gallery.client.photos.trusted_weights import Trust, TrustedWeights, sha256_of
from gallery.client.photos.weights import packaged_file, weights_folder
from gallery.errors import MachineError, MissingDependencyError, UnknownModelError, WeightsError


@unique
class WeightsState(Enum):
    """The state of a weights file on this machine."""

    READY = "ready"
    """There, with the hash that is known or trusted."""
    PACKAGED = "packaged"
    """Comes with an installed package, and is linked when it is first used."""
    UNTRUSTED = "untrusted"
    """There, but no hash is known and nobody has trusted it yet."""
    WRONG = "wrong"
    """There, with another hash than the one that is known or trusted."""
    MISSING = "missing"
    """Not there."""


@dataclass(frozen=True)
class WeightsReport:
    """A weights file of a model or detector, as it is on this machine.

    Attributes
    ----------
    name
        Path below the folder of weights.
    path
        Where it is, or would be.
    state
        The state of the file.
    sha256
        Its hash in hex, or None where there is no file.
    bytes
        Its size, or None where there is no file.
    megabytes
        About how large it is where it is fetched, in 10⁶ bytes.
    """

    name: str
    path: Path
    state: WeightsState
    sha256: str | None
    bytes: int | None
    megabytes: float


@dataclass(frozen=True)
class PartReport:
    """A face model or detector, and whether it works on this machine.

    Attributes
    ----------
    kind
        ``model`` or ``detector``.
    name
        DeepFace's name.
    licence
        The licence of the weights, or None where there are none.
    weights
        Its weights files.
    missing
        Packages that it needs and that are not installed.
    processor
        The instructions that the processor lacks, in words; empty if none.
    dimension
        Values of an embedding; None for detectors.
    default_detector
        The detector that a model is used with unless another is named; None for detectors.
    thresholds
        DeepFace's thresholds by metric; none for detectors.
    """

    kind: str
    name: str
    licence: Licence | None
    weights: tuple[WeightsReport, ...]
    missing: tuple[str, ...]
    processor: str
    dimension: int | None = None
    default_detector: str | None = None
    thresholds: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def obstacles(self) -> tuple[str, ...]:
        """The reasons why it does not work here, in words; empty if it does."""
        return (
            *(f"{name} is not installed" for name in self.missing),
            *((self.processor,) if self.processor else ()),
            *(
                f"weights {file.state.value}: {file.name}"
                for file in self.weights
                if file.state not in (WeightsState.READY, WeightsState.PACKAGED)
            ),
        )

    @property
    def works(self) -> bool:
        """Whether all is there that it needs, as far as can be told without loading it."""
        return not self.obstacles


def find_part(name: str) -> FaceModel | FaceDetector:
    """Return the face model, or else the detector, of this name.

    Parameters
    ----------
    name
        DeepFace's name of the model or detector, in this spelling.

    Returns
    -------
    FaceModel or FaceDetector
        The model, or else the detector.

    Raises
    ------
    UnknownModelError
        There is neither.
    """
    found = MODELS.get(name) or DETECTORS.get(name)
    if found is None:
        known = (*MODELS, *DETECTORS)
        raise UnknownModelError(
            f"There is no face model or detector named {name!r}.{suggestion(name, known)}"
            f" Known models: {', '.join(MODELS)}. Known detectors: {', '.join(DETECTORS)}."
        )
    return found


def weights_of(part: FaceModel | FaceDetector, runtime: Runtime) -> tuple[WeightsFile, ...]:
    """Return the weights files of a model or detector under a runtime."""
    if isinstance(part, FaceModel):
        return (part.weights(runtime),)
    return part.weights(runtime)


def take_inventory(
    names: Iterable[str] | None = None,
    *,
    runtime: Runtime = "onnx",
    trusted: TrustedWeights | None = None,
) -> tuple[PartReport, ...]:
    """Report on face models and detectors, models first.

    Parameters
    ----------
    names
        The models and detectors to report on; None for all.
    runtime
        DeepFace's runtime: each has weights files of its own.
    trusted
        The record of trusted weights.

    Returns
    -------
    tuple of PartReport
        One for each model, then one for each detector.

    Raises
    ------
    UnknownModelError
        There is no model or detector of a name.
    WeightsError
        A weights file, or the record of trusted weights, cannot be read.
    MachineError
        There is no folder for weights.
    """
    record = TrustedWeights(None if trusted is None else trusted.path)
    chosen = (*MODELS, *DETECTORS) if names is None else names
    return tuple(_report(find_part(name), runtime, record) for name in chosen)


def _report(
    part: FaceModel | FaceDetector, runtime: Runtime, trusted: TrustedWeights
) -> PartReport:
    modules = ("deepface", "PIL", *RUNTIME_MODULES[runtime], *part.modules)
    missing = tuple(dict.fromkeys(name for name in modules if not is_installed(name)))
    weights = tuple(_weights(file, trusted) for file in weights_of(part, runtime))
    shared = (part.name, part.licence, weights, missing, _processor(part, runtime))
    if isinstance(part, FaceDetector):
        return PartReport("detector", *shared)
    return PartReport("model", *shared, part.dimension, part.default_detector, part.thresholds)


def _processor(part: FaceModel | FaceDetector, runtime: Runtime) -> str:
    try:
        require_instructions((runtime, *part.modules), part.name)
    except MachineError as error:
        return error.message
    return ""


def _weights(file: WeightsFile, trusted: TrustedWeights) -> WeightsReport:
    path = weights_folder() / file.name
    if path.is_file():
        found = sha256_of(path)
        state = {
            Trust.UNKNOWN: WeightsState.UNTRUSTED,
            Trust.WRONG: WeightsState.WRONG,
        }.get(trusted.judge(file, found), WeightsState.READY)
        return WeightsReport(file.name, path, state, found, path.stat().st_size, file.megabytes)
    state = WeightsState.MISSING
    if file.packaged:
        try:
            packaged_file(file)
        except (MissingDependencyError, WeightsError):
            pass
        else:
            state = WeightsState.PACKAGED
    return WeightsReport(file.name, path, state, None, None, file.megabytes)
