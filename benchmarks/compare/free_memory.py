"""The memory that a gallery's scan takes, against what is free."""

from __future__ import annotations

import psutil

from gallery.arrays import residue_bytes
from gallery.parameters import ParameterSet

_SPARE = 1.25
"""Part of the free memory that a gallery has to leave: what else a scan takes, and the system."""


def blocks_size(parameters: ParameterSet, dimension: int, references: int) -> float:
    """Return the bytes of the blocks of a gallery of vectors of norm 1."""
    columns = parameters.column_count(dimension, normalized=True)
    block = residue_bytes(parameters.block_shape(columns))
    return references / parameters.poly_modulus_degree * block


def lacking(blocks: float, dimension: int, references: int, name: str) -> str | None:
    """Say what there is too little memory for: blocks of this size and an index in clear.

    None if there is enough.
    """
    needed = _SPARE * (blocks + 4 * references * dimension)
    free = int(psutil.virtual_memory().available)
    if needed <= free:
        return None
    return (
        f"{references:,} references of d = {dimension}, {name}: "
        f"{needed / 1e9:.1f} GB needed, {free / 1e9:.1f} GB free"
    )
