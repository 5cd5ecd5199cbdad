"""The numbers of a report as JSON: what it writes, the HTML report shows."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from gallery import __version__
from gallery.accuracy.evaluation import Evaluation
from gallery.accuracy.intervals import RESAMPLES, Estimate
from gallery.accuracy.model_comparison import ModelRun
from gallery.accuracy.rates import ErrorCurve, thinned

FORMAT = 1
"""Version of the JSON report."""

_PACKAGES = ("numpy", "tenseal", "numba", "sqlalchemy", "deepface", "matplotlib")


def as_json(evaluation: Evaluation, models: Sequence[ModelRun] = ()) -> dict[str, Any]:
    """Return the whole report as JSON-ready values; wanted FPIRs are keys such as ``"0.01"``."""
    labelled, options = evaluation.labelled, evaluation.options
    outcomes, accuracy = evaluation.outcomes, evaluation.accuracy
    return {
        "format": FORMAT,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "dataset": _dataset(evaluation),
        "model": labelled.preprocessing.model or None,
        "detector": labelled.preprocessing.detector or None,
        "dimension": labelled.dimension,
        "metric": str(options.metric),
        "parameters": options.parameters.name,
        "security_bits": options.parameters.security_bits,
        "backend": str(options.backend),
        "folds": options.folds,
        "seed": options.seed,
        "resamples": RESAMPLES,
        "rank": options.rank,
        "gallery_size": evaluation.gallery_size,
        "gallery_sizes": list(evaluation.gallery_sizes),
        "searches_mated": len(outcomes.mate_ranks),
        "searches_non_mated": len(outcomes.nearest),
        "comparisons_mated": len(outcomes.mate_distances),
        "comparisons_non_mated": len(outcomes.others),
        "rank_1": _estimate(accuracy.cmc[0]),
        "cmc": [_estimate(item) for item in accuracy.cmc],
        "fnir": _by_rate(accuracy.fnir),
        "threshold": _by_rate(accuracy.threshold),
        "stock_threshold": asdict(evaluation.stock) if evaluation.stock else None,
        "auc": _estimate(accuracy.auc),
        "eer": _estimate(accuracy.eer) | {"threshold": _number(accuracy.eer_threshold)},
        "failure_to_enroll": _failures(evaluation),
        "parity": asdict(evaluation.parity),
        "curves": {
            "searches": _curve(accuracy.searches, "fpir", "fnir"),
            "comparisons": _curve(accuracy.comparisons, "fmr", "fnmr"),
        },
        "seconds": {
            "engine": round(evaluation.engine_seconds, 3),
            "plain": round(evaluation.plain_seconds, 3),
        },
        "photo_ms": labelled.photo_ms,
        "models": [_model(run) for run in models],
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Return the versions of this program, of Python, and of what results depend on."""
    found = {"encrypted-face-gallery": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _dataset(evaluation: Evaluation) -> dict[str, Any]:
    labelled = evaluation.labelled
    return {
        "name": labelled.name,
        "kind": str(labelled.kind),
        "subjects": labelled.subject_count,
        "samples": len(labelled.embeddings),
        "duplicates_left_out": labelled.duplicates,
    }


def _failures(evaluation: Evaluation) -> dict[str, Any]:
    attempts = evaluation.labelled.attempts
    return _estimate(evaluation.failure_to_enroll) | {
        "failed": len(evaluation.labelled.failures),
        "photos": None if attempts is None else len(attempts.failed),
    }


def _by_rate(estimates: Mapping[float, Estimate]) -> dict[str, dict[str, Any]]:
    return {f"{rate:g}": _estimate(estimate) for rate, estimate in estimates.items()}


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return asdict(estimate)


def _curve(curve: ErrorCurve, positive: str, negative: str) -> dict[str, list[float | None]]:
    shown = thinned(curve)
    return {
        "threshold": [_number(value) for value in shown.thresholds.tolist()],
        positive: shown.false_positive.tolist(),
        negative: shown.false_negative.tolist(),
    }


def _number(value: float) -> float | None:
    """Return a number that JSON has: infinite thresholds, where nothing matches, are null."""
    return float(value) if math.isfinite(value) else None


def _model(run: ModelRun) -> dict[str, Any]:
    row: dict[str, Any] = {"model": run.model, "detector": run.detector, "unavailable": run.reason}
    found = run.evaluation
    if found is None:
        return row
    return row | {
        "dimension": found.labelled.dimension,
        "rank_1": _estimate(found.accuracy.cmc[0]),
        "fnir": _by_rate(found.accuracy.fnir),
        "auc": _estimate(found.accuracy.auc),
        "eer": _estimate(found.accuracy.eer),
        "failure_to_enroll": _failures(found),
        "photo_ms": found.labelled.photo_ms,
    }
