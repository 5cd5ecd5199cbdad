"""The home folder, where there is none."""

from __future__ import annotations

import pwd
from collections.abc import Callable
from pathlib import Path

import pytest

from gallery.client.photos.trusted_weights import TrustedWeights
from gallery.client.photos.weights import weights_folder
from gallery.commands.options import default_key_file
from gallery.demo.samples import default_cache_dir
from gallery.errors import MachineError

PLACES: list[tuple[Callable[[], Path], str, str]] = [
    (default_key_file, "GALLERY_KEY", "XDG_DATA_HOME"),
    (weights_folder, "DEEPFACE_HOME", "DEEPFACE_HOME"),
    (lambda: TrustedWeights().path, "XDG_DATA_HOME", "XDG_DATA_HOME"),
    (default_cache_dir, "XDG_CACHE_HOME", "XDG_CACHE_HOME"),
]


@pytest.fixture(params=["unset", "empty", "relative"])
def _homeless(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user whom the system does not know, as in a container with a number for a user."""

    def unknown(_: int) -> None:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "DEEPFACE_HOME"):
        monkeypatch.delenv(name, raising=False)
    if request.param == "unset":
        monkeypatch.delenv("HOME", raising=False)
    else:
        monkeypatch.setenv("HOME", "" if request.param == "empty" else "home")


@pytest.mark.usefixtures("_homeless")
@pytest.mark.parametrize(("place", "named", "variable"), PLACES)
def test_what_lies_in_the_home_folder_names_the_variable_to_set(
    place: Callable[[], Path],
    named: str,
    variable: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(MachineError, match=f"set {named}, or HOME"):
        place()

    monkeypatch.setenv(variable, str(tmp_path))
    assert place().is_relative_to(tmp_path)
