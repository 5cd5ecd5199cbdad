"""SEAL's own evaluator, the oracle for CKKS sets: slow, simple, and not of this project.

SEAL reads and writes ciphertexts only as files. They go to a temporary directory, in memory where
the system has such a thing; they hold ciphertext, nothing secret.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tenseal.sealapi as seal

from gallery.arrays import Residues
from gallery.ciphertexts.blocks import from_tiles
from gallery.ciphertexts.seal_stream import build_ciphertext, parse_ciphertext, read_version
from gallery.errors import DimensionMismatchError, MalformedMessageError, ParameterSetError
from gallery.evaluator.array_checks import check_arrays
from gallery.hints import Hint
from gallery.parameters import CkksParameterSet, ParameterSet

_MEMORY = Path("/dev/shm")  # noqa: S108 - only for folders that mkdtemp makes


@dataclass(frozen=True)
class SealSetup:
    """A SEAL context without any key, and the version of the streams that this SEAL reads."""

    context: Any
    version: tuple[int, int]


@cache
def seal_setup(parameters: CkksParameterSet) -> SealSetup:
    """Make SEAL's context for a parameter set.

    Parameters
    ----------
    parameters : CkksParameterSet

    Returns
    -------
    SealSetup
    """
    degree = parameters.poly_modulus_degree
    made = seal.EncryptionParameters(seal.SCHEME_TYPE.CKKS)
    made.set_poly_modulus_degree(degree)
    made.set_coeff_modulus(seal.CoeffModulus.Create(degree, list(parameters.coeff_mod_bit_sizes)))
    levels = seal.SEC_LEVEL_TYPE
    level = levels.NONE if parameters.is_insecure else levels.TC128
    with _directory() as folder:
        path = folder / "parameters"
        made.save(str(path))
        return SealSetup(seal.SEALContext(made, True, level), read_version(path.read_bytes()))


def load_ciphertexts(
    tiled: npt.NDArray[np.uint32], parameters: CkksParameterSet, scale: float
) -> list[Any]:
    """Make SEAL ciphertexts of a block's columns or of a probe.

    Parameters
    ----------
    tiled : numpy.ndarray
        uint32 of shape (primes, tiles, columns, 2, 16).
    parameters : CkksParameterSet
    scale : float
        CKKS scale.

    Returns
    -------
    list of tenseal.sealapi.Ciphertext

    Raises
    ------
    MalformedMessageError
        If a residue is not below its prime, or SEAL refuses a ciphertext.
    """
    setup = seal_setup(parameters)
    loaded = []
    with _directory() as folder:
        path = folder / "ciphertext"
        for residues in from_tiles(tiled):
            path.write_bytes(build_ciphertext(residues, parameters, scale, setup.version))
            ciphertext = seal.Ciphertext(setup.context)
            _refusable(ciphertext.load, setup.context, str(path))
            loaded.append(ciphertext)
    return loaded


class SealEvaluator:
    """Computes encrypted distances of CKKS sets with SEAL's ``multiply`` and ``add_many``.

    Other parameter sets raise `ParameterSetError`.

    SEAL refuses to compute a ciphertext that hides nothing (all of its polynomials but the first
    are zero). Such columns, which no encryption makes, raise `MalformedMessageError` here, and here
    only.
    """

    def distances(self, columns: Residues, probe: Residues, parameters: ParameterSet) -> Residues:
        """Return the distances to one probe; see `gallery.evaluator.Evaluator`."""
        sums: Residues = self.distances_many(columns, [probe], parameters)[0]
        return sums

    def distances_many(
        self, columns: Residues, probes: Sequence[Residues], parameters: ParameterSet
    ) -> Residues:
        """Return the distances to several probes; see `gallery.evaluator.Evaluator`."""
        known = _known(parameters)
        check_arrays(columns, probes, known)
        loaded = load_ciphertexts(columns, known, known.column_scale)
        sums = np.zeros((len(probes), *known.result_shape), np.uint32)
        for row, probe in zip(sums, probes, strict=True):
            constants = load_ciphertexts(probe, known, known.probe_scale)
            row[:] = _sum_of_products(loaded, constants, known)
        return sums

    def distances_of_blocks(
        self, blocks: Sequence[Residues], probes: Sequence[Residues], parameters: ParameterSet
    ) -> list[list[Residues]]:
        """Return the distances of several blocks; see `gallery.evaluator.Evaluator`."""
        known = _known(parameters)
        if len({check_arrays(columns, probes, known) for columns in blocks}) > 1:
            raise DimensionMismatchError("blocks of several numbers of columns in one scan")
        return [[self.distances(columns, probe, known) for probe in probes] for columns in blocks]


def _known(parameters: ParameterSet) -> CkksParameterSet:
    """Return a parameter set of the scheme that SEAL has, or refuse it (`ParameterSetError`)."""
    if not isinstance(parameters, CkksParameterSet):
        raise ParameterSetError(
            f"the backend seal does not compute parameter set {parameters.name!r}, whose "
            "ciphertexts are not SEAL's",
            hint=Hint.USE_NATIVE_BACKEND,
        )
    return parameters


def _sum_of_products(
    columns: list[Any], constants: list[Any], parameters: CkksParameterSet
) -> npt.NDArray[np.uint32]:
    context = seal_setup(parameters).context
    evaluator = seal.Evaluator(context)
    products = [seal.Ciphertext(context) for _ in columns]
    for column, constant, product in zip(columns, constants, products, strict=True):
        _refusable(evaluator.multiply, column, constant, product)
    total = seal.Ciphertext(context)
    _refusable(evaluator.add_many, products, total)
    with _directory() as folder:
        path = folder / "sum"
        total.save(str(path))
        return parse_ciphertext(path.read_bytes(), parameters).residues


def _refusable(function: Any, *arguments: Any) -> None:
    try:
        function(*arguments)
    except (RuntimeError, ValueError) as error:  # what C++ exceptions become
        raise MalformedMessageError(f"SEAL refuses a ciphertext: {error}") from error


@contextmanager
def _directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        yield Path(folder)
