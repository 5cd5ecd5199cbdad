"""Encrypted distances, computed without any key: ciphertexts in, ciphertexts out.

The native evaluator computes both schemes, SEAL's the CKKS sets, and of those the two give the same
bits. Neither numba nor TenSEAL is imported before an evaluator is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gallery.arrays import Residues
from gallery.backends import Backend, find_backend
from gallery.parameters import ParameterSet


class Evaluator(Protocol):
    """Computes the encrypted distances of a block's templates to probes.

    Blocks, probes and results are C-contiguous little-endian uint32 arrays of the shapes that the
    parameter set gives (``block_shape``, ``probe_shape``, ``result_shape``). Blocks and probes may
    be read-only and start at any byte; they are read where they lie. What is computed is the
    scheme's:

    * Of a CKKS set, a ciphertext of three polynomials in SEAL's NTT order. With a column (c0, c1)
      and a probe's constant (d0, d1) they are the sums over the columns of ``c0*d0``,
      ``c0*d1 + c1*d0`` and ``c1*d1``.
    * Of a hinted set, the sums over the columns of ``c*y``, with a column c of N residues and a
      probe's constant y of n: the residues of y meet those of each slice of c.

    All methods raise `MalformedMessageError` for an array of another type, shape or order, and for
    a residue that is not below its prime; `DimensionMismatchError` if blocks and probes do not all
    have the same number of columns; and `ParameterSetError` if there are more columns than
    embeddings of `gallery.parameters.MAX_DIMENSION` values have, or if the evaluator does not
    compute the parameter set's scheme.
    """

    def distances(self, columns: Residues, probe: Residues, parameters: ParameterSet) -> Residues:
        """Return the distances to one probe.

        Returns
        -------
        numpy.ndarray
            uint32 of the shape ``parameters.result_shape``.
        """

    def distances_many(
        self, columns: Residues, probes: Sequence[Residues], parameters: ParameterSet
    ) -> Residues:
        """Return the distances to several probes, faster than one by one.

        Returns
        -------
        numpy.ndarray
            uint32 of shape (probes, *parameters.result_shape).
        """

    def distances_of_blocks(
        self, blocks: Sequence[Residues], probes: Sequence[Residues], parameters: ParameterSet
    ) -> list[list[Residues]]:
        """Return the distances of several blocks to several probes, faster than block by block.

        Returns
        -------
        list of list of numpy.ndarray
            For each block, for each probe, uint32 of the shape ``parameters.result_shape``. Each
            array has memory of its own: keeping one does not keep the others.
        """


def make_evaluator(backend: str = Backend.NATIVE, *, threads: int | None = None) -> Evaluator:
    """Make an evaluator.

    Parameters
    ----------
    backend : str
        ``"native"`` or ``"seal"``, which computes CKKS sets alone.
    threads : int, optional
        Threads of the native kernel; all usable processor cores without it. SEAL's has one.

    Returns
    -------
    Evaluator

    Raises
    ------
    GalleryError
        If there is no such backend, or ``threads`` is below 1.
    """
    if find_backend(backend) is Backend.SEAL:
        from gallery.evaluator.seal import SealEvaluator

        return SealEvaluator()
    from gallery.evaluator.native import NativeEvaluator

    return NativeEvaluator(threads)
