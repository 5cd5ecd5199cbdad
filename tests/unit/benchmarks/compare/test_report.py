"""The report of a comparison: figures of the last line by name, and verdicts on all goals."""

from __future__ import annotations

import json

import pytest

from benchmarks.compare.end_to_end import CallTimes, EndToEndTimes
from benchmarks.compare.plain_search import HINTED_SETS, BesidePlain
from benchmarks.compare.report import Results, assemble, headline
from benchmarks.compare.scheme_selection import CKKS_SETS, NOTEBOOK, seal_role, tenseal_role
from benchmarks.compare.sizes import MILLION, REFERENCES
from benchmarks.compare.step_times import SchemeSteps, StepTimes
from benchmarks.shared.timing import Series
from gallery.parameters import PARAMETER_SETS

REPEATS = 3


def series(nanoseconds: float) -> Series:
    return Series((nanoseconds * 1e-9,) * REPEATS)


def steps(name: str, scan: float) -> SchemeSteps:
    """Return steps that take 9 ns for each reference to open, 2 of them for the check of hinted."""
    check = series(2.0) if name in HINTED_SETS else None
    decrypt = series(7.0 if check else 9.0)
    enroll, encrypt = series(6_000.0), series(2e6)
    times = enroll, encrypt, series(scan), check, decrypt
    return SchemeSteps(name, 128, REFERENCES, *times, 123_456, 3.7, 1_078.0)


def beside(name: str, references: int, scan: float) -> BesidePlain:
    times = series(50.0), series(scan), series(scan / 1.8)
    return BesidePlain(name, 128, references, 1_024.0, *times)


@pytest.fixture
def results() -> Results:
    schemes = {name: steps(name, 70.0) for name in PARAMETER_SETS}
    for name in CKKS_SETS:
        schemes |= {role: steps(role, 7_000.0) for role in (seal_role(name), tenseal_role(name))}
    schemes[NOTEBOOK] = steps(NOTEBOOK, 1e7)
    times = StepTimes(schemes, series(25.0), dict.fromkeys(CKKS_SETS, series(2e8)))
    plain = [
        beside(name, references, scan)
        for references, scan in ((REFERENCES, 68.0), (MILLION, 69.0))
        for name in HINTED_SETS
    ]
    calls = CallTimes(series(1e7), series(1e9))
    whole = EndToEndTimes("standard", 128, REFERENCES, 1_000, 1e-4, calls, calls)
    peaks = {"standard": {REFERENCES: 600_000_000}}
    return Results({}, {128: times}, [], plain, ["too large"], whole, peaks)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("scan_ns_per_template", 70.0),
        ("faiss_ns_per_vector", 25.0),
        ("scan_ns_per_template_swift", 68.0),
        ("scan_ns_per_template_light", 68.0),
        ("scan_ns_per_template_swift_1m", 69.0),
        ("scan_ns_per_template_light_1m", 69.0),
        ("faiss_ns_per_vector_1m", 50.0),
        ("probe_ms_swift", 2.0),
        ("probe_bytes_swift", 123_456),
        ("probe_bytes_light", 123_456),
        ("result_bytes_per_template_swift", 3.7),
        ("result_bytes_per_template_light", 3.7),
        ("decrypt_ns_per_template_swift", 9.0),
        ("stored_bytes_per_template_swift", 1_078.0),
        ("stored_bytes_per_template_light", 1_078.0),
        ("ratio_scan_to_faiss_swift_1m", 1.38),
        ("ratio_one_to_two_threads_light_1m", 1.8),
    ],
)
def test_the_last_line_names_its_figures(results: Results, key: str, value: float) -> None:
    assert headline(results)[key] == pytest.approx(value, rel=1e-3)


def test_every_hinted_set_is_held_to_its_goals(results: Results) -> None:
    report = assemble(results)
    texts = [outcome["text"] for outcome in report["verdicts"]]
    for name in HINTED_SETS:
        own = [text for text in texts if text.startswith(f"{name}: ")]
        # Probe's time and size, answer's size and opening; two sizes beside FAISS, on two threads.
        assert len(own) == 8
    assert any(
        "swift: scan of 1,000,000, times as long as FAISS in clear: 1.38" in t for t in texts
    )
    assert json.loads(json.dumps(report)) == report


def test_sizes_that_memory_was_too_small_for_have_no_figures(results: Results) -> None:
    results.plain.clear()
    figures = headline(results)
    assert "decrypt_ns_per_template_swift" in figures
    assert "scan_ns_per_template_swift_1m" not in figures
