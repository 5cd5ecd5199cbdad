"""The report of a comparison: plain values for JSON, and the figures of its last line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from benchmarks.contest import Contest, best_tensors, verdicts
from benchmarks.growth import Point
from benchmarks.steps import Measured
from benchmarks.timing import Series, Spread
from benchmarks.whole import Whole
from gallery.parameters import COMPACT, STANDARD


@dataclass(frozen=True)
class Results:
    """Everything that a run measured.

    Attributes
    ----------
    measured
        The steps by dimension; d = 128 is there.
    contests
        Who took part, by dimension, and what was tried for TenSEAL.
    growth, skipped
        The scan against its sizes, and the sizes that did not fit into memory.
    whole
        From embeddings to candidate lists.
    memory
        Peak bytes by role and number of references, with d = 128.
    """

    measured: dict[int, Measured]
    contests: dict[int, Contest]
    growth: list[Point]
    skipped: list[str]
    whole: Whole
    memory: dict[str, dict[int, int]]


def assemble(results: Results) -> dict[str, Any]:
    """Put what was measured into plain values."""
    steps = [
        {"role": role, **as_plain(found)}
        for measured in results.measured.values()
        for role, found in measured.steps.items()
    ]
    beside = [
        {"dimension": d, "faiss": as_plain(m.plain), "backend_seal": as_plain(m.backends)}
        for d, m in results.measured.items()
    ]
    tried = [row for d, contest in results.contests.items() for row in _trials(d, contest)]
    return {
        "steps": steps,
        "beside": beside,
        "tenseal_parameters": tried,
        "growth": as_plain(results.growth),
        "skipped": results.skipped,
        "whole": as_plain(results.whole),
        "peak_bytes": as_plain(results.memory),
        "verdicts": [
            v.as_dict() | {"text": str(v)} for v in verdicts(results.measured[128], results.whole)
        ],
    }


def headline(results: Results) -> dict[str, float | int | str]:
    """Return the figures of d = 128 that are followed from one version to the next."""
    measured, whole = results.measured[128], results.whole
    own, compact = measured.steps[STANDARD.name], measured.steps[COMPACT.name]
    seal, tensors = measured.steps[f"SEAL, {STANDARD.name}"].scan, best_tensors(measured)
    seal_probe = measured.steps[f"SEAL, {STANDARD.name}"].encrypt
    notebook, slow = measured.steps["notebook"].scan, measured.backends[STANDARD.name]
    figures: dict[str, float | int | str] = {
        "references": own.references,
        "scan_ns_per_template": 1e9 * own.scan.spread.median,
        "scan_ns_per_template_compact": 1e9 * compact.scan.spread.median,
        "faiss_ns_per_vector": 1e9 * measured.plain.spread.median,
        "tenseal_best_ns_per_template": 1e9 * tensors.spread.median,
        "seal_columns_ns_per_template": 1e9 * seal.spread.median,
        "notebook_ms_per_template": 1e3 * notebook.spread.median,
        "probe_ms": 1e3 * own.encrypt.spread.median,
        "probe_ms_compact": 1e3 * compact.encrypt.spread.median,
        "probe_ms_tenseal": 1e3 * slow.spread.median,
        "probe_ms_seal_in_memory": 1e3 * seal_probe.spread.median,
        "probe_bytes": own.sent_bytes,
        "probe_bytes_compact": compact.sent_bytes,
        "result_bytes_per_template": own.answer_bytes,
        "stored_bytes_per_template": own.stored_bytes,
        "enroll_us_per_template": 1e6 * own.enroll.spread.median,
        "decrypt_is": f"the whole answer to one probe for {own.references} references",
        "decrypt_ms": 1e3 * own.decrypt.spread.median * own.references,
        "peak_rss_mb": max(results.memory[STANDARD.name].values()) / 1e6,
        "whole_probes": whole.probes,
        "whole_ms_per_probe": 1e3 * whole.library.batch.spread.median,
        "whole_ms_per_probe_tenseal": 1e3 * whole.library.single.spread.median,
        "command_ms_per_probe": 1e3 * whole.command.batch.spread.median,
        "command_ms_per_probe_tenseal": 1e3 * whole.command.single.spread.median,
    }
    ratios = {
        "ratio_scan_to_faiss": measured.plain.times_faster_than(own.scan),
        "ratio_scan_to_faiss_compact": measured.plain.times_faster_than(compact.scan),
        "ratio_tenseal_to_scan": own.scan.times_faster_than(tensors),
        "ratio_seal_columns_to_scan": own.scan.times_faster_than(seal),
        "ratio_notebook_to_scan": own.scan.times_faster_than(notebook),
        "ratio_probe_tenseal": own.encrypt.times_faster_than(slow),
        "ratio_probe_seal_in_memory": own.encrypt.times_faster_than(seal_probe),
        "ratio_whole": whole.library.gain,
        "ratio_command": whole.command.gain,
    }
    for name, ratio in ratios.items():
        figures[name] = ratio.median
        figures[f"{name}_least"], figures[f"{name}_most"] = ratio.least, ratio.most
    return {name: as_plain(value) for name, value in figures.items()}


def as_plain(value: Any) -> Any:
    """Turn dataclasses, series and their containers into what JSON has."""
    if isinstance(value, Series):
        return as_plain(value.spread) | {"repeats": len(value.seconds)}
    if isinstance(value, Spread) or is_dataclass(value):
        return {item.name: as_plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [as_plain(item) for item in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _trials(dimension: int, contest: Contest) -> Iterator[dict[str, Any]]:
    for trial in contest.tried:
        used = [name for name, choice in contest.chosen.items() if choice == trial.choice]
        figures = {"nanoseconds": trial.nanoseconds, "error": trial.error}
        yield {
            "dimension": dimension,
            "choice": str(trial.choice),
            **as_plain(figures),
            "as_accurate_as": used,
        }
