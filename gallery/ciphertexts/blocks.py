"""The layout of a block: positions, columns, and where each lies in an array.

A *block* has one position for each of the N real values that fit into the N/2 complex slots of a
ciphertext: position ``i`` is slot ``i mod N/2``, the real part for ``i < N/2`` and the imaginary
part above. Two positions, one in each half, are reserved for canaries; the others hold references.

A block of dimension ``d`` has ``d + 2`` *columns*, each of which becomes one ciphertext: the ``d``
values, the squared norm, and the occupancy, the last two divided by a constant weight ``w`` (see
`gallery.parameters.NORM_WEIGHT`). A probe is ``d + 2`` constants. Slot by slot, with the template
``g`` and the probe vector ``q``::

    sum_j column_j * probe_j = -2 <g, q> + (|g|^2 / w) * w + (1 / w) * w |q|^2 = |g - q|^2

Everything here is plain arrays: nothing is encrypted or decrypted.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gallery.arrays import Floats
from gallery.errors import DimensionMismatchError
from gallery.parameters import LANES, MAX_DIMENSION, NORM_WEIGHT, CkksParameterSet, ParameterSet

Positions = npt.NDArray[np.intp]

EXTRA_COLUMNS = 2
"""Columns beside the values of a template: squared norm and occupancy."""

CANARIES = 2
"""Positions of a block that hold no reference."""


def column_count(dimension: int) -> int:
    """Return the number of columns of a block for embeddings of ``dimension`` values."""
    return dimension + EXTRA_COLUMNS


def position_count(parameters: ParameterSet) -> int:
    """Return the number of positions of a block, canaries included."""
    return parameters.poly_modulus_degree


def capacity(parameters: ParameterSet) -> int:
    """Return the number of references that fit into a block."""
    return position_count(parameters) - CANARIES


def canary_positions(parameters: ParameterSet) -> Positions:
    """Return the reserved positions: the last slot's real and its imaginary part; shape (2,)."""
    count = position_count(parameters)
    return np.array([count // 2 - 1, count - 1], dtype=np.intp)


def reference_positions(parameters: ParameterSet) -> Positions:
    """Return all positions that may hold a reference, ascending; shape (capacity,)."""
    return np.delete(np.arange(position_count(parameters)), canary_positions(parameters))


def columns_shape(dimension: int, parameters: CkksParameterSet) -> tuple[int, ...]:
    """Return the shape of a block's or a probe's residues: (prime, tile, column, polynomial, lane).

    Coefficient ``i`` (in SEAL's order) lies in tile ``i // LANES``, lane ``i % LANES``. This is the
    order in which the scan reads memory, so that a stored block is scanned as it is.

    Raises
    ------
    DimensionMismatchError
        If ``dimension`` is below 1 or above `MAX_DIMENSION`.
    """
    if not 1 <= dimension <= MAX_DIMENSION:
        raise DimensionMismatchError(
            f"embeddings of {dimension} values are not supported; "
            f"the dimension must be between 1 and {MAX_DIMENSION}"
        )
    return parameters.block_shape(column_count(dimension))


def distances_shape(parameters: CkksParameterSet) -> tuple[int, ...]:
    """Return the shape of a block's encrypted distances: (polynomial, prime, coefficient)."""
    return parameters.result_shape


def empty_columns(dimension: int, parameters: CkksParameterSet) -> Floats:
    """Return the columns of a block without references; shape (d + 2, positions).

    An empty position has a zero template, occupancy 0 and the sentinel as squared norm, so that
    its distance to every probe is the sentinel, farther than any two vectors of norm 1 can be.
    """
    columns = np.zeros((column_count(dimension), position_count(parameters)))
    columns[dimension] = parameters.sentinel / NORM_WEIGHT
    return columns


def place(columns: Floats, positions: Positions, templates: Floats) -> None:
    """Write ``templates``, shape (n, d) and norms of at most 1, into a block's columns in place."""
    dimension = templates.shape[1]
    columns[:dimension, positions] = templates.T
    columns[dimension, positions] = np.einsum("nd,nd->n", templates, templates) / NORM_WEIGHT
    columns[dimension + 1, positions] = 1.0 / NORM_WEIGHT


def clear(columns: Floats, positions: Positions, parameters: CkksParameterSet) -> None:
    """Empty the given positions of a block's columns in place."""
    columns[:, positions] = 0.0
    columns[-EXTRA_COLUMNS, positions] = parameters.sentinel / NORM_WEIGHT


def probe_constants(vector: Floats) -> Floats:
    """Return the constants, shape (d + 2,), of a probe: a vector (d,) of norm at most 1."""
    return np.concatenate([-2.0 * vector, [NORM_WEIGHT, NORM_WEIGHT * float(vector @ vector)]])


def to_slots(positions: Floats) -> npt.NDArray[np.complex128]:
    """Return the complex slots, shape (..., N/2), that hold the values of (..., N) positions."""
    half = positions.shape[-1] // 2
    return positions[..., :half] + 1j * positions[..., half:]


def from_slots(slots: npt.NDArray[np.complex128]) -> Floats:
    """Return the values of the positions, shape (..., N), out of (..., N/2) complex slots."""
    return np.concatenate([slots.real, slots.imag], axis=-1)


def to_tiles(residues: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Return ciphertexts (column, polynomial, prime, coefficient) in the layout at rest."""
    columns, polynomials, primes, degree = residues.shape
    tiled = residues.reshape(columns, polynomials, primes, degree // LANES, LANES)
    # (column, polynomial, prime, tile, lane) becomes (prime, tile, column, polynomial, lane).
    return np.ascontiguousarray(tiled.transpose(2, 3, 0, 1, 4))


def from_tiles(tiled: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Return the ciphertexts of a block, shape (column, polynomial, prime, coefficient)."""
    primes, tiles, columns, polynomials, lanes = tiled.shape
    # (prime, tile, column, polynomial, lane) becomes (column, polynomial, prime, tile, lane).
    ordered = tiled.transpose(2, 3, 0, 1, 4)
    return np.ascontiguousarray(ordered).reshape(columns, polynomials, primes, tiles * lanes)
