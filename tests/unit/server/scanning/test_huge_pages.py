"""Copies in huge pages are the same numbers, wherever they lie."""

from __future__ import annotations

import mmap

import numpy as np
import pytest

from gallery.server.scanning.huge_pages import HUGE_PAGE, in_huge_pages

SIZES = [0, 1, HUGE_PAGE // 4 - 1, HUGE_PAGE // 4, HUGE_PAGE // 4 + 3, 2 * HUGE_PAGE // 4 + 5000]


def some(count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 2**32, count, dtype=np.uint32)


@pytest.mark.parametrize("count", SIZES)
def test_a_copy_is_the_same_and_cannot_be_written(count: int) -> None:
    residues = some(count)

    copy = in_huge_pages(residues)

    assert copy.dtype == np.uint32
    assert np.array_equal(copy, residues)
    assert not copy.flags.writeable
    assert not np.shares_memory(copy, residues)


def test_the_shape_stays() -> None:
    residues = some(3 * 2**20).reshape(3, 2**10, -1, 16)

    assert np.array_equal(in_huge_pages(residues), residues)


@pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="the system has no such pages")
def test_a_large_copy_begins_with_a_huge_page() -> None:
    assert in_huge_pages(some(HUGE_PAGE)).ctypes.data % HUGE_PAGE == 0


def test_a_copy_is_made_where_the_system_refuses_huge_pages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no memory can be mapped")

    monkeypatch.setattr(mmap, "mmap", refuse)
    residues = some(HUGE_PAGE)

    assert np.array_equal(in_huge_pages(residues), residues)
