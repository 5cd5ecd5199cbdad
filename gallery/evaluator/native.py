"""The fast evaluator: the compiled scan of each scheme over threads."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import numpy.typing as npt

from gallery.arrays import Residues
from gallery.ciphertexts.product_kernel import BAD_COLUMNS, columns_per_fold, multiply
from gallery.compilation import require_code_folder
from gallery.errors import (
    DimensionMismatchError,
    GalleryError,
    MalformedMessageError,
    ParameterSetError,
)
from gallery.evaluator.array_checks import check_arrays
from gallery.evaluator.scan_kernel import scan
from gallery.parameters import CkksParameterSet, HintedParameterSet, ParameterSet

Addresses = npt.NDArray[np.intp]

Kernel = Callable[[int, int], int]
"""Computes some units of work, from one to another, and returns the bits of what was refused."""

_PIECES_PER_THREAD = 4
"""Pieces of a scan for each thread, so that one that is held up leaves pieces to the others."""


def usable_cores() -> int:
    """Return the number of processor cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class NativeEvaluator:
    """Computes encrypted distances of both schemes with compiled dot products over columns.

    Of CKKS sets bit-identical to SEAL's ``Evaluator.multiply`` and ``add_many``. May be shared
    between threads. The first call in a process loads the compiled code from disk, or compiles it.

    Parameters
    ----------
    threads : int, optional
        How many to use; all usable cores without it.

    Raises
    ------
    GalleryError
        If ``threads`` is below 1.
    MachineError
        If there is no folder in which compiled code could be kept.
    """

    def __init__(self, threads: int | None = None) -> None:
        self.threads = usable_cores() if threads is None else threads
        if self.threads < 1:
            raise GalleryError(f"an evaluator cannot work with {self.threads} threads")
        # Now, and not when somebody searches: a server without such a folder does not start.
        require_code_folder(multiply)
        self._pool: ThreadPoolExecutor | None = None
        self._owner = 0

    def distances(self, columns: Residues, probe: Residues, parameters: ParameterSet) -> Residues:
        """Return the distances to one probe; see `gallery.evaluator.Evaluator`."""
        sums: Residues = self.distances_many(columns, [probe], parameters)[0]
        return sums

    def distances_many(
        self, columns: Residues, probes: Sequence[Residues], parameters: ParameterSet
    ) -> Residues:
        """Return the distances to several probes; see `gallery.evaluator.Evaluator`."""
        sums = np.empty((len(probes), *parameters.result_shape), np.uint32)
        self._scan([columns], probes, [*sums], parameters)
        return sums

    def distances_of_blocks(
        self, blocks: Sequence[Residues], probes: Sequence[Residues], parameters: ParameterSet
    ) -> list[list[Residues]]:
        """Return the distances of several blocks; see `gallery.evaluator.Evaluator`."""
        shape = parameters.result_shape
        sums = [[np.empty(shape, np.uint32) for _ in probes] for _ in blocks]
        self._scan(blocks, probes, [row for rows in sums for row in rows], parameters)
        return sums

    def _scan(
        self,
        blocks: Sequence[Residues],
        probes: Sequence[Residues],
        sums: Sequence[Residues],
        parameters: ParameterSet,
    ) -> None:
        counts = {check_arrays(columns, probes, parameters) for columns in blocks}
        if len(counts) > 1:
            raise DimensionMismatchError(f"blocks of {sorted(counts)} columns in one scan")
        if not sums:
            return
        # Addresses instead of arrays: one compiled version serves writable, read-only and unaligned
        # buffers alike. The arrays stay alive in this frame meanwhile. ``intp`` is the integer as
        # wide as an address.
        tables = [
            np.array([array.ctypes.data for array in arrays], np.intp)
            for arrays in (blocks, probes, sums)
        ]
        work = _kernel(parameters, tables, counts.pop())
        bad = self._run(work, len(parameters.data_primes) * parameters.tiles)
        if bad:
            what = "columns" if bad & BAD_COLUMNS else "probe"
            raise MalformedMessageError(f"{what}: a residue is not below its prime")

    def _run(self, work: Kernel, units: int) -> int:
        if self.threads == 1:
            return work(0, units)
        step = -(-units // (self.threads * _PIECES_PER_THREAD))  # rounded up
        pieces = deque(range(0, units, step))

        def drain() -> int:
            bad = 0
            while pieces:
                try:
                    start = pieces.popleft()
                except IndexError:  # another thread took the last one
                    break
                bad |= work(start, min(start + step, units))
            return bad

        # The calling thread takes pieces too. A helper that has not started when none is left is
        # not waited for.
        pool = self._executor()
        helpers = [pool.submit(drain) for _ in range(self.threads - 1)]
        bad = drain()
        for helper in helpers:
            if not helper.cancel():
                bad |= helper.result()
        return bad

    def _executor(self) -> ThreadPoolExecutor:
        # Threads do not survive a fork, and a pool without them would wait forever.
        if self._pool is None or self._owner != os.getpid():
            self._pool = ThreadPoolExecutor(self.threads - 1, thread_name_prefix="kernel")
            self._owner = os.getpid()
        return self._pool


def _kernel(parameters: ParameterSet, tables: list[Addresses], columns: int) -> Kernel:
    """Return the scan of a parameter set's scheme over tables of blocks, probes and results.

    Raises
    ------
    ParameterSetError
        If the parameter set is of a scheme that is not known here.
    """
    primes = np.array(parameters.data_primes, np.uint64)
    if isinstance(parameters, CkksParameterSet):
        return partial(scan, *tables, primes, parameters.tiles, columns)
    if isinstance(parameters, HintedParameterSet):
        most = np.array([columns_per_fold(p) for p in parameters.data_primes], np.intp)
        sizes = parameters.tiles, parameters.slices, columns
        return partial(multiply, *tables, primes, most, *sizes)
    raise ParameterSetError(f"no kernel computes parameter set {parameters.name!r}")
