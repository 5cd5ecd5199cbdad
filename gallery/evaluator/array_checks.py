"""Checks of the arrays that evaluators are given: without them the kernel would read past them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gallery.arrays import Residues
from gallery.errors import DimensionMismatchError, MalformedMessageError, ParameterSetError
from gallery.parameters import MAX_DIMENSION, ParameterSet

_ANY = -1
"""Stands for the number of columns in a shape."""


def check_arrays(columns: Residues, probes: Sequence[Residues], parameters: ParameterSet) -> int:
    """Check types, shapes and order of a block's columns and of probes; not their values.

    Returns
    -------
    int
        Number of columns.

    Raises
    ------
    MalformedMessageError, DimensionMismatchError, ParameterSetError
        As `gallery.evaluator.Evaluator` says.
    """
    count = _check_array("columns", columns, parameters.block_shape)
    most = parameters.column_count(MAX_DIMENSION, normalized=False)
    if count > most:
        raise ParameterSetError(f"a block has {count} columns; at most {most} are supported")
    for probe in probes:
        found = _check_array("probe", probe, parameters.probe_shape)
        if found != count:
            raise DimensionMismatchError(f"the probe has {found} columns, the block {count}")
    return count


def _check_array(what: str, array: Residues, shape_of: Callable[[int], tuple[int, ...]]) -> int:
    """Check an array against the shape that the parameter set gives; return its columns."""
    if array.dtype != np.dtype("<u4"):
        raise MalformedMessageError(f"{what}: residues are {array.dtype}, not uint32")
    general = shape_of(_ANY)
    axis = general.index(_ANY)
    count = array.shape[axis] if array.ndim == len(general) else 0
    if not count or array.shape != shape_of(count):
        wanted = ", ".join("columns" if size == _ANY else str(size) for size in general)
        raise MalformedMessageError(
            f"{what}: residues have shape {array.shape}, not ({wanted}) with at least one column"
        )
    if not array.flags.c_contiguous:
        raise MalformedMessageError(f"{what}: residues are not contiguous in memory")
    return int(count)
