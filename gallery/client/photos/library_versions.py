"""The versions of this package and of the libraries that compute embeddings besides the model."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Final

_PACKAGES: Final = (
    "encrypted-face-gallery",
    "dlib-bin",
    "dlib",
    "onnxruntime",
    "tensorflow",
    "opencv-contrib-python-headless",
    "opencv-python-headless",
    "opencv-python",
    "pillow",
)


@cache
def library_versions() -> str:
    """Return one line of names and versions, of those that are installed."""
    return " ".join(f"{name}={found}" for name in _PACKAGES if (found := _version(name)))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
