"""The goals of this project for d = 128, and their outcomes in one run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.compare.end_to_end import EndToEndTimes
from benchmarks.compare.plain_search import HINTED_SETS, BesidePlain
from benchmarks.compare.scheme_selection import CKKS_SETS, seal_role, tenseal_role
from benchmarks.compare.sizes import MILLION, REFERENCES
from benchmarks.compare.step_times import StepTimes
from benchmarks.shared.goals import Goal, GoalOutcome
from benchmarks.shared.timing import Series, Spread
from gallery.parameters import COMPACT

PROBE_TIMES = 15
SCAN_TIMES = 20
COMMAND_TIMES = 50
PROBE_MEGABYTES = {"standard": 7.0, "compact": 4.5, "swift": 0.45, "light": 0.13}
FAISS_TIMES = {
    "standard": {REFERENCES: 12.0},
    "compact": {REFERENCES: 8.0},
    "swift": {REFERENCES: 3.2, MILLION: 1.5},
    "light": {REFERENCES: 1.2, MILLION: 0.9},
}
THREAD_TIMES = 1.7
PROBE_MILLISECONDS = 2.5
ANSWER_BYTES = {"swift": 6.9, "light": 3.9}
OPENING_NANOSECONDS = 12.0
"""What is to be reached, by parameter set and number of references where they differ."""


def check_goals(
    times: StepTimes, plain: Sequence[BesidePlain], end_to_end: EndToEndTimes
) -> list[GoalOutcome]:
    """Hold what was measured with d = 128 to the goals."""
    found = [outcome for name in CKKS_SETS for outcome in _ckks_outcomes(name, times)]
    found += [outcome for name in HINTED_SETS for outcome in _hinted_outcomes(name, times)]
    found += [outcome for one in plain for outcome in _plain_outcomes(one)]
    what = (
        f"{end_to_end.probes:,} probes in one `gallery identify`, "
        "against one with backend seal each"
    )
    goal = Goal(what, COMMAND_TIMES, "at least")
    return [*found, GoalOutcome(goal, end_to_end.command.gain)]


def best_tenseal_scan(times: StepTimes) -> Series:
    """Return the scan of TenSEAL's tensors that takes least, of those that are as accurate."""
    return times.schemes[tenseal_role(COMPACT.name)].scan


def _ckks_outcomes(name: str, times: StepTimes) -> Iterator[GoalOutcome]:
    own, seal = times.schemes[name], times.schemes[seal_role(name)]
    probe = Goal(f"{name}: probe encryption, against SEAL's to bytes", PROBE_TIMES, "at least")
    yield GoalOutcome(probe, own.encrypt.times_faster_than(times.seal_probes[name]))
    yield _probe_size(name, times)
    for baseline, series in (
        ("SEAL's evaluator", seal.scan),
        ("TenSEAL", best_tenseal_scan(times)),
    ):
        scan = Goal(f"{name}: scan, against {baseline} at its best", SCAN_TIMES, "at least")
        yield GoalOutcome(scan, own.scan.times_faster_than(series))
    bound = FAISS_TIMES[name][REFERENCES]
    plain = Goal(f"{name}: scan, times as long as FAISS in clear", bound, "at most")
    yield GoalOutcome(plain, times.faiss.times_faster_than(own.scan))


def _hinted_outcomes(name: str, times: StepTimes) -> Iterator[GoalOutcome]:
    own = times.schemes[name]
    probe = Goal(f"{name}: probe encryption", PROBE_MILLISECONDS, "at most", "ms")
    yield GoalOutcome(probe, own.encrypt.spread.times(1e3))
    yield _probe_size(name, times)
    size = Goal(f"{name}: an answer on the wire", ANSWER_BYTES[name], "at most", "B a reference")
    yield GoalOutcome(size, Spread.of([own.answer_bytes]))
    what = f"{name}: an answer checked and decrypted"
    opening = Goal(what, OPENING_NANOSECONDS, "at most", "ns a reference")
    yield GoalOutcome(opening, own.opening.spread.times(1e9))


def _probe_size(name: str, times: StepTimes) -> GoalOutcome:
    megabytes = times.schemes[name].sent_bytes / 1e6
    goal = Goal(f"{name}: a probe on the wire", PROBE_MEGABYTES[name], "at most", "MB")
    return GoalOutcome(goal, Spread.of([megabytes]))


def _plain_outcomes(one: BesidePlain) -> Iterator[GoalOutcome]:
    what = f"{one.parameters}: scan of {one.references:,}"
    bound = FAISS_TIMES[one.parameters].get(one.references)
    if bound is not None:
        goal = Goal(f"{what}, times as long as FAISS in clear", bound, "at most")
        yield GoalOutcome(goal, one.times_faiss)
    if one.gain_of_threads is not None:
        gain = Goal(f"{what}, two threads against one", THREAD_TIMES, "at least")
        yield GoalOutcome(gain, one.gain_of_threads)
