"""The report of a comparison: plain values for JSON, and the figures of its last line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from benchmarks.compare.end_to_end import EndToEndTimes
from benchmarks.compare.plain_search import HINTED_SETS, BesidePlain
from benchmarks.compare.project_goals import best_tenseal_scan, check_goals
from benchmarks.compare.scaling import ScanPoint
from benchmarks.compare.scheme_selection import NOTEBOOK, SchemeSelection, seal_role
from benchmarks.compare.sizes import MILLION, REFERENCES
from benchmarks.compare.step_times import StepTimes
from benchmarks.shared.timing import Series, Spread
from gallery.parameters import COMPACT, STANDARD

_SUFFIXES = {REFERENCES: "", MILLION: "_1m"}
"""Ends of the names of figures, by number of references."""


@dataclass(frozen=True)
class Results:
    """Everything that a run measured.

    Attributes
    ----------
    selections
        The schemes that were compared, by dimension, and what was tried for TenSEAL.
    steps
        The times of the steps, by dimension; d = 128 is there.
    scans, plain, skipped
        The scan against its sizes and beside plain search, and the sizes that did not fit into
        memory.
    end_to_end
        From embeddings to candidate lists.
    peak_bytes
        Peak memory by role and number of references, with d = 128.
    """

    selections: dict[int, SchemeSelection]
    steps: dict[int, StepTimes]
    scans: list[ScanPoint]
    plain: list[BesidePlain]
    skipped: list[str]
    end_to_end: EndToEndTimes
    peak_bytes: dict[str, dict[int, int]]


def assemble(results: Results) -> dict[str, Any]:
    """Put what was measured into plain values."""
    steps = [
        {"role": role, **as_plain(scheme)}
        for times in results.steps.values()
        for role, scheme in times.schemes.items()
    ]
    single_steps = [
        {
            "dimension": dimension,
            "faiss": as_plain(times.faiss),
            "backend_seal": as_plain(times.seal_probes),
        }
        for dimension, times in results.steps.items()
    ]
    trials = [row for d, selection in results.selections.items() for row in _trials(d, selection)]
    outcomes = check_goals(results.steps[128], results.plain, results.end_to_end)
    return {
        "steps": steps,
        "beside": single_steps,
        "tenseal_parameters": trials,
        "growth": as_plain(results.scans),
        "beside_plain": [_beside_plain(one) for one in results.plain],
        "skipped": results.skipped,
        "whole": as_plain(results.end_to_end),
        "peak_bytes": as_plain(results.peak_bytes),
        "verdicts": [outcome.as_dict() | {"text": str(outcome)} for outcome in outcomes],
    }


def headline(results: Results) -> dict[str, float | int | str]:
    """Return the figures of d = 128 that are followed from one version to the next."""
    times, end_to_end = results.steps[128], results.end_to_end
    own, compact = times.schemes[STANDARD.name], times.schemes[COMPACT.name]
    seal, tenseal = times.schemes[seal_role(STANDARD.name)], best_tenseal_scan(times)
    notebook, seal_probe = times.schemes[NOTEBOOK].scan, times.seal_probes[STANDARD.name]
    figures: dict[str, float | int | str] = {
        "references": own.references,
        "scan_ns_per_template": 1e9 * own.scan.spread.median,
        "scan_ns_per_template_compact": 1e9 * compact.scan.spread.median,
        "faiss_ns_per_vector": 1e9 * times.faiss.spread.median,
        "tenseal_best_ns_per_template": 1e9 * tenseal.spread.median,
        "seal_columns_ns_per_template": 1e9 * seal.scan.spread.median,
        "notebook_ms_per_template": 1e3 * notebook.spread.median,
        "probe_ms": 1e3 * own.encrypt.spread.median,
        "probe_ms_compact": 1e3 * compact.encrypt.spread.median,
        "probe_ms_tenseal": 1e3 * seal_probe.spread.median,
        "probe_ms_seal_in_memory": 1e3 * seal.encrypt.spread.median,
        "probe_bytes": own.sent_bytes,
        "probe_bytes_compact": compact.sent_bytes,
        "result_bytes_per_template": own.answer_bytes,
        "stored_bytes_per_template": own.stored_bytes,
        "enroll_us_per_template": 1e6 * own.enroll.spread.median,
        "decrypt_is": f"the whole answer to one probe for {own.references} references",
        "decrypt_ms": 1e3 * own.decrypt.spread.median * own.references,
        "peak_rss_mb": max(results.peak_bytes[STANDARD.name].values()) / 1e6,
        "whole_probes": end_to_end.probes,
        "whole_ms_per_probe": 1e3 * end_to_end.library.batch.spread.median,
        "whole_ms_per_probe_tenseal": 1e3 * end_to_end.library.single.spread.median,
        "command_ms_per_probe": 1e3 * end_to_end.command.batch.spread.median,
        "command_ms_per_probe_tenseal": 1e3 * end_to_end.command.single.spread.median,
    }
    ratios: dict[str, Spread] = {
        "ratio_scan_to_faiss": times.faiss.times_faster_than(own.scan),
        "ratio_scan_to_faiss_compact": times.faiss.times_faster_than(compact.scan),
        "ratio_tenseal_to_scan": own.scan.times_faster_than(tenseal),
        "ratio_seal_columns_to_scan": own.scan.times_faster_than(seal.scan),
        "ratio_notebook_to_scan": own.scan.times_faster_than(notebook),
        "ratio_probe_tenseal": own.encrypt.times_faster_than(seal_probe),
        "ratio_probe_seal_in_memory": own.encrypt.times_faster_than(seal.encrypt),
        "ratio_whole": end_to_end.library.gain,
        "ratio_command": end_to_end.command.gain,
    }
    for name in HINTED_SETS:
        figures |= _hinted_figures(name, times)
    for one in results.plain:
        figures |= _plain_figures(one)
        ratios |= _plain_ratios(one)
    for name, ratio in ratios.items():
        figures[name] = ratio.median
        figures[f"{name}_least"], figures[f"{name}_most"] = ratio.least, ratio.most
    return {name: as_plain(value) for name, value in figures.items()}


def _hinted_figures(name: str, times: StepTimes) -> dict[str, float | int | str]:
    own = times.schemes[name]
    return {
        f"probe_ms_{name}": 1e3 * own.encrypt.spread.median,
        f"probe_bytes_{name}": own.sent_bytes,
        f"result_bytes_per_template_{name}": own.answer_bytes,
        f"stored_bytes_per_template_{name}": own.stored_bytes,
        f"enroll_us_per_template_{name}": 1e6 * own.enroll.spread.median,
        f"decrypt_ns_per_template_{name}": 1e9 * own.opening.spread.median,
    }


def _plain_figures(one: BesidePlain) -> dict[str, float | int | str]:
    suffix = _SUFFIXES.get(one.references, f"_{one.references}")
    figures: dict[str, float | int | str] = {
        f"scan_ns_per_template_{one.parameters}{suffix}": 1e9 * one.one_thread.spread.median
    }
    if one.two_threads is not None:
        name = f"scan_ns_per_template_{one.parameters}_two_threads{suffix}"
        figures[name] = 1e9 * one.two_threads.spread.median
    # Without a suffix, the key is that of the scans step by step.
    if suffix:
        figures[f"faiss_ns_per_vector{suffix}"] = 1e9 * one.faiss.spread.median
    return figures


def _plain_ratios(one: BesidePlain) -> dict[str, Spread]:
    end = f"_{one.parameters}{_SUFFIXES.get(one.references, f'_{one.references}')}"
    ratios = {f"ratio_scan_to_faiss{end}": one.times_faiss}
    if one.gain_of_threads is not None:
        ratios[f"ratio_one_to_two_threads{end}"] = one.gain_of_threads
    return ratios


def _beside_plain(one: BesidePlain) -> dict[str, Any]:
    """Return the scans beside plain search, with their ratios and what they read in a second."""
    threads = {"one_thread": one.one_thread, "two_threads": one.two_threads}
    ratios = {"times_faiss": one.times_faiss, "gain_of_threads": one.gain_of_threads}
    read = {
        name: None if series is None else one.gigabytes_per_second(series)
        for name, series in threads.items()
    }
    return {**as_plain(one), **as_plain(ratios), "gigabytes_per_second": as_plain(read)}


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


def _trials(dimension: int, selection: SchemeSelection) -> Iterator[dict[str, Any]]:
    for trial in selection.trials:
        best_for = [
            name
            for name, parameters in selection.tenseal_parameters.items()
            if parameters == trial.parameters
        ]
        figures = {"nanoseconds": trial.nanoseconds, "error": trial.error}
        yield {
            "dimension": dimension,
            "choice": str(trial.parameters),
            **as_plain(figures),
            "as_accurate_as": best_for,
        }
