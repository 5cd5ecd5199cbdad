"""The face detectors of DeepFace that are supported: their files, packages and licences.

Names, files and addresses are those of DeepFace 0.0.103 (``models/face_detection/*.py``) and of
retina-face 0.0.19, which it calls. Left out: ``mediapipe`` (its package brings a second OpenCV and
fails), ``fastmtcnn`` (needs PyTorch) and the ``yolo`` family (needs ultralytics, AGPL).

SHA-256 is known of dlib's file (computed from the package), of yunet's (the Git LFS pointer in
opencv/opencv_zoo), of the large one of ssd (several projects that pin the same address have the
same) and of OpenCV's own (computed from its packages 4.9 and 4.14). retinaface's, centerface's and
the small one of ssd have none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gallery.client.photos.face_model import Licence, Runtime, WeightsFile, suggestion
from gallery.errors import UnknownDetectorError

WHOLE_PHOTO: Final = "skip"
"""The detector that looks for no face: all of the photo counts as one. For photos that were cropped
and aligned before."""


@dataclass(frozen=True)
class FaceDetector:
    """A face detector: finds the face that is cropped out of a photo.

    Attributes
    ----------
    name
        DeepFace's name of the detector.
    licence
        The licence of what it finds faces with; None where it looks for none.
    onnx, tensorflow
        Files that it needs in DeepFace's weights folder, for each runtime.
    modules
        Python modules that it needs besides DeepFace and its runtime.
    """

    name: str
    licence: Licence | None
    onnx: tuple[WeightsFile, ...] = ()
    tensorflow: tuple[WeightsFile, ...] = ()
    modules: tuple[str, ...] = ()

    def weights(self, runtime: Runtime) -> tuple[WeightsFile, ...]:
        """Return the weights files that the detector wants under `runtime`."""
        return self.onnx if runtime == "onnx" else self.tensorflow


def _either(
    name: str, licence: Licence | None, *files: WeightsFile, modules: tuple[str, ...] = ()
) -> FaceDetector:
    return FaceDetector(name, licence, files, files, modules)


def _retinaface(extension: str) -> WeightsFile:
    name = f"retinaface.{extension}"
    return WeightsFile(
        name,
        (
            f"https://github.com/serengil/deepface_models/releases/download/v1.0/{name}",
            f"https://huggingface.co/serengil/deepface/resolve/main/{name}",
        ),
        megabytes=119.0,
    )


_OPENCV: Final = Licence("Apache-2.0", "https://github.com/opencv/opencv/blob/4.x/LICENSE")
_DLIB: Final = Licence("CC0-1.0", "https://github.com/davisking/dlib-models/blob/master/LICENSE")
_RETINAFACE: Final = Licence("MIT", "https://github.com/serengil/retinaface/blob/master/LICENSE")
_YUNET: Final = Licence(
    "MIT", "https://github.com/opencv/opencv_zoo/blob/main/models/face_detection_yunet/LICENSE"
)
_CENTERFACE: Final = Licence("other", "https://github.com/Star-Clouds/CenterFace")
_MTCNN: Final = Licence("MIT", "https://github.com/ipazc/mtcnn/blob/master/LICENSE")


HAAR_FILES: Final = (
    WeightsFile(
        "haarcascade_frontalface_default.xml",
        (
            "https://github.com/opencv/opencv/raw/4.9.0/data/haarcascades/"
            "haarcascade_frontalface_default.xml",
        ),
        "0f7d4527844eb514d4a4948e822da90fbb16a34a0bbbbc6adc6498747a5aafb0",
    ),
    WeightsFile(
        "haarcascade_eye.xml",
        ("https://github.com/opencv/opencv/raw/4.9.0/data/haarcascades/haarcascade_eye.xml",),
        "71cc64fc305a355dc60067880f6fbbd43dd155bd63ee3844661a1bda34b2fd8c",
    ),
)
"""The files of OpenCV's own detector, which OpenCV 4 brings and OpenCV 5 does not."""

_TABLE: Final = (
    _either("opencv", _OPENCV),
    _either(
        "dlib",
        _DLIB,
        WeightsFile(
            "shape_predictor_5_face_landmarks.dat",
            ("https://dlib.net/files/shape_predictor_5_face_landmarks.dat.bz2",),
            "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
            9.2,
            packaged=True,
        ),
        modules=("dlib",),
    ),
    FaceDetector(
        "retinaface",
        _RETINAFACE,
        (_retinaface("onnx"),),
        (_retinaface("h5"),),
        modules=("retinaface",),
    ),
    _either(
        "yunet",
        _YUNET,
        WeightsFile(
            "face_detection_yunet_2023mar.onnx",
            (
                "https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/"
                "face_detection_yunet_2023mar.onnx",
            ),
            "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
            0.2,
        ),
    ),
    _either(
        "ssd",
        _OPENCV,
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
            "2a56a11a57a4a295956b0660b4a3d76bbdca2206c4961cea8efe7d95c7cb2f2d",
            10.7,
        ),
    ),
    _either(
        "centerface",
        _CENTERFACE,
        WeightsFile(
            "centerface.onnx",
            ("https://github.com/Star-Clouds/CenterFace/raw/master/models/onnx/centerface.onnx",),
            megabytes=7.3,
        ),
    ),
    _either("mtcnn", _MTCNN, modules=("mtcnn", "tensorflow")),
    _either(WHOLE_PHOTO, None),
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
