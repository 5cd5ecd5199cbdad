"""The demo and its desk: what they lack is told before photos are fetched."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gallery.errors import UnknownModelError
from tests.unit.commands.conftest import Command


@pytest.mark.parametrize("package", ["fastapi", "jinja2", "python_multipart"])
def test_a_package_that_is_missing_is_told_first(package: str) -> None:
    program = (
        f"import sys; sys.modules[{package!r}] = None; from gallery.__main__ import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "demo", "--desk"], capture_output=True, text=True
    )

    assert f"the desk needs the package {package}" in done.stderr
    assert "pip install 'encrypted-face-gallery[desk,photos]'" in done.stderr
    assert "fetching" not in done.stderr
    assert done.returncode not in (0, 1)


def test_a_model_that_there_is_not_is_told_first(command: Command) -> None:
    done = command("demo", "--model", "Nobody")

    assert done.code == UnknownModelError.exit_code
    assert "fetching" not in done.err
