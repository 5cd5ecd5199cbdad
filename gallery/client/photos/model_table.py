"""The face models that DeepFace offers, as a table that needs no DeepFace.

Names, dimensions, file names, addresses and thresholds are those of DeepFace 0.0.103
(``config/threshold.py``, ``models/facial_recognition/{onnx,tf,dlib}/*.py``); a unit test compares
them with the installed DeepFace, so that the two cannot drift. Left out is the model that is itself
named DeepFace: its TensorFlow weights come as an archive and nobody needs a twelfth model.

Hashes
------
SHA-256 is known of Dlib's file (computed from the package) and of SFace's (the Git LFS pointer in
opencv/opencv_zoo). DeepFace's own releases, GhostFaceNet's and Buffalo_L publish none.

Sizes
-----
Those of published files, rounded; of the ONNX files, which nobody lists, four bytes for each of the
model's parameters.

False match rates
-----------------
Dlib with two detectors, over the comparisons of different people in the London set (photos of one
studio, 102 people, two each; with the detector opencv the largest face). No other weights were at
hand.

Norm bounds
-----------
``norm_bound`` scales raw embeddings into the unit ball for the metric ``euclidean``. It is a power
of two above the largest plausible Euclidean norm. A bound that is too large only costs precision
(the error of a squared distance grows with its square, 1e-8 of it), one that is too small refuses
faces, so it is generous wherever it could not be measured here:

- Dlib: measured, 1.19 to 1.70 over LFW, 1.30 to 1.62 over the London set.
- VGG-Face and OpenFace: normalised to length 1 by DeepFace's own clients or graphs; 2 leaves room
  for rounding.
- The others: from the largest distance that DeepFace saw on its own test set (``normalizer`` in
  ``config/confidence.py``). Embeddings of strangers are nearly orthogonal, so norms are near that
  distance divided by the root of two: Facenet 18.7 (norms near 12), Facenet512 40.8 (near 28),
  ArcFace 10.4, SFace 18.8, GhostFaceNet 52.2.
- DeepID ends in a ReLU with values up to 127.9 (``config/minmax.py``) in 160 dimensions: at most
  1,618. Buffalo_L: InsightFace's raw features, norms in the low twenties; not measured here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gallery.client.photos.face_model import FaceModel, Licence, WeightsFile, suggestion
from gallery.errors import UnknownModelError

_RELEASES: Final = "https://github.com/serengil/deepface_models/releases/download/v1.0/"
_MIRROR: Final = "https://huggingface.co/serengil/deepface/resolve/main/"


def _released(name: str, megabytes: float) -> WeightsFile:
    return WeightsFile(name, (_RELEASES + name, _MIRROR + name), megabytes=megabytes)


def _on_github(name: str, repository: str, path: str) -> Licence:
    return Licence(name, f"https://github.com/{repository}/blob/{path}")


def _thresholds(cosine: float, euclidean: float, euclidean_l2: float) -> Mapping[str, float]:
    return MappingProxyType(
        {"cosine": cosine, "euclidean": euclidean, "euclidean_l2": euclidean_l2}
    )


def _converted(
    name: str,
    dimension: int,
    stem: str,
    megabytes: float,
    thresholds: Mapping[str, float],
    norm_bound: float,
    licence: Licence,
) -> FaceModel:
    """Describe a model whose weights DeepFace's author released as Keras and as ONNX files."""
    onnx, tensorflow = (_released(f"{stem}.{kind}", megabytes) for kind in ("onnx", "h5"))
    return FaceModel(name, dimension, onnx, tensorflow, thresholds, norm_bound, licence)


_DLIB_FILE: Final = WeightsFile(
    "dlib_face_recognition_resnet_model_v1.dat",
    ("https://dlib.net/files/dlib_face_recognition_resnet_model_v1.dat.bz2",),
    "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    22.5,
    packaged=True,
)
_SFACE_FILE: Final = WeightsFile(
    "face_recognition_sface_2021dec.onnx",
    (
        "https://github.com/opencv/opencv_zoo/raw/main/models/face_recognition_sface/"
        "face_recognition_sface_2021dec.onnx",
    ),
    "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
    38.7,
)
_BUFFALO_FILE: Final = WeightsFile(
    "buffalo_l/webface_r50.onnx",
    (
        "https://drive.google.com/uc?export=download&confirm=pbef"
        "&id=1N0GL-8ehw_bz2eZQWz2b0A5XBdXdxZhg",
    ),
    megabytes=174.0,
)
_GHOST_KERAS_FILE: Final = WeightsFile(
    "ghostfacenet_v1.h5",
    (
        "https://github.com/HamadYA/GhostFaceNets/releases/download/v1.2/"
        "GhostFaceNet_W1.3_S1_ArcFace.h5",
    ),
    megabytes=17.3,
)

