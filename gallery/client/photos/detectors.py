"""The face detectors of DeepFace that can be relied on here, and what each needs.

Names, files and addresses are those of DeepFace 0.0.103 (``models/face_detection/*.py``) and of
retina-face 0.0.19, which it calls. Left out: ``mediapipe`` (its package brings a second OpenCV and
fails), ``fastmtcnn`` (needs PyTorch) and the ``yolo`` family (needs ultralytics, AGPL).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gallery.client.photos.face_model import Runtime, WeightsFile, suggestion
from gallery.errors import UnknownDetectorError


@dataclass(frozen=True)
class FaceDetector:
    """A face detector: finds the face that is cropped out of a photo.

    Attributes
    ----------
    name
        DeepFace's name of the detector.
    onnx, tensorflow
        Files that it needs in DeepFace's weights folder, for each runtime.
    modules
        Python modules that it needs besides DeepFace and its runtime.
    """

    name: str
    onnx: tuple[WeightsFile, ...] = ()
    tensorflow: tuple[WeightsFile, ...] = ()
    modules: tuple[str, ...] = ()

    def weights(self, runtime: Runtime) -> tuple[WeightsFile, ...]:
        """Return the weights files that the detector wants under `runtime`."""
        return self.onnx if runtime == "onnx" else self.tensorflow


def _either(name: str, *files: WeightsFile, modules: tuple[str, ...] = ()) -> FaceDetector:
    return FaceDetector(name, files, files, modules)


def _retinaface(extension: str) -> WeightsFile:
    name = f"retinaface.{extension}"
    return WeightsFile(
        name,
        (
            f"https://github.com/serengil/deepface_models/releases/download/v1.0/{name}",
            f"https://huggingface.co/serengil/deepface/resolve/main/{name}",
        ),
    )


_TABLE: Final = (
    _either("opencv"),
    _either(
        "dlib",
        WeightsFile(
            "shape_predictor_5_face_landmarks.dat",
            ("https://dlib.net/files/shape_predictor_5_face_landmarks.dat.bz2",),
            "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
        ),
        modules=("dlib",),
    ),
    FaceDetector(
        "retinaface", (_retinaface("onnx"),), (_retinaface("h5"),), modules=("retinaface",)
    ),
    _either(
        "yunet",
        WeightsFile(
            "face_detection_yunet_2023mar.onnx",
            (
                "https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/"
                "face_detection_yunet_2023mar.onnx",
            ),
        ),
    ),
    _either(
        "ssd",
        WeightsFile(
            "deploy.prototxt",
            (
                "https://github.com/opencv/opencv/raw/3.4.0/samples/dnn/face_detector/"
                "deploy.prototxt",
            ),
        ),
        WeightsFile(
            "res10_300x300_ssd_iter_140000.caffemodel",
            (
                "https://github.com/opencv/opencv_3rdparty/raw/dnn_samples_face_detector_20170830/"
                "res10_300x300_ssd_iter_140000.caffemodel",
            ),
        ),
    ),
    _either(
        "centerface",
        WeightsFile(
            "centerface.onnx",
            ("https://github.com/Star-Clouds/CenterFace/raw/master/models/onnx/centerface.onnx",),
        ),
    ),
    _either("mtcnn", modules=("mtcnn", "tensorflow")),
    # The whole photo counts as the face: for photos that were cropped and aligned before.
    _either("skip"),
)

DETECTORS: Final[Mapping[str, FaceDetector]] = MappingProxyType(
    {detector.name: detector for detector in _TABLE}
)
"""Every known face detector by its name."""


def find_detector(name: str) -> FaceDetector:
    """Return the face detector named `name`.

    Raises
    ------
    UnknownDetectorError
        No detector has exactly this name; the message lists all names and the closest one.
    """
    try:
        return DETECTORS[name]
    except KeyError:
        raise UnknownDetectorError(
            f"There is no face detector named {name!r}.{suggestion(name, DETECTORS)}"
            f" Known detectors: {', '.join(DETECTORS)}."
        ) from None
