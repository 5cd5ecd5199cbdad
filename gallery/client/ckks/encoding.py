"""CKKS encoding: between the values of positions and the coefficients of a polynomial.

The slot ``i`` of a real polynomial is its value at ``zeta**(3**i)``, with zeta the primitive 2N-th
root of unity ``exp(pi*i/N)`` (SEAL's ``matrix_reps_index_map``; Cheon, Kim, Kim and Song,
"Homomorphic Encryption for Arithmetic of Approximate Numbers", ASIACRYPT 2017). Powers of zeta that
are 3 modulo 4 are the conjugates of powers that are 1 modulo 4, and at ``zeta**(4k + 1)`` the upper
half of the coefficients counts i times the lower. So a complex Fourier transform of half the degree
does all: with ``c_j = a_j + i*a_(j + N/2)`` the value there is the sum of ``c_j * zeta**j *
exp(2*pi*i*j*k / (N/2))``.

Rounding errors are those of double precision, a few times 1e-16 of the largest coefficient, and far
below the noise. The operations do not depend on the values; the time that the processor takes for
its floating-point arithmetic is not promised.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from gallery.arrays import Floats, Integers
from gallery.ciphertexts.blocks import from_slots, to_slots


@dataclass(frozen=True, eq=False)
class Encoder:
    """Encodes and decodes for one ring degree.

    Attributes
    ----------
    twist
        ``zeta**j``; complex, shape (N/2,).
    places
        Where the Fourier transform has each slot; shape (N/2,).
    signs
        1, or -1 where it has its conjugate; shape (N/2,).
    """

    twist: npt.NDArray[np.complex128]
    places: npt.NDArray[np.intp]
    signs: Floats

    def coefficients(self, positions: Floats, scale: float) -> Integers:
        """Encode: shape (n, N), times ``scale``, to the nearest integer coefficients (n, N)."""
        slots = to_slots(positions)
        slots.imag *= self.signs
        values = np.empty_like(slots)
        values[:, self.places] = slots
        # The inverse of the sum in the module's text: NumPy's forward transform, divided by N/2.
        folded = np.fft.fft(values, norm="forward") * self.twist.conj()
        return np.rint(np.concatenate([folded.real, folded.imag], axis=1) * scale).astype(np.int64)

    def positions(self, coefficients: Floats) -> Floats:
        """Decode: coefficients (n, N), of any unit, to positions (n, N) in the same unit."""
        half = coefficients.shape[1] // 2
        folded = coefficients[:, :half] + 1j * coefficients[:, half:]
        # The sum itself: NumPy's inverse transform, without its factor.
        slots = np.fft.ifft(folded * self.twist, norm="forward")[:, self.places]
        slots.imag *= self.signs
        return from_slots(slots)


@cache
def encoder(degree: int) -> Encoder:
    """Return the encoder for a ring degree N, a power of two."""
    half, order = degree // 2, 2 * degree
    exponents, power = np.empty(half, np.intp), 1
    for slot in range(half):
        exponents[slot], power = power, 3 * power % order
    # The transform gives values at powers that are 1 modulo 4; others are their conjugates.
    conjugate = exponents % 4 == 3
    return Encoder(
        twist=np.exp(1j * np.pi * np.arange(half) / degree),
        places=np.where(conjugate, order - exponents, exponents) // 4,
        signs=np.where(conjugate, -1.0, 1.0),
    )
