"""The layout of the hinted scheme's ciphertexts: columns, probes, results and hints.

An element of R stands in the transform domain: N values, the value at ``psi**(2k + 1)`` at the
bit-reversal of ``k``, as SEAL has it. An element of R' has n values in the same order under
``psi**m``. Value ``i`` of R belongs to point ``i // m`` of R' and is of slice ``i % m``: a product
with an element of R' multiplies all m values of a point by the one of that element.

Sixteen points make a tile. Residues lie in the order in which a scan reads them: by prime, tile,
slice, column, and within a column sixteen points.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gallery.arrays import Residues
from gallery.ciphertexts.product_kernel import columns_per_fold, multiply, multiply_pairs
from gallery.errors import MalformedMessageError
from gallery.parameters import LANES, HintedParameterSet

Shape = tuple[int, ...]
Addresses = npt.NDArray[np.intp]


def sums_of_products(
    blocks: Sequence[Residues], probes: Sequence[Residues], parameters: HintedParameterSet
) -> Residues:
    """Return for each block and each probe the sums over columns of their products.

    Parameters
    ----------
    blocks
        Each uint32 of shape (primes, tiles, slices, columns, 16), contiguous; any number of slices.
        At least one.
    probes
        Each uint32 of shape (primes, tiles, columns, 16), contiguous. At least one.
    parameters
        Gives the primes.

    Returns
    -------
    numpy.ndarray
        uint32 of shape (blocks, probes, primes, tiles, slices, 16), each residue below its prime.

    Raises
    ------
    MalformedMessageError
        If a shape or type does not fit, or a residue is not below its prime.
    """
    primes, tiles, slices, columns, lanes = _common_shape(blocks, 5)
    if _common_shape(probes, 4) != (primes, tiles, columns, lanes) or not (slices and columns):
        raise MalformedMessageError("blocks and probes have shapes that do not fit together")
    _check_layout(primes, tiles, lanes, parameters)
    sums = np.empty((len(blocks), len(probes), primes, tiles, slices, lanes), np.uint32)
    bad = multiply(
        *(addresses(arrays) for arrays in (blocks, probes)),
        _neighbours(sums, len(blocks) * len(probes)),
        *_constants(parameters),
        tiles,
        slices,
        columns,
        0,
        primes * tiles,
    )
    if bad:
        raise MalformedMessageError("a residue is not below its prime")
    return sums


def weighted_sum(
    results: Sequence[Residues], weights: Sequence[Residues], parameters: HintedParameterSet
) -> Residues:
    """Return the sum of results over all slices, each slice times a weight.

    Parameters
    ----------
    results
        Each uint32 of shape (primes, tiles, slices, 16), contiguous.
    weights
        For each, uint32 of shape (primes, slices).
    parameters
        Gives the primes.

    Returns
    -------
    numpy.ndarray
        uint32 of shape (primes, tiles, 16), each residue below its prime.

    Raises
    ------
    MalformedMessageError
        If a shape or type does not fit, or a residue is not below its prime.
    """
    count = len(results)
    if not count:
        return np.zeros((len(parameters.data_primes), parameters.tiles, LANES), np.uint32)
    primes, tiles, slices, lanes = _common_shape(results, 4)
    if len(weights) != count or any(one.shape != (primes, slices) for one in weights):
        raise MalformedMessageError("results and weights have shapes that do not fit together")
    _check_layout(primes, tiles, lanes, parameters)
    factors = np.repeat(np.stack(weights)[..., None], LANES, axis=-1)
    sums = np.empty((primes, tiles, count, lanes), np.uint32)
    places = sums.ctypes.data + 4 * LANES * np.arange(count, dtype=np.intp)
    found = addresses(results), _neighbours(factors, count), places
    if multiply_pairs(*found, *_constants(parameters), tiles, slices):
        raise MalformedMessageError("a residue is not below its prime")
    total: Residues = sums_of_products([sums[:, :, None]], [np.ones_like(sums)], parameters)
    return total.reshape(primes, tiles, lanes)


def addresses(arrays: Sequence[Residues]) -> Addresses:
    """Return the addresses of arrays, for compiled functions; the caller keeps the arrays alive.

    With addresses instead of arrays, one compiled version serves writable, read-only and unaligned
    buffers alike.
    """
    return np.array([array.ctypes.data for array in arrays], np.intp)


def _neighbours(residues: Residues, count: int) -> Addresses:
    """Return the addresses of so many parts of equal size that an array consists of."""
    return residues.ctypes.data + residues.nbytes // count * np.arange(count, dtype=np.intp)


def _constants(
    parameters: HintedParameterSet,
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.intp]]:
    """Return the primes, and how many columns each allows between reductions."""
    most = [columns_per_fold(p) for p in parameters.data_primes]
    return np.array(parameters.data_primes, np.uint64), np.array(most, np.intp)


def _common_shape(arrays: Sequence[Residues], axes: int) -> Shape:
    shapes = {array.shape for array in arrays}
    if (
        len(shapes) != 1
        or len(shape := shapes.pop()) != axes
        or any(a.dtype != np.dtype("<u4") or not a.flags.c_contiguous for a in arrays)
    ):
        raise MalformedMessageError("residues are not contiguous uint32 of one shape")
    return shape


def _check_layout(primes: int, tiles: int, lanes: int, parameters: HintedParameterSet) -> None:
    if (primes, tiles, lanes) != (len(parameters.data_primes), parameters.tiles, LANES):
        raise MalformedMessageError(f"residues are not of parameter set {parameters.name!r}")
