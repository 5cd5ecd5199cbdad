"""Probes of the hinted scheme: encrypted once, and their results opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from gallery.arrays import Floats, Integers, Residues
from gallery.ciphertexts.columns import addresses, sums_of_products
from gallery.ciphertexts.product_kernel import columns_per_fold
from gallery.client.hinted import mask_kernels
from gallery.client.hinted.block_cipher import out_of_work_order
from gallery.client.hinted.derivation import ProbeKey
from gallery.client.hinted.matrices import PublicMatrices
from gallery.client.hinted.residue_arithmetic import added, negative
from gallery.client.keys.secrets import Secret
from gallery.client.ring import residue_kernels
from gallery.client.ring.crt import AS_COMPOSED, CrtComposer, NumberForm
from gallery.client.ring.noise import NoiseSource
from gallery.client.ring.ntt import Transform, make_transform, minimal_root, with_quotients
from gallery.errors import InvalidEmbeddingError, MalformedMessageError, ParameterSetError
from gallery.parameters import LANES, HintedParameterSet
from gallery.parameters.base import Shape

_WIDTH = residue_kernels.WIDTH
_STORED = np.dtype("<u4")


@dataclass(frozen=True, eq=False)
class ProbeSecret(Secret):
    """The secret that opens the results of one probe.

    Attributes
    ----------
    minus_t
        -t, uint32 of shape (primes, tiles, rank, 16): a probe for hints.
    masks
        -W, with W = sum(a_j * p_j), uint32 of shape (primes, tiles, slices, 16).
    """

    minus_t: Residues
    masks: Residues

    __repr__ = Secret.__repr__


@dataclass(frozen=True, eq=False)
class OpenedBlock(Secret):
    """The secret and the hint of one block version, with which the owner opens results of it.

    Attributes
    ----------
    mask
        s, uint32 of shape (primes, tiles, slices, 16).
    hint
        uint32 of shape (primes, tiles, slices, rank, 16).
    places
        Addresses of both, looked up once: that takes longer than opening a few hundred references.

    Raises
    ------
    MalformedMessageError
        If compiled code cannot read one of them as it lies.
    """

    mask: Residues
    hint: Residues
    places: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        _check([self.mask], self.mask.shape)
        _check([self.hint], self.hint.shape)
        object.__setattr__(self, "places", (self.mask.ctypes.data, self.hint.ctypes.data))

    __repr__ = Secret.__repr__


class ProbeCipher(Secret):
    """Encrypts the probes of one gallery and opens their results.

    Parameters
    ----------
    key
        Derives the probes' secrets.
    matrices
        The gallery's public matrices.
    parameters
        The gallery's parameter set.
    """

    def __init__(
        self, key: ProbeKey, matrices: PublicMatrices, parameters: HintedParameterSet
    ) -> None:
        self._key, self._matrices, self._parameters = key, matrices, parameters
        # Each point of a result is opened with so many products, which are summed up in 64 bits.
        if parameters.rank >= min(map(columns_per_fold, parameters.data_primes)):
            raise ParameterSetError(f"parameter set {parameters.name!r} has too high a rank")
        self._composer = CrtComposer(parameters)
        self._transforms = [_probe_transform(parameters, p) for p in parameters.data_primes]

    def encrypt(self, constants: Floats) -> tuple[Residues, ProbeSecret]:
        """Encrypt the constants of a probe, shape (columns,), each of at most 1.

        Returns
        -------
        tuple of ndarray and ProbeSecret
            The residues to send, uint32 of shape (primes, tiles, columns, 16), and the secret that
            opens their results.

        Raises
        ------
        InvalidEmbeddingError
            If a value is NaN, or its absolute value above 1.
        """
        parameters = self._parameters
        if constants.size and not np.abs(constants).max() <= 1.0:
            raise InvalidEmbeddingError(
                "a value is NaN or above 1; vectors have norms of at most 1"
            )
        integers = np.rint(constants * parameters.probe_scale).astype(np.int64)
        t, noise = self._key.draw(integers.astype("<i8").tobytes())
        plain = self._transformed(integers, noise)
        masked = sums_of_products([self._matrices.probes], [t], parameters)
        sent = added(masked.reshape(plain.shape), plain, parameters)
        products = sums_of_products([self._matrices.blocks], [plain], parameters)[0, 0]
        return sent, ProbeSecret(negative(t, parameters), negative(products, parameters))

    def _transformed(self, integers: Integers, noise: NoiseSource) -> Residues:
        """Return p in the transform domain: one constant, and noise, for each column."""
        parameters, count = self._parameters, len(integers)
        plain = np.empty(parameters.probe_shape(count), np.uint32)
        work = np.empty(_WIDTH * parameters.probe_degree, np.uint32)
        for first in range(0, count, _WIDTH):
            # A constant is a polynomial of one coefficient; the others are zero.
            constants = np.zeros(_WIDTH, np.int64)
            some = integers[first : first + _WIDTH]
            constants[: len(some)] = some
            drawn = noise.draw(work.size)
            for number, transform in enumerate(self._transforms):
                reduction = transform.reduction, transform.offset
                residue_kernels.reduce(constants, drawn, *reduction, work)
                transform.forward(work)
                one = with_quotients(1, int(transform.prime))
                residue_kernels.scale(work, *one, np.uint32(0), transform.prime)
                rows = out_of_work_order(work.view(np.int32)).view(np.uint32)
                tiled = rows.reshape(_WIDTH, -1, LANES).transpose(1, 0, 2)
                plain[number, :, first : first + len(some)] = tiled[:, : len(some)]
        return plain

    def open(
        self,
        secret: ProbeSecret,
        results: Sequence[Residues],
        blocks: Sequence[OpenedBlock],
        out: Floats | None = None,
        form: NumberForm = AS_COMPOSED,
    ) -> Floats:
        """Open the results of one probe.

        Parameters
        ----------
        secret
            The probe's.
        results
            One for each block, uint32 of shape (primes, tiles, slices, 16), checked.
        blocks
            The blocks that they are of.
        out
            Where the result is written, float64 of its shape, each row contiguous.
        form
            The affine map of inner products.

        Returns
        -------
        ndarray of float64, shape (blocks, positions)
            The inner products of the probe's constants with the columns at each position, from -1.2
            to 1.2, in the given form.

        Raises
        ------
        MalformedMessageError
            If an array is not one that is opened, or a residue of a hint not below its prime.
        """
        parameters, count = self._parameters, len(results)
        degree, primes = parameters.poly_modulus_degree, parameters.data_primes
        found = np.empty((count, degree)) if out is None else out
        _check(results, parameters.result_shape)
        shapes = parameters.result_shape, parameters.hint_shape
        if len(blocks) != count or any(
            (block.mask.shape, block.hint.shape) != shapes for block in blocks
        ):
            raise MalformedMessageError(
                "there is not a block of this parameter set for each result"
            )
        # Arrays that meet in a phase; each holds the residues under the first prime, then others.
        masks, hints = np.array([block.places for block in blocks], np.intp).reshape(-1, 2).T.copy()
        tables = [
            (addresses(results), 4 * degree),
            (hints, 4 * degree * parameters.rank),
            (masks, 4 * degree),
        ]
        works = [np.empty(_WIDTH * degree, np.uint32) for _ in primes]
        scaled = replace(form, divisor=parameters.column_scale * parameters.probe_scale)
        valid = True
        for first in range(0, count, _WIDTH):
            lanes = min(_WIDTH, count - first)
            for number, work in enumerate(works):
                some = [table[first : first + lanes] + number * plane for table, plane in tables]
                probe = secret.minus_t[number], secret.masks[number]
                prime = np.uint32(primes[number])
                valid &= mask_kernels.open_results(*some, *probe, work, prime)
            self._composer.compose(works, lanes, found[first : first + lanes], scaled)
        if not valid:
            raise MalformedMessageError("a residue of a hint is not below its prime")
        return found


def _check(arrays: Sequence[Residues], shape: Shape) -> None:
    """Check that compiled code may read these arrays as they lie (`MalformedMessageError`)."""
    for residues in arrays:
        if residues.shape != shape or residues.dtype != _STORED or not residues.flags.c_contiguous:
            raise MalformedMessageError(
                f"residues are {residues.dtype} of shape {residues.shape}, not of shape {shape}"
            )


def _probe_transform(parameters: HintedParameterSet, prime: int) -> Transform:
    root = pow(minimal_root(parameters.poly_modulus_degree, prime), parameters.slices, prime)
    return make_transform(parameters.probe_degree, prime, root)
