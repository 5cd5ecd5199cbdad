"""The scaling of the scan alone: time against the size of the gallery and the batch of probes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.compare.free_memory import blocks_size, lacking
from benchmarks.compare.prepared_scheme import PreparedScheme
from benchmarks.compare.schemes.faiss_search import faiss_search
from benchmarks.compare.schemes.gallery_scheme import GalleryScheme
from benchmarks.compare.schemes.scheme import Scheme
from benchmarks.compare.schemes.seal_columns import SealColumns
from benchmarks.compare.tenseal_parameters import LARGEST_UNIT
from benchmarks.shared.timing import Series, TimedCall, time_in_turn
from benchmarks.shared.unit_vectors import unit_vectors
from gallery.evaluator.native import usable_cores
from gallery.parameters import CkksParameterSet, ParameterSet

FAISS = "FAISS in clear, 1 thread"

_MOST_COMPARISONS = 25_600_000
"""Most comparisons of one run: 256 probes are not searched for in a million references."""

_MOST_BASELINE_REFERENCES = 10_000
"""Most references that the encrypted baselines are measured on."""


@dataclass(frozen=True)
class ScanPoint:
    """One measured scan; seconds are for one comparison of a probe with a reference."""

    scheme: str
    parameters: str
    dimension: int
    references: int
    probes: int
    scan: Series


@dataclass(frozen=True)
class ScanSizes:
    """The sizes of galleries and batches to measure, and how often."""

    references: Sequence[int]
    probes: Sequence[int]
    repeats: int


class ScanScaling:
    """Scans with one parameter set and dimension; sizes that memory was too small for are noted."""

    def __init__(
        self, parameters: ParameterSet, dimension: int, tenseal: Scheme | None = None
    ) -> None:
        self._parameters, self._dimension, self._tenseal = parameters, dimension, tenseal
        random = np.random.default_rng(1)
        self._templates = unit_vectors(random, LARGEST_UNIT, dimension)
        self._vectors = unit_vectors(random, 256, dimension)
        self.skipped: list[str] = []

    def points(self, sizes: ScanSizes) -> Iterator[ScanPoint]:
        """Measure every size for which there is memory."""
        for references in sizes.references:
            if self._fits(references):
                yield from self._points(references, sizes)

    def _fits(self, references: int) -> bool:
        parameters, dimension = self._parameters, self._dimension
        blocks = blocks_size(parameters, dimension, references)
        reason = lacking(blocks, dimension, references, parameters.name)
        if reason is not None:
            self.skipped.append(reason)
        return reason is None

    def _points(self, references: int, sizes: ScanSizes) -> Iterator[ScanPoint]:
        parameters, dimension = self._parameters, self._dimension
        alone = self._prepared(GalleryScheme(parameters, dimension), references)
        galleries = [alone]
        if usable_cores() > 1:
            on_all_cores = GalleryScheme(parameters, dimension, usable_cores())
            galleries.append(replace(alone, scheme=on_all_cores))
        scans: list[tuple[int, TimedCall]] = []
        for count in sizes.probes:
            if count * references <= _MOST_COMPARISONS:
                scans += [(count, one.scan(count)) for one in galleries]
                search = faiss_search(self._templates, references, self._vectors[:count])
                scans.append((count, TimedCall(FAISS, search, references * count)))
        if references <= _MOST_BASELINE_REFERENCES:
            scans += [(1, one.scan()) for one in self._baselines(references)]
        taken = time_in_turn([call for _, call in scans], sizes.repeats)
        where = parameters.name, dimension, references
        for (count, call), series in zip(scans, taken, strict=True):
            yield ScanPoint(call.name, *where, count, series)

    def _baselines(self, references: int) -> Iterator[PreparedScheme]:
        if isinstance(self._parameters, CkksParameterSet):
            yield self._prepared(SealColumns(self._parameters), references)
        if self._tenseal is not None:
            yield self._prepared(self._tenseal, references)

    def _prepared(self, scheme: Scheme, references: int) -> PreparedScheme:
        return PreparedScheme.of(scheme, self._templates, self._vectors[0], references)
