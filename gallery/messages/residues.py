"""Residues of ciphertexts as messages carry them: 32-bit, little-endian, below their prime."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gallery.errors import MalformedMessageError
from gallery.parameters import ParameterSet

Residues = npt.NDArray[np.uint32]


def check_residues(
    residues: Residues, shape: tuple[int, ...], prime_axis: int, parameters: ParameterSet
) -> None:
    """Check that an array has the shape of the format and that no residue reaches its prime.

    Raises
    ------
    MalformedMessageError
        If it does not. SEAL's own loader is not made for hostile input, so this check stands
        before everything that computes with residues.
    """
    if residues.dtype != np.uint32 or residues.shape != shape:
        raise MalformedMessageError(
            f"residues of shape {residues.shape} and type {residues.dtype}, "
            f"expected shape {shape} and type uint32"
        )
    if not residues.flags.c_contiguous:
        raise MalformedMessageError("residues are not contiguous in memory")
    for index, prime in enumerate(parameters.data_primes):
        if int(residues.take(index, axis=prime_axis).max()) >= prime:
            raise MalformedMessageError(f"a residue is not below its prime {prime}")


def residues_to_bytes(residues: Residues) -> bytes:
    """Return the bytes of an array of residues in C order."""
    return residues.astype("<u4", copy=False).tobytes()


def residues_from_bytes(data: bytes | memoryview, shape: tuple[int, ...]) -> Residues:
    """Return a read-only array over ``data``, which is not copied.

    Raises
    ------
    MalformedMessageError
        If the bytes are not as many as ``shape`` calls for.
    """
    if len(data) != 4 * int(np.prod(shape)):
        raise MalformedMessageError(
            f"residues of shape {shape} take {4 * int(np.prod(shape))} bytes, found {len(data)}"
        )
    found: Residues = np.frombuffer(data, dtype="<u4").reshape(shape)
    return found
