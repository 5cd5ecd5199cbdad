"""The public matrices of a gallery, expanded from its seed."""

from __future__ import annotations

from typing import Final

import numpy as np

from gallery.arrays import Residues
from gallery.ciphertexts.seeds import SEED_SIZE, UniformStream
from gallery.errors import MalformedMessageError
from gallery.parameters import HintedParameterSet

_BLOCKS: Final = b"columns1"
_PROBES: Final = b"probes 1"


class PublicMatrices:
    """The polynomials a_j of blocks and a'_jl of probes, uniform and public.

    They come from 32 bytes that the owner draws for each gallery: a chosen a could hide a trapdoor,
    and one that many galleries share would make one attack pay for all.

    Parameters
    ----------
    seed
        32 public bytes from the owner's operating system.
    columns
        Columns of a block.
    parameters
        The gallery's parameter set.

    Attributes
    ----------
    blocks
        a, uint32 of shape (primes, tiles, slices, columns, 16).
    probes
        a' by column, uint32 of shape (primes, tiles, columns, rank, 16): a block of ``rank``
        columns whose slices are the probe's columns.
    hints
        a' by rank: ``rank`` arrays of shape (primes, tiles, columns, 16), each as a probe.

    Raises
    ------
    MalformedMessageError
        If the seed has another length.
    """

    def __init__(self, seed: bytes, columns: int, parameters: HintedParameterSet) -> None:
        if len(seed) != SEED_SIZE:
            raise MalformedMessageError(f"a seed has {len(seed)} bytes, not {SEED_SIZE}")
        shape = parameters.block_shape(columns)
        self.blocks: Residues = np.empty(shape, np.uint32)
        self.probes: Residues = np.empty(
            (*shape[:2], columns, parameters.rank, shape[-1]), np.uint32
        )
        for number, prime in enumerate(parameters.data_primes):
            UniformStream(seed, _BLOCKS, number, prime).fill(self.blocks[number])
            UniformStream(seed, _PROBES, number, prime).fill(self.probes[number])
        self.hints = [
            np.ascontiguousarray(self.probes[:, :, :, rank]) for rank in range(parameters.rank)
        ]
