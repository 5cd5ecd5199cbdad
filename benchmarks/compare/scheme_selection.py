"""The selection of schemes for one dimension, each with the references that it is measured on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.compare.prepared_scheme import PreparedScheme
from benchmarks.compare.schemes.faiss_search import faiss_search
from benchmarks.compare.schemes.gallery_scheme import GalleryScheme
from benchmarks.compare.schemes.notebook_loop import NotebookLoop
from benchmarks.compare.schemes.scheme import Scheme
from benchmarks.compare.schemes.seal_columns import SealColumns
from benchmarks.compare.schemes.tenseal_tensor import TensealTensor, TensorParameters
from benchmarks.compare.step_times import SingleSteps, StepTimes, time_steps
from benchmarks.compare.tenseal_parameters import (
    LARGEST_UNIT,
    ParameterTrial,
    fastest_within,
    try_parameters,
)
from benchmarks.shared.timing import TimedCall
from benchmarks.shared.unit_vectors import unit_vectors
from gallery.arrays import Floats
from gallery.ciphertexts.blocks import capacity, probe_constants
from gallery.client import GalleryKey
from gallery.client.ckks import make_codec
from gallery.parameters import PARAMETER_SETS, STANDARD, CkksParameterSet

NOTEBOOK = "notebook"
"""The role of the notebook's loop."""

CKKS_SETS = {
    name: parameters
    for name, parameters in PARAMETER_SETS.items()
    if isinstance(parameters, CkksParameterSet)
}
"""The parameter sets that other implementations of CKKS are compared with."""

_SLACK = 2.0
"""Factor by which an error may exceed that of the trial: each encryption has its noise."""


@dataclass(frozen=True)
class SchemeSetup:
    """What makes a scheme, and the number of references that it is measured on."""

    make: Callable[[], Scheme]
    references: int


@dataclass(frozen=True)
class SchemeSelection:
    """The schemes that are compared.

    Attributes
    ----------
    setups
        All schemes by their roles. This project's own have the names of their parameter sets.
    trials
        What was tried to find TenSEAL's best parameters.
    tenseal_parameters
        The best of them that are as accurate as a parameter set of this project, by its name.
    """

    setups: dict[str, SchemeSetup]
    trials: list[ParameterTrial]
    tenseal_parameters: dict[str, TensorParameters]

    @classmethod
    def of(cls, dimension: int, references: int, faces: int, repeats: int) -> SchemeSelection:
        """Choose TenSEAL's parameters by trying them, and set up all schemes."""
        templates, vector = _drawn(dimension)
        trials = try_parameters(templates, vector, repeats)
        best: dict[str, TensorParameters] = {}
        setups = {
            name: SchemeSetup(partial(GalleryScheme, parameters, dimension), references)
            for name, parameters in PARAMETER_SETS.items()
        }
        for name, parameters in CKKS_SETS.items():
            columns = partial(SealColumns, parameters)
            setups[seal_role(name)] = SchemeSetup(columns, capacity(parameters))
            best[name] = fastest_within(trials, parameters.max_distance_error(dimension))
            tolerance = _SLACK * parameters.max_distance_error(dimension)
            tensor = partial(
                TensealTensor, best[name], tolerance, f"TenSEAL, as accurate as {name}"
            )
            setups[tenseal_role(name)] = SchemeSetup(tensor, best[name].poly_modulus_degree // 2)
        setups[NOTEBOOK] = SchemeSetup(NotebookLoop, faces)
        return cls(setups, trials, best)

    def time_steps(self, dimension: int, repeats: int) -> StepTimes:
        """Enroll, check and time them all."""
        templates, vector = _drawn(dimension)
        prepared = {
            role: PreparedScheme.of(setup.make(), templates, vector, setup.references)
            for role, setup in self.setups.items()
        }
        references = prepared[STANDARD.name].references
        search = faiss_search(templates, references, vector[None])
        with ExitStack() as stack:
            probes = dict(_seal_probes(vector, stack))
            single = SingleSteps(TimedCall("FAISS", search, references), probes)
            return time_steps(prepared, single, repeats)


def seal_role(parameters: str) -> str:
    """Return the role of SEAL's evaluator on the columns of a parameter set."""
    return f"SEAL, {parameters}"


def tenseal_role(parameters: str) -> str:
    """Return the role of TenSEAL's tensors that are as accurate as a parameter set."""
    return f"TenSEAL, {parameters}"


def _seal_probes(vector: Floats, stack: ExitStack) -> Iterator[tuple[str, TimedCall]]:
    """Yield probe encryption by SEAL's API, and through the files that its bytes are in."""
    key, constants = GalleryKey.generate(), probe_constants(vector)
    for name, parameters in CKKS_SETS.items():
        codec = stack.enter_context(closing(make_codec("seal", key, parameters)))
        yield name, TimedCall(name, partial(codec.encrypt_constants, constants))


def _drawn(dimension: int) -> tuple[Floats, Floats]:
    """Return templates for every unit, shape (n, d), and a probe, shape (d,); all of norm 1."""
    drawn = unit_vectors(np.random.default_rng(1), LARGEST_UNIT + 1, dimension)
    return drawn[:-1], drawn[-1]
