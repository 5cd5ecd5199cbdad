"""The creation of a gallery, which fixes its properties."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from dataclasses import replace

from gallery.ciphertexts.seeds import SEED_SIZE
from gallery.client.gallery_names import new_name
from gallery.client.integrity import clock
from gallery.client.integrity.authentication import Authenticator
from gallery.client.keys.secrets import GalleryKey
from gallery.client.session import GallerySession
from gallery.distances import Metric, check_threshold
from gallery.errors import (
    AccessDeniedError,
    DimensionMismatchError,
    GalleryError,
    MalformedMessageError,
    WriteConflictError,
)
from gallery.messages import ID_SIZE, GalleryDescription, ModelOrigin, Preprocessing
from gallery.parameters import MAX_DIMENSION, ParameterSet
from gallery.protocol import GalleryService

_SMALLEST_BOUND = 16.0


def default_norm_bound(dimension: int) -> float:
    """Return the bound of raw embeddings' norms for a gallery whose model is not named.

    Raw embeddings of common models have values with a standard deviation near 1, hence norms near
    the root of the dimension; the root of twice the dimension leaves room above that.
    """
    return max(_SMALLEST_BOUND, math.sqrt(2.0 * dimension))


def new_seed(parameters: ParameterSet) -> bytes:
    """Return a new seed of public matrices for a gallery; empty if its scheme has none."""
    return os.urandom(SEED_SIZE) if parameters.hint_shape is not None else b""


def create_gallery(
    service: GalleryService,
    key: GalleryKey,
    name: str,
    *,
    dimension: int,
    preprocessing: Preprocessing,
    metric: Metric,
    parameters: ParameterSet,
    norm_bound: float | None,
    threshold: float | None,
    origin: ModelOrigin | None = None,
) -> None:
    """Make an empty gallery.

    Raises
    ------
    GalleryExistsError
        If its name is taken, be it in another form.
    DimensionMismatchError, InvalidThresholdError, GalleryError
        If a property is out of range.
    """
    _check(dimension, norm_bound)
    name = new_name(service, name)
    if metric.normalizes:
        bound = 1.0
    else:
        bound = default_norm_bound(dimension) if norm_bound is None else norm_bound
    if threshold is not None:
        check_threshold(threshold, metric, bound)
    gallery_id = os.urandom(ID_SIZE)
    authenticator = Authenticator(key, gallery_id)
    description = GalleryDescription(
        gallery_id=gallery_id,
        key_id=key.key_id,
        name=name,
        preprocessing=preprocessing,
        metric=metric,
        dimension=dimension,
        parameters=parameters.name,
        norm_bound=bound,
        threshold=threshold,
        created=clock.seconds(),
        seed=new_seed(parameters),
        origin=origin,
    )
    manifest = authenticator.first_manifest()
    service.create_gallery(authenticator.sign(description), manifest)


def record_origin(session: GallerySession, origin: ModelOrigin) -> None:
    """Store what makes the embeddings of an empty gallery's photos, unless that is known.

    Where it cannot be stored it stays unknown: that takes a token of an administrator, and a server
    that knows this format.
    """
    if session.description.origin is not None:
        return
    former = session.description
    signed = session.authenticator.sign(replace(former, origin=origin))
    with suppress(AccessDeniedError, MalformedMessageError, WriteConflictError):
        session.service.update_description(former.mac, signed)
    session.refresh_description()


def _check(dimension: int, norm_bound: float | None) -> None:
    if not 1 <= dimension <= MAX_DIMENSION:
        raise DimensionMismatchError(f"the dimension must be between 1 and {MAX_DIMENSION}")
    if norm_bound is not None and not (math.isfinite(norm_bound) and norm_bound > 0.0):
        raise GalleryError("the bound of norms must be a positive number")
