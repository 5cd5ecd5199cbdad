"""Templates: embeddings that are checked, scaled, and rounded to the grid, to be encrypted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gallery.arrays import Floats
from gallery.errors import DimensionMismatchError, InvalidEmbeddingError
from gallery.hints import Hint
from gallery.messages import GalleryDescription
from gallery.parameters import ParameterSet


def check_embeddings(embeddings: npt.ArrayLike, description: GalleryDescription) -> Floats:
    """Check embeddings against a gallery.

    Parameters
    ----------
    embeddings
        Array of shape (n, d) of real numbers, or (d,) for one.
    description
        The gallery that they are for.

    Returns
    -------
    ndarray of float64, shape (n, d)
        The same values.

    Raises
    ------
    InvalidEmbeddingError
        If they are not numbers, of another shape, NaN, infinite, zero, or beyond the gallery's
        bound of norms. The message names the first row at fault.
    DimensionMismatchError
        If they have another dimension than the gallery.
    """
    try:
        given = np.asarray(embeddings)
    except ValueError as error:
        raise InvalidEmbeddingError("embeddings must be an array of shape (n, d)") from error
    if given.ndim not in (1, 2) or given.dtype.kind not in "fiu":
        raise InvalidEmbeddingError(
            f"embeddings must be real numbers of shape (n, d); "
            f"found shape {given.shape} and type {given.dtype}"
        )
    with np.errstate(over="ignore"):
        found = np.atleast_2d(given).astype(np.float64)
    if found.shape[1] != description.dimension:
        raise DimensionMismatchError(
            f"embeddings of {found.shape[1]} values do not fit gallery {description.name!r}, "
            f"which holds embeddings of {description.dimension}"
        )
    _check_rows(found, description)
    return found


def _check_rows(found: Floats, description: GalleryDescription) -> None:
    _refuse_first(np.logical_not(np.isfinite(found)).any(axis=1), "holds NaN or infinite values")
    with np.errstate(over="ignore", under="ignore"):
        norms = np.linalg.norm(found, axis=1)
    # Below this the squares that a norm is made of lose their precision, or vanish.
    _refuse_first(np.less(norms, 1e-150), "is zero: a face model never gives that")
    _refuse_first(~np.isfinite(norms), "is too large to compute with")
    if not description.metric.normalizes:
        _refuse_first(
            np.greater(norms, description.norm_bound),
            f"has a norm above this gallery's bound of {description.norm_bound:g}",
            Hint.MAKE_GALLERY_OF_HIGHER_BOUND,
        )


def _refuse_first(refused: npt.ArrayLike, reason: str, hint: Hint | None = None) -> None:
    if np.any(refused):
        raise InvalidEmbeddingError(f"embedding {int(np.argmax(refused))} {reason}", hint=hint)


def to_vectors(embeddings: Floats, description: GalleryDescription) -> Floats:
    """Scale checked embeddings, shape (n, d), to vectors of norm at most 1."""
    if description.metric.normalizes:
        scaled: Floats = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
        return scaled
    return embeddings / description.norm_bound


def round_to_grid(vectors: Floats, parameters: ParameterSet) -> Floats:
    """Round vectors to multiples of the parameter set's grid step.

    The step is so much coarser than the noise of a fresh encryption that what is decrypted rounds
    back to exactly what was encrypted. A block can thus be opened and encrypted anew, to add or to
    erase references, any number of times without drift.
    """
    rounded: Floats = np.rint(vectors / parameters.template_grid) * parameters.template_grid
    return rounded
