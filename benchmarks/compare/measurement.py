"""The measurement of everything that is compared, and how much of it a run takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.compare.end_to_end import time_end_to_end
from benchmarks.compare.peak_memory import peak_memory_of
from benchmarks.compare.plain_search import time_beside_plain
from benchmarks.compare.report import Results
from benchmarks.compare.scaling import ScanPoint, ScanScaling, ScanSizes
from benchmarks.compare.scheme_selection import SchemeSelection, tenseal_role
from benchmarks.compare.sizes import MILLION, REFERENCES
from gallery.parameters import PARAMETER_SETS, STANDARD

Progress = Callable[[str], None]


@dataclass(frozen=True)
class MeasurementSettings:
    """How much to measure.

    Attributes
    ----------
    dimensions
        Values of an embedding; 128 is among them.
    repeats
        Times that everything is measured.
    faces
        References of the notebook's loop.
    scan_sizes
        Sizes of the scan alone, or None to leave that out.
    plain_sizes
        References of galleries whose scans are timed beside plain search, with d = 128.
    probes
        Probes of the search from embeddings to candidates.
    memory_references
        References that peak memory is measured with.
    """

    dimensions: tuple[int, ...]
    repeats: int
    faces: int
    scan_sizes: ScanSizes | None
    plain_sizes: tuple[int, ...]
    probes: int
    memory_references: tuple[int, ...]


FULL = MeasurementSettings(
    dimensions=(128, 512),
    repeats=9,
    faces=16,
    scan_sizes=ScanSizes((1_000, 10_000, 100_000, MILLION), (1, 16, 256), 3),
    plain_sizes=(REFERENCES, MILLION),
    probes=1_000,
    memory_references=(1_000, 10_000, 100_000),
)
QUICK = MeasurementSettings((128,), 5, 4, None, (REFERENCES, MILLION), 256, (REFERENCES,))


def measure(settings: MeasurementSettings, progress: Progress) -> Results:
    """Measure everything, and say what begins."""
    selections, steps = {}, {}
    for dimension in settings.dimensions:
        progress(f"d = {dimension}: schemes")
        selection = SchemeSelection.of(dimension, REFERENCES, settings.faces, settings.repeats)
        selections[dimension] = selection
        steps[dimension] = selection.time_steps(dimension, settings.repeats)
    scans, skipped = _scans(settings.scan_sizes, selections, progress)
    progress(f"scans beside plain search, n = {', '.join(f'{n:,}' for n in settings.plain_sizes)}")
    plain, without = time_beside_plain(128, settings.plain_sizes, settings.repeats)
    probes = settings.probes
    progress(f"{probes:,} probes against {REFERENCES:,} references, and one call a probe")
    end_to_end = time_end_to_end(STANDARD, 128, REFERENCES, probes, min(settings.repeats, 3))
    progress("peak memory")
    peak_bytes = _peak_bytes(settings, selections[128])
    skipped += [text for text in without if text not in skipped]
    return Results(selections, steps, scans, plain, skipped, end_to_end, peak_bytes)


def _scans(
    sizes: ScanSizes | None, selections: dict[int, SchemeSelection], progress: Progress
) -> tuple[list[ScanPoint], list[str]]:
    points: list[ScanPoint] = []
    skipped: list[str] = []
    if sizes is None:
        return points, skipped
    for dimension, selection in selections.items():
        for name, parameters in PARAMETER_SETS.items():
            progress(f"d = {dimension}: scans, {name}")
            tenseal = selection.setups.get(tenseal_role(name))
            made = None if tenseal is None else tenseal.make()
            scaling = ScanScaling(parameters, dimension, made)
            points += scaling.points(sizes)
            skipped += scaling.skipped
    return points, skipped


def _peak_bytes(
    settings: MeasurementSettings, selection: SchemeSelection
) -> dict[str, dict[int, int]]:
    """Measure this project with all sizes, and the baselines with the size of their steps."""
    found: dict[str, dict[int, int]] = {}
    for role, setup in selection.setups.items():
        if role in PARAMETER_SETS:
            sizes = settings.memory_references
            found[role] = {size: peak_memory_of(setup.make, size, 128) for size in sizes}
        elif settings.scan_sizes:
            peak = peak_memory_of(setup.make, setup.references, 128)
            found[role] = {setup.references: peak}
    return found
