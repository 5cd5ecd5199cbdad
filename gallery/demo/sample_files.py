"""The table of sample photos: the package of each, and its hash.

Both packages hold these photos as test images and are pinned to one file each. Squared distances of
Dlib's raw embeddings with the detector dlib: the three full photos of one president 0.12 to 0.19
from each other and 0.13 to 0.29 from the two partial ones; everyone else at least 0.43 from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class SamplePackage:
    """One file of a Python package that holds photos.

    Attributes
    ----------
    name
        Name and version, as people write them.
    project
        Name of the project in an index of packages.
    archive
        File name of the package.
    sha256
        Hash of that file in hex.
    """

    name: str
    project: str
    archive: str
    sha256: str


_FACE_RECOGNITION = SamplePackage(
    # The wheel of the same version holds no photos.
    "face-recognition 1.3.0",
    "face-recognition",
    "face_recognition-1.3.0.tar.gz",
    "5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec",
)
_INSIGHTFACE = SamplePackage(
    "insightface 2.1",
    "insightface",
    "insightface-2.1-py3-none-any.whl",
    "dcd58ee79d99d689572477315f3149353afd65a36dc575f597cbb217a7bde399",
)

PACKAGES: Final = (_FACE_RECOGNITION, _INSIGHTFACE)


@dataclass(frozen=True)
class SampleFile:
    """One photo: where it lies in its package and where it goes in the cache.

    Attributes
    ----------
    archive
        File name of the downloaded package.
    member
        Path inside the archive.
    target
        Path in the samples folder, with forward slashes.
    sha256
        Hash of the photo in hex.
    """

    archive: str
    member: str
    target: str
    sha256: str


def _recognition(name: str, target: str, sha256: str) -> SampleFile:
    member = f"face_recognition-1.3.0/tests/test_images/{name}"
    return SampleFile(_FACE_RECOGNITION.archive, member, target, sha256)


def _insight(name: str, target: str, sha256: str) -> SampleFile:
    member = f"insightface/data/images/{name}"
    return SampleFile(_INSIGHTFACE.archive, member, target, sha256)


SAMPLE_FILES: Final = (
    _recognition(
        "obama.jpg",
        "enroll/obama/obama.jpg",
        "0930e3aa8cae5920329c0c8cbc6a2ab70f47b0e67b432875beaa95cbf7e741f6",
    ),
    _recognition(
        "obama2.jpg",
        "enroll/obama/obama2.jpg",
        "a7efcc907375274796f39646510704aa86672d59f6d5469d69af3c85590976a6",
    ),
    _recognition(
        "biden.jpg",
        "enroll/biden/biden.jpg",
        "3c17508bb91554c637a2eabddfae790e5bb1caba93130814fc2ac50be9760c4c",
    ),
    _recognition(
        "obama3.jpg",
        "probes/obama/obama3.jpg",
        "76ac6bf97c36dc2da0ad16a537d6a5ac1b10f48d49aac29a0cca9a17cdbc3ca3",
    ),
    # Cut off at the side, so that half of the face is missing.
    _recognition(
        "obama_partial_face.jpg",
        "probes/obama/obama_partial_face.jpg",
        "c2d1f09e7ef3042352b41e41286e6eb0522f64f88308be13886991b95db52117",
    ),
    _recognition(
        "obama_partial_face2.jpg",
        "probes/obama/obama_partial_face2.jpg",
        "9a812347f97633542b8cd9992de22def11b74f79d82056bc3ee830f13878e028",
    ),
    _insight(
        "Tom_Hanks_54745.png",
        "probes/strangers/tom_hanks.png",
        "8545da294e8c7c79911169c3915fed8528f1960cd0ed99b92453788ca4275083",
    ),
    # Six people.
    _insight(
        "t1.jpg",
        "failures/several_faces.jpg",
        "47f682e945b659f93a9e490b9c9c4a2a864abe64dace9e1a2893845ddfd69489",
    ),
    # Someone whose mask hides half of the face: dlib's detector finds none.
    _insight(
        "mask_blue.jpg",
        "failures/no_face.jpg",
        "a55ec2b181de4143af27c441852ebb4bbd364fb0e0b9c46bb17631c59bc4c840",
    ),
    # The same photo as obama2.jpg, as a PNG with 32 bits a pixel.
    _recognition(
        "32bit.png",
        "formats/obama2_32bit.png",
        "44dca895a7d635a4aedddd91a4f37af9a8a5b44e66154282a24645a757b5f627",
    ),
)
