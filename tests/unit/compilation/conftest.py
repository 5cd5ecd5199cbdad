"""Modules of kernels in folders of their own, where no code lies yet."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from gallery.compilation.code_folder import VARIABLE

Loading = Callable[[str], ModuleType]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder of modules beside which no code can be kept."""
    folder = tmp_path / "installed"
    folder.mkdir()
    (folder / "__pycache__").touch()
    return folder


@pytest.fixture
def code_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that is named for compiled code."""
    folder = tmp_path / "code"
    monkeypatch.setenv(VARIABLE, str(folder))
    return folder


@pytest.fixture
def load(installed: Path) -> Loading:
    """Load a module of kernels with this source."""

    def module(source: str) -> ModuleType:
        file = installed / "kernels.py"
        file.write_text(HEAD + source)
        spec = importlib.util.spec_from_file_location("kernels", file)
        assert spec is not None
        assert spec.loader is not None
        made = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(made)
        return made

    return module


HEAD = """
from __future__ import annotations

from typing import Any

import numpy as np

from gallery.compilation import compiled, inlined, kept, stack_space
"""
