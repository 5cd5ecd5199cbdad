"""The CKKS secret key as the native backend uses it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gallery.arrays import Residues
from gallery.client.ckks.seal_secret_key import parse_secret_key, secret_key_stream
from gallery.client.keys.secrets import GalleryKey, Secret
from gallery.client.ring import residue_kernels
from gallery.client.ring.ntt import transforms, with_quotients
from gallery.errors import MalformedMessageError
from gallery.parameters import CkksParameterSet


class SecretKey(Secret):
    """A secret polynomial s with coefficients -1, 0 and 1, in SEAL's NTT order.

    Making one is not constant-time: the key is decompressed, and its quotients are divisions, which
    some processors do faster for some numbers. It happens once for each codec.

    Parameters
    ----------
    residues
        uint32 of shape (primes, N), each below its prime.
    parameters
        The parameter set that it is for.

    Attributes
    ----------
    powers
        By prime, uint32 of shape (2, 2, N): s and its quotients, s**2 and its quotients.

    Raises
    ------
    MalformedMessageError
        If they are not the residues of such a polynomial: of another key, other primes or order.
    """

    def __init__(self, residues: Residues, parameters: CkksParameterSet) -> None:
        _check_ternary(residues, parameters)
        self.powers = [
            np.stack([with_quotients(s, prime), with_quotients(_square(s, prime), prime)])
            for s, prime in zip(residues, parameters.data_primes, strict=True)
        ]

    @classmethod
    def of(cls, key: GalleryKey, parameters: CkksParameterSet) -> SecretKey:
        """Read the secret key for a parameter set out of TenSEAL's context, without TenSEAL.

        Raises
        ------
        ParameterSetError
            If the key was made before that parameter set existed.
        MalformedMessageError
            If the context is of another version of TenSEAL, or damaged.
        """
        stream = secret_key_stream(key.serialized_context(parameters))
        return cls(parse_secret_key(stream, parameters), parameters)


def _square(s: Residues, prime: int) -> npt.NDArray[np.uint64]:
    wide = s.astype(np.uint64)
    return wide * wide % np.uint64(prime)


def _check_ternary(residues: Residues, parameters: CkksParameterSet) -> None:
    for s, transform in zip(residues, transforms(parameters), strict=True):
        work = np.zeros(residue_kernels.WIDTH * s.size, np.uint32)
        work[:: residue_kernels.WIDTH] = s
        # One more than -1, 0 or 1.
        transform.inverse(work, addend=1)
        if (work > 2).any():
            raise MalformedMessageError(
                f"the key's secret for parameter set {parameters.name!r} is not one; "
                "restore the key file from a copy"
            )
