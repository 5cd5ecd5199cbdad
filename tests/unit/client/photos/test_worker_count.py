"""The number of workers, by processor and memory, also in a container."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gallery.client.photos import worker_count
from gallery.client.photos.worker_count import WORKER_BYTES, default_jobs


@pytest.fixture
def cgroups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a container's limits, on a machine of 8 cores and plenty of memory."""
    monkeypatch.setattr(worker_count, "_CGROUPS", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    memory = tmp_path / "memory"
    memory.mkdir()
    (tmp_path / "memory.max").write_text(f"{20 * WORKER_BYTES}\n")
    (tmp_path / "memory.current").write_text("0\n")
    monkeypatch.setattr(worker_count, "_MEMORY", tmp_path / "meminfo")
    (tmp_path / "meminfo").write_text("MemTotal: 99999999 kB\nMemAvailable: 90000000 kB\n")
    return tmp_path


@pytest.mark.parametrize(
    ("quota", "jobs"), [("max 100000", 8), ("150000 100000", 2), ("50000 100000", 1), ("", 8)]
)
def test_cores_of_a_container(cgroups: Path, quota: str, jobs: int) -> None:
    (cgroups / "cpu.max").write_text(quota)
    assert default_jobs() == jobs


def test_cores_of_an_older_container(cgroups: Path) -> None:
    (cgroups / "cpu").mkdir()
    (cgroups / "cpu/cpu.cfs_quota_us").write_text("300000\n")
    (cgroups / "cpu/cpu.cfs_period_us").write_text("100000\n")
    assert default_jobs() == 3


def test_memory_bounds_them(cgroups: Path) -> None:
    (cgroups / "memory.current").write_text(f"{17 * WORKER_BYTES}\n")
    assert default_jobs() == 3
    (cgroups / "memory.current").write_text(f"{20 * WORKER_BYTES}\n")
    assert default_jobs() == 1
    (cgroups / "memory.max").write_text("max\n")
    assert default_jobs() == 8
    (cgroups / "meminfo").write_text(f"MemAvailable: {2 * WORKER_BYTES // 1024 + 1} kB\n")
    assert default_jobs() == 2


def test_a_system_that_says_nothing(cgroups: Path) -> None:
    for name in ("memory.max", "meminfo"):
        (cgroups / name).unlink()
    assert default_jobs() == 8
