"""The comparisons of a labelled set: through the encrypted engine, and on plain embeddings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from gallery.accuracy.datasets import LabelledSet
from gallery.accuracy.splits import Fold
from gallery.arrays import Floats, Integers
from gallery.backends import Backend
from gallery.client import GalleryClient, GalleryKey
from gallery.client.embeddings.templates import check_embeddings, to_vectors
from gallery.client.photos.model_table import MODELS
from gallery.client.progress import ProgressBar
from gallery.distances import Metric, from_squared, largest_distance
from gallery.messages import GalleryDescription
from gallery.parameters import ParameterSet
from gallery.protocol import GalleryService

_CELLS = 2**21
"""Distances that are computed together, 16 MB."""


@contextmanager
def temporary_gallery(
    service: GalleryService,
    key: GalleryKey,
    labelled: LabelledSet,
    metric: Metric,
    parameters: ParameterSet,
    backend: str = Backend.NATIVE,
) -> Iterator[GalleryClient]:
    """Give an empty gallery for the embeddings of a labelled set, and erase it at the end."""
    with GalleryClient.create(
        service,
        key,
        "evaluation",
        dimension=labelled.dimension,
        preprocessing=labelled.preprocessing,
        metric=metric,
        parameters=parameters,
        norm_bound=norm_bound(labelled) if metric is Metric.EUCLIDEAN else None,
        backend=backend,
    ) as client:
        check_embeddings(labelled.embeddings, client.description)
        yield client
        service.delete(client.description.gallery_id)


def norm_bound(labelled: LabelledSet) -> float:
    """Return the bound of a gallery for raw embeddings: the model's, or else the next power of two.

    The model's is what a gallery would have; the error of a distance grows with it.
    """
    longest = float(np.linalg.norm(labelled.embeddings, axis=1).max())
    model = MODELS.get(labelled.preprocessing.model)
    if model is not None and longest <= model.norm_bound:
        return model.norm_bound
    return float(2.0 ** np.ceil(np.log2(longest)))


def compare_encrypted(
    client: GalleryClient,
    embeddings: Floats,
    references: Integers,
    receive: Callable[[slice, Floats], None],
    progress: ProgressBar,
) -> None:
    """Enroll some samples into an empty gallery and search it with all.

    Parameters
    ----------
    client
        The gallery.
    embeddings
        All embeddings of the labelled set.
    references
        Rows that are enrolled.
    receive
        Called with some rows that follow each other, and their decrypted distances, again and
        again; float64, shape (rows, references), columns in the order of ``references``.
    progress
        Shows a progress bar with a text and a total; gives what advances it.
    """
    # The label of a reference is its column: names of people are not even needed here.
    labels = [str(column) for column in range(len(references))]
    with progress("enrolling references", len(references)) as advance:
        client.enroll(embeddings[references], labels, progress=advance)
    order = np.argsort([int(reference.label) for reference in client.references()])
    done = 0

    def take(distances: Floats) -> None:
        nonlocal done
        some = slice(done, done + len(distances))
        done = some.stop
        receive(some, np.take(distances, order, axis=1))

    with progress("searching the encrypted gallery", len(embeddings)) as advance:
        client.compare(embeddings, take, progress=advance)


class PlainComparison:
    """The same comparisons without any encryption, by the metric's definition.

    Parameters
    ----------
    embeddings
        All embeddings of the labelled set.
    references
        Rows that are references.
    description
        A gallery for them.

    Raises
    ------
    InvalidEmbeddingError, DimensionMismatchError
        If the embeddings do not fit the gallery.
    """

    def __init__(
        self, embeddings: Floats, references: Integers, description: GalleryDescription
    ) -> None:
        self._vectors = to_vectors(check_embeddings(embeddings, description), description)
        self._references = self._vectors[references]
        self._squares = np.square(self._references).sum(axis=1)
        self._metric, self._norm_bound = description.metric, description.norm_bound

    @property
    def largest(self) -> float:
        """The largest distance that there is."""
        return largest_distance(self._metric, self._norm_bound)

    def distances(self, some: slice) -> Floats:
        """Return the distances of some rows to the references, as `compare_encrypted` does."""
        probes = self._vectors[some]
        squared = probes @ self._references.T
        squared *= -2.0
        squared += np.square(probes).sum(axis=1)[:, None]
        squared += self._squares
        return from_squared(squared, self._metric, self._norm_bound)

    def batches(self) -> Iterator[tuple[slice, Floats]]:
        """Yield some rows at a time, and their distances."""
        count, step = len(self._vectors), max(1, _CELLS // len(self._references))
        for start in range(0, count, step):
            some = slice(start, min(start + step, count))
            yield some, self.distances(some)

    def mate_distances(self, fold: Fold) -> Floats:
        """Return the distance of each mated probe of a fold to its mate."""
        apart = self._vectors[fold.mated] - self._vectors[fold.references[fold.mates]]
        return from_squared(np.square(apart).sum(axis=1), self._metric, self._norm_bound)
