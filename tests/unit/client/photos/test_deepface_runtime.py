"""The errors for packages that photos need and that are not installed."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from gallery.client.photos.deepface_runtime import require_modules
from gallery.errors import MissingDependencyError


def test_each_missing_package_is_told_with_what_brings_it() -> None:
    with pytest.raises(MissingDependencyError) as caught:
        require_modules(("sys", "no_such_module", "no_such_other"), "Reading photos")

    assert str(caught.value) == (
        "Reading photos needs no_such_module, no_such_other, not installed here: "
        "pip install 'encrypted-face-gallery[photos]'"
    )


@pytest.mark.skipif(find_spec("mtcnn") is not None, reason="the package mtcnn is installed")
def test_the_detector_mtcnn_comes_by_a_package_of_its_own() -> None:
    with pytest.raises(MissingDependencyError, match="pip install mtcnn and pip install 'encr"):
        require_modules(("mtcnn", "no_such_module"), "mtcnn")
