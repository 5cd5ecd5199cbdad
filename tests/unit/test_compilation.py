"""Compiled code: where it is kept, and what is said where it cannot be."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from numba import config

from gallery.compilation import kept
from gallery.errors import MachineError


@pytest.fixture
def function(tmp_path: Path) -> Callable[[int], int]:
    """A function of a module in a folder where compiled code cannot be kept beside it."""
    folder = tmp_path / "installed"
    folder.mkdir()
    (folder / "__pycache__").touch()
    (folder / "kernel.py").write_text("def double(number):\n    return 2 * number\n")
    spec = importlib.util.spec_from_file_location("kernel", folder / "kernel.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    double: Callable[[int], int] = module.double
    return double


@pytest.fixture(params=["relative", "a file", "empty"])
def bad_home(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A working folder, and a home folder that is none."""
    work = tmp_path / "work"
    work.mkdir()
    (tmp_path / "file").touch()
    homes = {"relative": "~", "a file": str(tmp_path / "file" / "home"), "empty": ""}
    monkeypatch.setenv("HOME", homes[request.param])
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(config, "CACHE_DIR", "")
    monkeypatch.chdir(work)
    return work


def test_the_variable_is_named_where_no_folder_can_be_used(
    function: Callable[[int], int], bad_home: Path
) -> None:
    with pytest.raises(MachineError, match="NUMBA_CACHE_DIR"):
        kept(function)

    assert os.listdir(bad_home) == []


def test_a_folder_that_is_named_is_used(
    function: Callable[[int], int],
    bad_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "cache"))

    assert kept(function)(21) == 42

    assert list((tmp_path / "cache").rglob("*.nbi"))
    assert os.listdir(bad_home) == []