_FACENET: Final = _on_github("MIT", "davidsandberg/facenet", "master/LICENSE.md")
_DLIB: Final = Licence("CC0-1.0", "https://github.com/davisking/dlib-models/blob/master/LICENSE")
_VGG: Final = Licence("other", "https://www.robots.ox.ac.uk/~vgg/software/vgg_face/")
_ARCFACE: Final = _on_github("MIT", "leondgarse/Keras_insightface", "master/LICENSE")
_SFACE: Final = _on_github(
    "Apache-2.0", "opencv/opencv_zoo", "main/models/face_recognition_sface/LICENSE"
)
_GHOST: Final = _on_github("MIT", "HamadYA/GhostFaceNets", "main/LICENSE")
_INSIGHTFACE: Final = _on_github(
    "non-commercial research only", "deepinsight/insightface", "master/README.md"
)
_OPENFACE: Final = _on_github("other", "iwantooxxoox/Keras-OpenFace", "master/LICENSE")
_DEEPID: Final = _on_github("other", "Ruoyiran/DeepID", "master/LICENSE.md")

_TABLE: Final = (
    _converted("Facenet", 128, "facenet_weights", 92.0, _thresholds(0.40, 10, 0.80), 32, _FACENET),
    _converted(
        "Facenet512", 512, "facenet512_weights", 95.0, _thresholds(0.30, 23.56, 1.04), 64, _FACENET
    ),
    # Dlib's thresholds only hold with faces cropped by its own detector: with detector `opencv` 5%
    # of the strangers in LFW are accepted, with `yunet` 22%, with `dlib` none. On the London set,
    # taken in one studio, `dlib` still accepts some: the rates below are of 20,604 comparisons.
    FaceModel(
        "Dlib",
        128,
        _DLIB_FILE,
        _DLIB_FILE,
        _thresholds(0.07, 0.6, 0.4),
        2,
        _DLIB,
        default_detector="dlib",
        modules=("dlib",),
        false_match_rates=MappingProxyType(
            {
                ("dlib", "cosine"): 0.0023,
                ("dlib", "euclidean"): 0.0089,
                ("dlib", "euclidean_l2"): 0.0067,
                ("opencv", "cosine"): 0.049,
                ("opencv", "euclidean"): 0.083,
                ("opencv", "euclidean_l2"): 0.103,
            }
        ),
    ),
    _converted("VGG-Face", 4096, "vgg_face_weights", 580.0, _thresholds(0.68, 1.17, 1.17), 2, _VGG),
    _converted(
        "ArcFace", 512, "arcface_weights", 137.0, _thresholds(0.68, 4.15, 1.13), 32, _ARCFACE
    ),
    FaceModel(
        "SFace", 128, _SFACE_FILE, _SFACE_FILE, _thresholds(0.593, 10.734, 1.055), 32, _SFACE
    ),
    FaceModel(
        "GhostFaceNet",
        512,
        _released("ghostfacenet_v1.onnx", 17.3),
        _GHOST_KERAS_FILE,
        _thresholds(0.65, 35.71, 1.10),
        128,
        _GHOST,
    ),
    FaceModel(
        "Buffalo_L",
        512,
        _BUFFALO_FILE,
        _BUFFALO_FILE,
        _thresholds(0.55, 0.6, 1.1),
        64,
        _INSIGHTFACE,
        modules=("insightface",),
    ),
    _converted(
        "OpenFace", 128, "openface_weights", 15.3, _thresholds(0.10, 0.55, 0.55), 2, _OPENFACE
    ),
    FaceModel(
        "DeepID",
        160,
        _released("deepid_weights.onnx", 1.6),
        _released("deepid_keras_weights.h5", 1.6),
        _thresholds(0.015, 45, 0.17),
        2048,
        _DEEPID,
    ),
)

MODELS: Final[Mapping[str, FaceModel]] = MappingProxyType({model.name: model for model in _TABLE})
"""Every known face model by its name."""


def find_model(name: str) -> FaceModel:
    """Return the face model named `name`.

    Raises
    ------
    UnknownModelError
        No model has exactly this name; the message lists all names and the closest one.
    """
    try:
        return MODELS[name]
    except KeyError:
        raise UnknownModelError(
            f"There is no face model named {name!r}.{suggestion(name, MODELS)}"
            f" Known models: {', '.join(MODELS)}."
        ) from None
