"""``gallery init``: make an empty gallery."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from gallery.commands.options import (
    common_options,
    detector_option,
    metric_option,
    model_option,
    parameters_option,
    threshold_option,
)
from gallery.commands.settings import Settings
from gallery.commands.trust_weights import trust_weights_option, trusted_weights

if TYPE_CHECKING:
    from gallery.messages import GalleryDescription

_EPILOG = """
\b
Examples:
  gallery init --model Facenet
  gallery init --model Dlib --gallery staff --metric euclidean
  gallery init --dimension 512 --threshold 0.35
"""


@click.command("init", epilog=_EPILOG)
@model_option("DeepFace's name of the face model. [default: Facenet, unless --dimension is given]")
@click.option("--dimension", type=int, metavar="D", help="Values of ready embeddings.")
@detector_option
@metric_option
@parameters_option(
    "Parameter set: swift is fast, and a server that lies is caught; light takes half of its "
    "space and is less exact. standard is CKKS and the most exact, compact takes two thirds of its "
    "space; with these two a server that lies is not caught."
)
@click.option(
    "--norm-bound",
    type=float,
    help="Largest norm of a raw embedding, for --metric euclidean; errors grow with it.",
)
@threshold_option("Default threshold of searches in this gallery.")
@trust_weights_option
@common_options
def command(
    settings: Settings,
    model: str | None,
    dimension: int | None,
    detector: str | None,
    metric: str,
    parameters: str,
    norm_bound: float | None,
    threshold: float | None,
) -> None:
    """Make an empty gallery. All of its properties are fixed from here on.

    With --model it takes photos, or ready embeddings of that model; with --dimension it takes ready
    embeddings alone and needs no DeepFace. The database is created if it is not there.
    """
    from gallery.client import GalleryClient
    from gallery.client.photos.embedder import PhotoEmbedder
    from gallery.messages.naming import check_name
    from gallery.parameters import find_parameters

    if model is not None and dimension is not None:
        raise click.UsageError("give --model or --dimension, not both: a model has its dimension")
    if dimension is not None and detector is not None:
        raise click.UsageError("--detector is for galleries with --model")
    if metric != "euclidean" and norm_bound is not None:
        raise click.UsageError("--norm-bound is for --metric euclidean; the others normalise")
    check_name(settings.gallery)  # before weights are fetched
    embedder = None
    if dimension is None:
        embedder = PhotoEmbedder(
            "Facenet" if model is None else model, detector, trusted=trusted_weights()
        )
        if model is None:
            # A default that cannot be used here is no default; say so before anything is made.
            embedder.prepare()
        dimension = embedder.dimension
        norm_bound = norm_bound or embedder.model.norm_bound
    key = settings.open_key()
    with (
        settings.open_service(create=True) as service,
        GalleryClient.create(
            service,
            key,
            settings.gallery,
            dimension=dimension,
            preprocessing=embedder.preprocessing if embedder else None,
            metric=metric,
            parameters=find_parameters(parameters),
            norm_bound=norm_bound,
            threshold=threshold,
            origin=embedder.known_origin() if embedder else None,
            backend=settings.backend,
        ) as client,
    ):
        description = client.description
        doubt = client.threshold().doubt if threshold is not None else ""
    settings.notice(f"gallery {settings.gallery!r} made in {settings.place}")
    for text in _limits(description):
        settings.notice(text)
    if doubt:
        settings.notice(f"warning: {doubt}")


def _limits(description: GalleryDescription) -> Iterator[str]:
    """Yield the limits of a new gallery's parameter set, as notices for its owner."""
    from gallery.client.integrity.canaries import CANARY_DIMENSION
    from gallery.parameters import STANDARD, find_parameters

    parameters = find_parameters(description.parameters)
    if parameters.hint_shape is None:
        yield (
            f"results of parameter set {parameters.name} are not checked against a server that "
            "lies; those of swift and light are"
        )
        if description.dimension < CANARY_DIMENSION:
            yield (
                f"with fewer than {CANARY_DIMENSION} values an embedding, the canaries of "
                f"{parameters.name}, which show damaged results, are weak: the fewer values, the "
                "more often a wrong result passes for a right one"
            )
    elif not description.metric.normalizes:
        bound = description.norm_bound
        error, finest = (
            f"{item.max_distance_error(description.dimension) * bound**2:.1e}"
            for item in (parameters, STANDARD)
        )
        yield (
            f"squared distances are exact to {error} with parameter set {parameters.name} and the "
            f"norm bound {bound:g}; with standard it would be {finest}"
        )
