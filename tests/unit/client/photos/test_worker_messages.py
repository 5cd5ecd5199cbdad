"""Answers of workers: read in one way or refused, never run."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.client import EmbeddedFace, FaceBox, FaceQuality
from gallery.client.photos.model_table import find_model
from gallery.client.photos.worker_messages import BadAnswerError, pack_outcome, unpack_outcome
from gallery.errors import NoFaceError, SeveralFacesError
from gallery.hints import Hint

MODEL = find_model("Dlib")


def a_face(seed: int) -> EmbeddedFace:
    values = np.random.default_rng(seed).normal(size=128)
    quality = FaceQuality(120, 60, 0.87, 0.1234, 200, None, 0.5, rival=70)
    return EmbeddedFace(values, quality, FaceBox(1, 2, 3, 4) if seed else None)


def test_faces_come_back_to_the_bit() -> None:
    faces = (a_face(0), a_face(1))
    found, seconds = unpack_outcome(pack_outcome(faces, 0.25), MODEL, "photo")
    assert isinstance(found, tuple)
    assert seconds == 0.25
    for one, other in zip(found, faces, strict=True):
        assert one.embedding.tobytes() == other.embedding.tobytes()
        assert (one.quality, one.box) == (other.quality, other.box)
    assert unpack_outcome(pack_outcome((), 0.0), MODEL, "photo") == ((), 0.0)


def test_errors_come_back_with_their_hint() -> None:
    error = SeveralFacesError("2 faces in ü.jpg", hint=Hint.CHOOSE_FACES)
    found, _ = unpack_outcome(pack_outcome(error, 0.0), MODEL, "photo")
    assert (type(found), str(found)) == (SeveralFacesError, str(error))
    found, _ = unpack_outcome(pack_outcome(NoFaceError("none"), 0.0), MODEL, "photo")
    assert (type(found), str(found)) == (NoFaceError, "none")


def changed(**values: Any) -> bytes:
    line, _, rest = pack_outcome((a_face(1),), 0.1).partition(b"\n")
    said = json.loads(line)
    face = said["faces"][0]
    for name, value in values.items():
        part = next(part for part in (said, face["quality"], face["box"]) if name in part)
        part[name] = value
    return json.dumps(said).encode() + b"\n" + rest


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{}\n",
        pickle.dumps(a_face),
        changed(sharpness=float("nan")),
        changed(face_size="12"),
        changed(face_size=None),
        changed(left=-1),
        changed(width=2.5),
        changed(seconds="soon"),
        changed(seconds=10**400),
        changed(sharpness=10**400),
        b"[" * 100_000 + b"\n",
        changed()[:-8],
        changed() + b"12345678",
        changed()[:-1024] + b"\0" * 1024,
        b'{"error": "Enum", "message": "", "hint": null, "seconds": 0}\n',
        b'{"error": "NoFaceError", "message": 3, "hint": null, "seconds": 0}\n',
        b'{"error": "NoFaceError", "message": "", "hint": "NONE_SUCH", "seconds": 0}\n',
    ],
)
def test_what_is_no_answer_is_refused(answer: bytes) -> None:
    with pytest.raises(BadAnswerError):
        unpack_outcome(answer, MODEL, "photo")


@given(st.binary(max_size=300))
def test_no_bytes_do_anything_else(answer: bytes) -> None:
    with pytest.raises(BadAnswerError):
        unpack_outcome(answer, MODEL, "photo")
