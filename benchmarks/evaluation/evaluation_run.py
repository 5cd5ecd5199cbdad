"""A run of ``gallery evaluate`` in a process of its own, with its time and its memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.shared.resident_memory import RUSAGE_UNIT


@dataclass(frozen=True)
class EvaluationRun:
    """What a run took, and what it reported."""

    seconds: float
    processor_seconds: float
    peak_bytes: int
    report: dict[str, Any]

    @property
    def comparisons(self) -> int:
        found: int = self.report["comparisons_mated"] + self.report["comparisons_non_mated"]
        return found


def evaluate(checkout: Path, source: Path, output: Path) -> EvaluationRun:
    """Run the command of a checkout on a labelled set, with all of its defaults."""
    command = [sys.executable, checkout / "cli.py", "evaluate", source, "--output", output]
    started = time.perf_counter()
    process = subprocess.Popen(
        [*map(str, command), "--force", "--quiet"], cwd=checkout, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"gallery evaluate ended with {process.returncode}")
    return EvaluationRun(
        seconds=seconds,
        processor_seconds=usage.ru_utime + usage.ru_stime,
        peak_bytes=usage.ru_maxrss * RUSAGE_UNIT,
        report=json.loads((output / "report.json").read_text("utf-8")),
    )
