"""All distances of a fold: through the encrypted engine, and on plain embeddings."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from gallery.accuracy.datasets import LabelledSet
from gallery.accuracy.splits import Fold
from gallery.arrays import Floats
from gallery.backends import Backend
from gallery.client import GalleryClient, GalleryKey
from gallery.client.embeddings.templates import check_embeddings, to_vectors
from gallery.client.photos.model_table import MODELS
from gallery.client.progress import Progress
from gallery.distances import Metric, from_squared
from gallery.messages import GalleryDescription
from gallery.parameters import ParameterSet
from gallery.protocol import GalleryService
from gallery.server import open_service

_CELLS = 1_000_000
"""Candidates asked for in one call, which bounds the memory that their labels take."""


@contextmanager
def private_service(backend: str) -> Iterator[GalleryService]:
    """Serve an empty database in a private temporary folder, which is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="gallery-evaluation-") as folder:
        url = f"sqlite:///{Path(folder) / 'evaluation.db'}"
        with open_service(url, create=True, backend=backend) as service:
            yield service


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


def encrypted_distances(
    client: GalleryClient, embeddings: Floats, fold: Fold, progress: Progress | None = None
) -> Floats:
    """Enroll a fold's references into an empty gallery and search it with the fold's probes.

    Parameters
    ----------
    client
        The gallery.
    embeddings
        All embeddings of the labelled set.
    fold
        The fold.
    progress
        Called with the number of probes that were just finished.

    Returns
    -------
    ndarray of float64, shape (probes, references)
        Decrypted distances, in the order of `Fold.probes` and `Fold.references`.
    """
    size, probes = len(fold.references), embeddings[fold.probes]
    # The label of a reference is its column: names of people are not even needed here.
    client.enroll(embeddings[fold.references], [str(column) for column in range(size)])
    distances = np.empty((len(probes), size))
    step = max(1, _CELLS // size)
    for start in range(0, len(probes), step):
        # Candidate lists as long as the gallery hold every distance; the threshold plays no part.
        some = probes[start : start + step]
        found = client.identify(some, size, 0.0, per_reference=True, progress=progress)
        columns = found.labels.astype(np.int64)
        np.put_along_axis(distances[start : start + step], columns, found.distances, axis=1)
    return distances


def plain_distances(embeddings: Floats, fold: Fold, description: GalleryDescription) -> Floats:
    """Return the same distances without any encryption, by the metric's definition."""
    vectors = to_vectors(check_embeddings(embeddings, description), description)
    probes, references = vectors[fold.probes], vectors[fold.references]
    squared = (probes**2).sum(axis=1)[:, None] + (references**2).sum(axis=1)[None, :]
    squared -= 2.0 * probes @ references.T
    return from_squared(squared, description.metric, description.norm_bound)
