"""Real embeddings of the sample photos, each made once; a Facenet that is a fake."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from gallery.client.photos.embedder import PhotoEmbedder
from tests.support.photos import deepface_home, london, samples

__all__ = ["deepface_home", "london", "samples"]

Embed = Callable[[Path], npt.NDArray[np.float64]]


@pytest.fixture(scope="session")
def dlib_embedder(deepface_home: Path) -> PhotoEmbedder:
    """Return the real model Dlib with dlib's detector, without downloads."""
    return PhotoEmbedder("Dlib", download=False)


@pytest.fixture(scope="session")
def embed(dlib_embedder: PhotoEmbedder) -> Embed:
    """Return a function that embeds a photo once per run."""
    known: dict[Path, npt.NDArray[np.float64]] = {}

    def once(path: Path) -> npt.NDArray[np.float64]:
        if path not in known:
            known[path] = dlib_embedder.embed(path)
        return known[path]

    return once


@pytest.fixture(scope="session")
def write_fake_facenet() -> Callable[[Path], None]:
    """Return a function that writes an ONNX file of Facenet's shape with random weights: a fake.

    Input (n, 160, 160, 3), output (n, 128): pooled to 8x8, flattened, times a random matrix. It
    shows that DeepFace's Facenet code runs, never how well faces are told apart.
    """

    def write(path: Path) -> None:
        weights = np.random.default_rng(7).normal(size=(192, 128)).astype("<f4")
        tensor = _message(
            *(_number(1, size) for size in weights.shape),  # dims
            _number(2, 1),  # data type: float
            _text(8, "weights"),
            _bytes(9, weights.tobytes()),
        )
        transpose = _node("Transpose", ["faces"], "planar", _ints("perm", [0, 3, 1, 2]))
        pool_sizes = (_ints("kernel_shape", [20, 20]), _ints("strides", [20, 20]))
        pool = _node("AveragePool", ["planar"], "pooled", *pool_sizes)
        flatten = _node("Flatten", ["pooled"], "flat")
        multiply = _node("MatMul", ["flat", "weights"], "embeddings")
        graph = _message(
            *(_bytes(1, node) for node in (transpose, pool, flatten, multiply)),
            _text(2, "fake facenet"),
            _bytes(5, tensor),
            _bytes(11, _value("faces", ["n", 160, 160, 3])),
            _bytes(12, _value("embeddings", ["n", 128])),
        )
        opset = _message(_number(2, 13))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_message(_number(1, 8), _bytes(7, graph), _bytes(8, opset)))

    return write


# Just enough of the protobuf wire format and of onnx.proto to write that file without the package
# onnx: a field is its number and kind, then a variable-length integer or length-prefixed bytes.


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += struct.pack("B", value & 0x7F | 0x80)
        value >>= 7
    return out + struct.pack("B", value)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _message(*parts: bytes) -> bytes:
    return b"".join(parts)


def _ints(name: str, values: list[int]) -> bytes:
    return _message(_text(1, name), *(_number(8, value) for value in values), _number(20, 7))


def _node(kind: str, inputs: list[str], output: str, *attributes: bytes) -> bytes:
    return _message(
        *(_text(1, name) for name in inputs),
        _text(2, output),
        _text(4, kind),
        *(_bytes(5, attribute) for attribute in attributes),
    )


def _value(name: str, shape: list[int | str]) -> bytes:
    sizes = [_text(2, size) if isinstance(size, str) else _number(1, size) for size in shape]
    dimensions = _message(*(_bytes(1, size) for size in sizes))
    tensor_type = _message(_number(1, 1), _bytes(2, dimensions))
    return _message(_text(1, name), _bytes(2, _bytes(1, tensor_type)))
