"""Checks of the arrays that evaluators are given: without them the kernel would read past them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gallery.arrays import Residues
from gallery.ciphertexts.blocks import EXTRA_COLUMNS
from gallery.errors import DimensionMismatchError, MalformedMessageError, ParameterSetError
from gallery.parameters import LANES, MAX_DIMENSION, ParameterSet

MAX_COLUMNS = MAX_DIMENSION + EXTRA_COLUMNS
"""Most columns of a block."""


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
    count = _check_array("columns", columns, parameters)
    if count > MAX_COLUMNS:
        raise ParameterSetError(f"a block has {count} columns; at most {MAX_COLUMNS} are supported")
    for probe in probes:
        found = _check_array("probe", probe, parameters)
        if found != count:
            raise DimensionMismatchError(f"the probe has {found} columns, the block {count}")
    return count


def _check_array(what: str, array: Residues, parameters: ParameterSet) -> int:
    primes, tiles = len(parameters.data_primes), parameters.tiles
    if array.dtype != np.dtype("<u4"):
        raise MalformedMessageError(f"{what}: residues are {array.dtype}, not uint32")
    shape = array.shape
    if len(shape) != 5 or shape[:2] != (primes, tiles) or shape[3:] != (2, LANES) or not shape[2]:
        raise MalformedMessageError(
            f"{what}: residues have shape {shape}, not ({primes}, {tiles}, columns, 2, {LANES})"
        )
    if not array.flags.c_contiguous:
        raise MalformedMessageError(f"{what}: residues are not contiguous in memory")
    return int(shape[2])
