"""Inputs of the commands: what kind a path is, and embeddings out of ``.npz`` files."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from gallery.client.photos.folders import is_photo
from gallery.errors import SourceError

_MOST_DEFLATED = 1032
"""Bytes that one byte of a zip archive can unpack to at most (zlib's technical details)."""


class SourceKind(Enum):
    """What a path is."""

    PHOTO = auto()
    FOLDER = auto()
    EMBEDDINGS = auto()


@dataclass(frozen=True, eq=False)
class EmbeddingFile:
    """Embeddings out of a file.

    Attributes
    ----------
    embeddings
        Real numbers, shape (n, d).
    labels
        The n labels; empty if the file has none.
    model
        The model that made them, or None if the file does not say.
    """

    embeddings: npt.NDArray[np.generic]
    labels: list[str]
    model: str | None


def kind_of(path: Path) -> SourceKind:
    """Tell what a path is: a folder, a file of embeddings, or a photo."""
    if path.is_dir():
        return SourceKind.FOLDER
    return SourceKind.EMBEDDINGS if path.suffix.lower() == ".npz" else SourceKind.PHOTO


def find_probe_photos(folder: Path) -> list[Path]:
    """Return all photos in and below a folder, sorted (`SourceError` if there are none)."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and is_photo(path))
    if not found:
        raise SourceError(f"the folder {folder} holds no photos")
    return found


def read_embeddings(path: Path, *, need_labels: bool = False) -> EmbeddingFile:
    """Read a ``.npz`` file: ``embeddings`` (n, d), and optionally ``labels`` (n,) and ``model``.

    Nothing in the file is executed: arrays of Python objects are refused.

    Raises
    ------
    SourceError
        If the file is not such a file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = {name: _member(archive, name, path) for name in _names(archive)}
    except SourceError:
        raise
    except Exception as error:  # zipfile, zlib and NumPy pass on whatever damage leads them to
        reason = getattr(error, "strerror", None) or "it is no .npz file, or a damaged one"
        raise SourceError(f"cannot read {path}: {reason}") from error
    embeddings = arrays.get("embeddings")
    if embeddings is None:
        raise SourceError(
            f"{path} has no array 'embeddings'; it has {', '.join(sorted(arrays)) or 'none'}. "
            "Write it with numpy.savez(path, embeddings=..., labels=...)"
        )
    labels = _labels(arrays.get("labels"), len(np.atleast_2d(embeddings)), path)
    if need_labels and not labels:
        raise SourceError(f"{path} has no array 'labels', one for each embedding")
    return EmbeddingFile(embeddings, labels, _model(arrays.get("model"), path))


def _names(archive: zipfile.ZipFile) -> list[str]:
    wanted = ("embeddings", "labels", "model")
    return [name for name in wanted if f"{name}.npy" in archive.namelist()]


def _member(archive: zipfile.ZipFile, name: str, path: Path) -> npt.NDArray[np.generic]:
    """Read one array, after checking that its header does not claim more than the file holds."""
    info = archive.getinfo(f"{name}.npy")
    try:
        with archive.open(info) as file:
            shape, dtype = _header(file)
            if dtype.hasobject:
                raise SourceError(
                    f"{path}: array {name!r} holds Python objects, which are not loaded; "
                    "make it an array of numbers, or of text: numpy.array(labels, dtype=str)"
                )
            size = int(np.prod(shape, dtype=object)) * dtype.itemsize + file.tell()
            if size != info.file_size or size > _MOST_DEFLATED * path.stat().st_size:
                raise SourceError(f"{path}: array {name!r} has not the size that its header claims")
        with archive.open(info) as file:
            array: npt.NDArray[np.generic] = np.lib.format.read_array(file, allow_pickle=False)
    except ValueError as error:
        raise SourceError(f"{path}: array {name!r} is no NumPy array") from error
    return array


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    version = np.lib.format.read_magic(file)
    read = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, _, dtype = read(file)
    return shape, dtype


def _labels(array: npt.NDArray[np.generic] | None, count: int, path: Path) -> list[str]:
    if array is None:
        return []
    if array.shape != (count,) or array.dtype.kind not in "Uiu":
        raise SourceError(
            f"{path}: 'labels' must be text, one for each of the {count} embeddings; "
            f"found shape {array.shape} and type {array.dtype}"
        )
    try:
        return [str(label) for label in array.tolist()]
    except (ValueError, SystemError) as error:  # a number that is no character
        raise SourceError(f"{path}: 'labels' holds what is not text") from error


def _model(array: npt.NDArray[np.generic] | None, path: Path) -> str | None:
    if array is None:
        return None
    if array.size != 1 or array.dtype.kind != "U":
        raise SourceError(f"{path}: 'model' must be the name of one model")
    return str(array.item())
