"""Scans beside plain search: what they are held to, and what memory is too small for."""

from __future__ import annotations

import pytest

from benchmarks.compare.free_memory import blocks_size, lacking
from benchmarks.compare.plain_search import HINTED_SETS, BesidePlain, time_beside_plain
from benchmarks.shared.timing import Series, Spread
from gallery.parameters import LIGHT, SWIFT


def test_every_hinted_set_is_timed_beside_faiss() -> None:
    found, skipped = time_beside_plain(4, (5_000,), 2)
    assert not skipped
    assert [one.parameters for one in found] == [*HINTED_SETS]
    assert {one.references for one in found} == {5_000}
    # Both sets were measured in the same turns.
    assert found[0].faiss == found[1].faiss
    assert all(len(one.one_thread.seconds) == 2 for one in found)


def test_ratios_are_taken_within_a_repeat() -> None:
    faiss, one, two = Series((1.0, 2.0)), Series((3.0, 6.0)), Series((2.0, 3.0))
    beside = BesidePlain("swift", 128, 1_000_000, 1_024.0, faiss, one, two)
    assert beside.times_faiss == Spread(3.0, 3.0, 3.0)
    assert beside.gain_of_threads == Spread(1.75, 1.5, 2.0)
    assert beside.gigabytes_per_second(two) == pytest.approx(1_024.0 / 2.5 / 1e9)


def test_one_core_has_no_gain() -> None:
    one = Series((1.0,))
    assert BesidePlain("swift", 128, 1, 1_024.0, one, one, None).gain_of_threads is None


def test_a_reference_takes_eight_bytes_a_value_or_four() -> None:
    assert blocks_size(SWIFT, 128, 1_000) == pytest.approx(1_024_000)
    assert blocks_size(LIGHT, 128, 1_000) == pytest.approx(512_000)


def test_a_gallery_beyond_the_memory_is_left_out() -> None:
    assert lacking(1e6, 128, 1_000, "swift") is None
    assert "swift: 1250000.0 GB needed" in (lacking(1e15, 128, 1_000, "swift") or "")
