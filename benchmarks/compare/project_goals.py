"""The goals of this project for d = 128, and their outcomes in one run."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.compare.end_to_end import EndToEndTimes
from benchmarks.compare.goals import Goal, GoalOutcome
from benchmarks.compare.scheme_selection import seal_role, tenseal_role
from benchmarks.compare.step_times import StepTimes
from benchmarks.compare.timing import Series, Spread
from gallery.parameters import COMPACT, PARAMETER_SETS

PROBE_TIMES = 15
SCAN_TIMES = 20
COMMAND_TIMES = 50
PROBE_MEGABYTES = {"standard": 7.0, "compact": 4.5}
FAISS_TIMES = {"standard": 12.0, "compact": 8.0}
"""What is to be reached, by parameter set where they differ."""


def check_goals(times: StepTimes, end_to_end: EndToEndTimes) -> list[GoalOutcome]:
    """Hold what was measured with d = 128 to the goals."""
    found = [outcome for name in PARAMETER_SETS for outcome in _outcomes(name, times)]
    what = (
        f"{end_to_end.probes:,} probes in one `gallery identify`, "
        "against one with backend seal each"
    )
    goal = Goal(what, COMMAND_TIMES, "at least")
    return [*found, GoalOutcome(goal, end_to_end.command.gain)]


def best_tenseal_scan(times: StepTimes) -> Series:
    """Return the scan of TenSEAL's tensors that takes least, of those that are as accurate."""
    return times.schemes[tenseal_role(COMPACT.name)].scan


def _outcomes(name: str, times: StepTimes) -> Iterator[GoalOutcome]:
    own, seal = times.schemes[name], times.schemes[seal_role(name)]
    probe = Goal(f"{name}: probe encryption, against SEAL's to bytes", PROBE_TIMES, "at least")
    yield GoalOutcome(probe, own.encrypt.times_faster_than(times.seal_probes[name]))
    megabytes = own.sent_bytes / 1e6
    size = Goal(f"{name}: a probe on the wire", PROBE_MEGABYTES[name], "at most", "MB")
    yield GoalOutcome(size, Spread.of([megabytes]))
    for baseline, series in (
        ("SEAL's evaluator", seal.scan),
        ("TenSEAL", best_tenseal_scan(times)),
    ):
        scan = Goal(f"{name}: scan, against {baseline} at its best", SCAN_TIMES, "at least")
        yield GoalOutcome(scan, own.scan.times_faster_than(series))
    plain = Goal(f"{name}: scan, times as long as FAISS in clear", FAISS_TIMES[name], "at most")
    yield GoalOutcome(plain, times.faiss.times_faster_than(own.scan))
