"""Comparison of several face models on the same photos."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gallery.accuracy.datasets import LabelledSet, embed_set
from gallery.accuracy.evaluation import Evaluation, Options, evaluate
from gallery.client import LabelledPhoto, PhotoEmbedder, TrustedWeights
from gallery.client.photos.embedder import FaceMemory
from gallery.client.progress import ProgressBar
from gallery.errors import FaceRuntimeError, MissingDependencyError, WeightsError

_REASONS = {
    WeightsError: "its weights are missing",
    MissingDependencyError: "a package is missing",
    FaceRuntimeError: "DeepFace's runtime cannot be used",
}


@dataclass(frozen=True, eq=False)
class ModelRun:
    """One model's evaluation.

    Attributes
    ----------
    model, detector
        Their names.
    evaluation
        What was found, or None if the model cannot be used on this machine.
    reason
        Why not, in a few words; empty otherwise.
    error
        The same at length, with paths of this machine, which a report is not to hold.
    """

    model: str
    detector: str
    evaluation: Evaluation | None
    reason: str = ""
    error: str = ""


def parse_model(
    name: str,
    trusted: TrustedWeights | None = None,
    jobs: int | None = None,
    memory: FaceMemory | None = None,
) -> PhotoEmbedder:
    """Return the embedder of ``model`` or ``model:detector``, which downloads nothing.

    The others are arguments of `PhotoEmbedder`.

    Raises
    ------
    UnknownModelError, UnknownDetectorError
        If there is no such model or detector.
    """
    model, _, detector = name.strip().partition(":")
    return PhotoEmbedder(
        model, detector or None, download=False, trusted=trusted, jobs=jobs, memory=memory
    )


def compare(
    source: Path,
    photos: Sequence[LabelledPhoto],
    embedders: Sequence[PhotoEmbedder],
    options: Options,
    progress: ProgressBar,
) -> Iterator[ModelRun]:
    """Evaluate models one after the other; those that this machine lacks are reported as such."""
    for embedder in embedders:
        model, detector = embedder.model.name, embedder.detector.name
        try:
            embedder.prepare()
        except (WeightsError, MissingDependencyError, FaceRuntimeError) as error:
            yield ModelRun(model, detector, None, _REASONS[type(error)], error.message)
            continue
        labelled = embed_photos(source, photos, embedder, progress)
        yield ModelRun(model, detector, evaluate(labelled, options, progress))


def embed_photos(
    source: Path,
    photos: Sequence[LabelledPhoto],
    embedder: PhotoEmbedder,
    progress: ProgressBar,
) -> LabelledSet:
    """Embed photos with a progress bar; raises what `embed_set` raises."""
    with progress(f"embedding with {embedder.model.name}", len(photos)) as advance:
        return embed_set(source, photos, embedder, advance)
