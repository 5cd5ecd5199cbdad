"""Packages that cannot be loaded here: no mistake of the program, and told in their own words."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gallery.commands.unusable_packages import package_refusal
from gallery.errors import MachineError, MissingDependencyError

PROCESSOR = RuntimeError(
    "NumPy was built with baseline optimizations: \n(X86_V2) but your machine doesn't support:\n"
    "(X86_V2)."
)
"""What NumPy says on a processor, or in a virtual machine, that lacks what it was compiled for."""


def gallery(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gallery", "galleries", "--database", "sqlite:///there.db"],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_processor_that_numpy_was_not_compiled_for_is_no_internal_error(tmp_path: Path) -> None:
    baseline = importlib.import_module("numpy._core._multiarray_umath").__cpu_baseline__
    if not baseline:
        pytest.skip("this NumPy takes every processor")
    (tmp_path / "there.db").touch()

    done = gallery(tmp_path, NPY_DISABLE_CPU_FEATURES=baseline[-1])

    assert done.returncode == MachineError.exit_code, done.stderr
    assert done.stderr.startswith("error: NumPy cannot be loaded: ")
    assert "NPY_DISABLE_CPU_FEATURES" in done.stderr and done.stderr.count("\n") == 1


def test_virtual_machines_are_named_where_the_processor_is_at_fault() -> None:
    refusal = package_refusal(PROCESSOR)

    assert isinstance(refusal, MachineError)
    assert "doesn't support: (X86_V2); a virtual machine can hide" in refusal.message


def test_a_package_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    (tmp_path / "there.db").touch()
    (tmp_path / "packages" / "sqlalchemy").mkdir(parents=True)
    (tmp_path / "packages" / "sqlalchemy" / "__init__.py").write_text(
        "raise ImportError('libsomething.so.1: cannot open shared object file')", encoding="utf-8"
    )

    done = gallery(tmp_path, PYTHONPATH=str(tmp_path / "packages"))

    assert done.returncode == MissingDependencyError.exit_code, done.stderr
    assert "the package sqlalchemy cannot be loaded: libsomething.so.1: cannot" in done.stderr


def test_a_package_for_which_there_is_no_memory_is_not_to_be_installed_anew() -> None:
    words = "libvpx.so.11: failed to map segment from shared object"
    refusal = package_refusal(ImportError(words, name="cv2"))

    assert isinstance(refusal, MissingDependencyError)
    assert f"cv2 cannot be loaded: {words}; there is too little memory" in refusal.message


@pytest.mark.parametrize(
    "error",
    [
        ImportError("cannot import name 'x' from 'gallery.y'", name="gallery.y"),
        RuntimeError("something else"),
        ValueError("something else"),
    ],
)
def test_other_errors_are_mistakes_of_the_program(error: Exception) -> None:
    assert package_refusal(error) is None
