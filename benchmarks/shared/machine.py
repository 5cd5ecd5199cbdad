"""The machine of a measurement: its processor, its memory, and the versions of its packages."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from gallery.evaluator.native import usable_cores

PACKAGES = ("numpy", "numba", "llvmlite", "tenseal", "faiss-cpu")


def describe_machine() -> dict[str, str | int]:
    """Name processor, cores, memory, system, and the versions of the packages that matter."""
    found: dict[str, str | int] = {
        "processor": _processor(),
        "cores": usable_cores(),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    names = {key.strip(): value.strip() for key, value in fields.items()}
    family, model = names.get("cpu family", "?"), names.get("model", "?")
    return f"{names.get('model name', 'unknown')} (family {family}, model {model})"
