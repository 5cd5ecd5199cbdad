"""A user's type checker knows the types of an installed wheel."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

RIGHT = """\
from gallery.client import GalleryClient
reveal_type(GalleryClient.identify)
"""
WRONG = """\
from gallery.client import GalleryClient
def search(client: GalleryClient) -> None: client.identify([1.0], k="1")
"""


@pytest.fixture
def environment(wheel: Path, tmp_path: Path) -> Path:
    """Return an environment that has the wheel and nothing of the checkout."""
    folder = tmp_path / "environment"
    venv.create(folder)
    (packages,) = folder.glob("lib/python3.*/site-packages")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", packages, wheel], check=True)
    return folder


def check(program: str, environment: Path) -> tuple[int, str]:
    """Return how mypy ends, and what it says, for a user of an environment."""
    pytest.importorskip("mypy")
    folder = environment.parent
    (folder / "program.py").write_text(program)
    options: list[str | Path] = [
        "--python-executable",
        environment / "bin" / "python",
        "--cache-dir",
        os.devnull,
    ]
    paths = {"MYPYPATH", "PYTHONPATH"}  # either could lead to a checkout
    variables = {name: value for name, value in os.environ.items() if name not in paths}
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "program.py"],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_right_use_has_types(environment: Path) -> None:
    code, said = check(RIGHT, environment)

    assert code == 0, said
    revealed = re.findall(r'Revealed type is "(.*)"', said)
    assert len(revealed) == 1
    assert revealed[0].startswith(
        "def (self: gallery.client.methods.search_methods.SearchMethods, "
    )
    assert revealed[0].endswith(" -> gallery.client.searching.candidates.Identification")


def test_wrong_use_is_reported(environment: Path) -> None:
    code, said = check(WRONG, environment)

    assert code == 1, said
    assert re.search(r'^program.py:2: error: Argument "k" to "identify" .*"int"', said, re.M), said


def test_without_the_marker_nothing_would_be_known(environment: Path) -> None:
    (marker,) = environment.rglob("gallery/py.typed")
    marker.unlink()

    code, said = check(RIGHT, environment)

    assert code == 1, said
    assert "import-untyped" in said
