"""The release of distances: rounded, without the digits that hold noise.

CKKS is approximate, and its noise depends on the key: distances released with all digits would
help an attacker who also sees the ciphertexts (Li and Micciancio, EUROCRYPT 2021). Cutting off the
digits that noise reaches is a precaution, not a proof.
"""

from __future__ import annotations

import numpy as np

from gallery.arrays import Floats
from gallery.distances import Metric
from gallery.messages import GalleryDescription
from gallery.parameters import find_parameters

DECIMALS = 4
"""Most decimals of a released distance; thresholds of face models have two or three."""

MARGIN = 4.0
"""The factor by which the last released digit must exceed the largest error."""


def largest_errors(distances: Floats, description: GalleryDescription) -> Floats:
    """Return the largest errors of distances, in units of the gallery's metric; same shape.

    A root magnifies an error near zero: that of ``sqrt(x)`` is ``error / (2 sqrt(x))``, and the
    root of the error itself at 0.
    """
    error = find_parameters(description.parameters).max_distance_error(description.dimension)
    if description.metric is Metric.COSINE:
        return np.full_like(distances, error / 2.0)
    relative = np.abs(distances) / description.norm_bound
    roots: Floats = error / np.maximum(2.0 * relative, np.sqrt(error))
    return roots * description.norm_bound


def release(distances: Floats, description: GalleryDescription) -> Floats:
    """Round distances to `DECIMALS`, or to fewer where the noise reaches higher.

    Parameters
    ----------
    distances
        In units of the gallery's metric, any shape; infinite ones stay.
    description
        The gallery.

    Returns
    -------
    ndarray of float64
        The same shape; each a multiple of a power of ten of at least `MARGIN` times its error.
    """
    errors = MARGIN * largest_errors(np.asarray(distances, dtype=np.float64), description)
    with np.errstate(divide="ignore"):
        places = np.clip(np.floor(-np.log10(errors)), -6, DECIMALS)
    steps = 10.0**-places
    # Divided by a whole number, so that 0.3 is printed as 0.3.
    rounded: Floats = np.where(
        places >= 0,
        np.rint(distances * 10.0**places) / 10.0 ** np.maximum(places, 0),
        np.rint(distances / steps) * steps,
    )
    return rounded
