"""The entries of the history: what was measured at a commit, on which machine, and how."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FIGURES = (
    "faiss_ns_per_vector",
    "faiss_ns_per_vector_1m",
    "scan_ns_per_template",
    "scan_ns_per_template_compact",
    "scan_ns_per_template_swift",
    "scan_ns_per_template_light",
    "scan_ns_per_template_swift_1m",
    "scan_ns_per_template_light_1m",
    "probe_ms",
    "probe_ms_swift",
    "probe_ms_light",
    "decrypt_ms",
    "decrypt_ns_per_template_swift",
    "decrypt_ns_per_template_light",
    "ratio_scan_to_faiss",
    "ratio_scan_to_faiss_compact",
    "ratio_scan_to_faiss_swift",
    "ratio_scan_to_faiss_light",
    "ratio_scan_to_faiss_swift_1m",
    "ratio_scan_to_faiss_light_1m",
    "ratio_command",
)
"""The figures of a report's last line that are kept."""


@dataclass(frozen=True)
class HistoryEntry:
    """One measurement.

    Attributes
    ----------
    commit
        The commit that was measured, abbreviated; with a ``+`` if files were changed since.
    measured
        When it began, as ISO 8601 has it.
    machine
        The processor.
    source
        Where the figures are from.
    figures
        Those of `FIGURES` that are known.
    """

    commit: str
    measured: str
    machine: str
    source: str
    figures: Mapping[str, float]

    @classmethod
    def of(cls, report: Mapping[str, Any], commit: str) -> HistoryEntry:
        """Return the entry of a report of ``benchmarks.compare``."""
        headline = report["headline"]
        figures = {name: headline[name] for name in FIGURES if name in headline}
        repeats = f"{report['repeats']} repeats"
        processor = report["machine"]["processor"]
        return cls(commit, report["started"], processor, f"make bench, {repeats}", figures)


def read_history(path: Path) -> list[HistoryEntry]:
    """Return the entries of a file, one line of JSON each, by their times; none if it is missing.

    Raises
    ------
    ValueError
        If a line is none; it is named.
    """
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            found.append(HistoryEntry(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path.name}, line {number}, is no entry: {error}") from error
    return sorted(found, key=lambda entry: entry.measured)


def write_history(path: Path, entries: Iterable[HistoryEntry]) -> None:
    """Write entries, one line of JSON each, by their times."""
    ordered = sorted(entries, key=lambda entry: entry.measured)
    lines = [json.dumps(asdict(entry), ensure_ascii=False) + "\n" for entry in ordered]
    path.write_text("".join(lines), encoding="utf-8")


def with_entry(entries: Iterable[HistoryEntry], added: HistoryEntry) -> list[HistoryEntry]:
    """Return entries with one more, in the place of an earlier one of the same measurement."""
    same = added.measured, added.machine
    return [one for one in entries if (one.measured, one.machine) != same] + [added]
