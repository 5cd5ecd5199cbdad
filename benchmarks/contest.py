"""The comparison of one dimension: everybody on the same vectors, and what it is held to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.owner import unit_vectors
from benchmarks.rivals import NotebookLoop, SealColumns, plain_search
from benchmarks.schemes import Floats, Gallery, Scheme
from benchmarks.steps import Beside, Measured, Prepared, measure
from benchmarks.tensors import LARGEST_UNIT, Choice, Tensors, Trial, fastest, trials
from benchmarks.timing import Candidate, Series, Spread
from benchmarks.verdicts import Goal, Verdict
from benchmarks.whole import Whole
from gallery.ciphertexts.blocks import capacity, probe_constants
from gallery.client import GalleryKey
from gallery.client.ckks import make_codec
from gallery.parameters import COMPACT, PARAMETER_SETS, STANDARD

PROBE_TIMES = 15
SCAN_TIMES = 20
WHOLE_TIMES = 50
PROBE_MEGABYTES = {"standard": 7.0, "compact": 4.5}
PLAIN_TIMES = {"standard": 12.0, "compact": 8.0}
"""What is to be reached with d = 128, by parameter set where they differ."""

_SLACK = 2.0
"""How much larger than when a choice was tried its error may be: each encryption has its noise."""


@dataclass(frozen=True)
class Rival:
    """How a scheme is made, and on how many references it is measured."""

    make: Callable[[], Scheme]
    references: int


@dataclass(frozen=True)
class Contest:
    """All schemes by their roles, what was tried to find TenSEAL's best parameters, and found."""

    rivals: dict[str, Rival]
    tried: list[Trial]
    chosen: dict[str, Choice]

    @classmethod
    def of(cls, dimension: int, references: int, faces: int, repeats: int) -> Contest:
        """Choose TenSEAL's parameters by trying them, and say who takes part."""
        templates, vector = _drawn(dimension)
        tried = trials(templates, vector, repeats)
        chosen: dict[str, Choice] = {}
        rivals = {
            name: Rival(partial(Gallery, p), references) for name, p in PARAMETER_SETS.items()
        }
        for name, parameters in PARAMETER_SETS.items():
            seal = partial(SealColumns, parameters)
            rivals[f"SEAL, {name}"] = Rival(seal, capacity(parameters))
            choice = fastest(tried, parameters.max_distance_error(dimension))
            tolerance = _SLACK * parameters.max_distance_error(dimension)
            tensors = partial(Tensors, choice, tolerance, f"TenSEAL, as accurate as {name}")
            rivals[f"TenSEAL, {name}"] = Rival(tensors, choice.poly_modulus_degree // 2)
            chosen[name] = choice
        rivals["notebook"] = Rival(NotebookLoop, faces)
        return cls(rivals, tried, chosen)

    def measure(self, dimension: int, repeats: int) -> Measured:
        """Enroll, check and time them all."""
        templates, vector = _drawn(dimension)
        prepared = {
            role: Prepared.of(rival.make(), templates, vector, rival.references)
            for role, rival in self.rivals.items()
        }
        references = prepared[STANDARD.name].references
        plain = plain_search(templates, references, vector[None])
        with ExitStack() as stack:
            backends = dict(_backends(vector, stack))
            beside = Beside(Candidate("FAISS", plain, references), backends)
            return measure(prepared, beside, repeats)


def verdicts(measured: Measured, whole: Whole) -> list[Verdict]:
    """Hold what was measured with d = 128 to the goals."""
    found = [v for name in PARAMETER_SETS for v in _verdicts_of(name, measured)]
    what = f"{whole.probes:,} probes in one `gallery identify`, against one with backend seal each"
    return [*found, Verdict(Goal(what, WHOLE_TIMES, "at least"), whole.command.gain)]


def best_tensors(measured: Measured) -> Series:
    """Return the scan of TenSEAL's tensors that takes least, of those that are as accurate."""
    return measured.steps[f"TenSEAL, {COMPACT.name}"].scan


def _verdicts_of(name: str, measured: Measured) -> Iterator[Verdict]:
    own, seal = measured.steps[name], measured.steps[f"SEAL, {name}"]
    probe = Goal(f"{name}: probe encryption, against SEAL's to bytes", PROBE_TIMES, "at least")
    yield Verdict(probe, own.encrypt.times_faster_than(measured.backends[name]))
    megabytes = own.sent_bytes / 1e6
    size = Goal(f"{name}: a probe on the wire", PROBE_MEGABYTES[name], "at most", "MB")
    yield Verdict(size, Spread.of([megabytes]))
    for rival, series in (("SEAL's evaluator", seal.scan), ("TenSEAL", best_tensors(measured))):
        scan = Goal(f"{name}: scan, against {rival} at its best", SCAN_TIMES, "at least")
        yield Verdict(scan, own.scan.times_faster_than(series))
    plain = Goal(f"{name}: scan, times as long as FAISS in clear", PLAIN_TIMES[name], "at most")
    yield Verdict(plain, measured.plain.times_faster_than(own.scan))


def _backends(vector: Floats, stack: ExitStack) -> Iterator[tuple[str, Candidate]]:
    """Yield probe encryption by the backend seal: SEAL's API, and the files its bytes are in."""
    key, constants = GalleryKey.generate(), probe_constants(vector)
    for name, parameters in PARAMETER_SETS.items():
        codec = stack.enter_context(closing(make_codec("seal", key, parameters)))
        yield name, Candidate(name, partial(codec.encrypt_constants, constants))


def _drawn(dimension: int) -> tuple[Floats, Floats]:
    """Return templates for every unit, shape (n, d), and a probe, shape (d,); all of norm 1."""
    drawn = unit_vectors(np.random.default_rng(1), LARGEST_UNIT + 1, dimension)
    return drawn[:-1], drawn[-1]
