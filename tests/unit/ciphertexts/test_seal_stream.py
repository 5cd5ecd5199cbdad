"""SEAL's streams: built ones load in SEAL, saved ones are parsed, all others are refused."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import tenseal.sealapi as seal
import zstandard

from gallery.ciphertexts.seal_stream import (
    SEAL_VERSION,
    build_ciphertext,
    parms_id,
    parse_ciphertext,
    read_version,
)
from gallery.errors import MalformedMessageError
from gallery.evaluator.seal import seal_setup
from gallery.parameters import COMPACT, INSECURE_TOY, STANDARD, CkksParameterSet

SCALE = 2.0**39
BODY = 16
INNER = BODY + 73

every_set = pytest.mark.parametrize(
    "parameters", [STANDARD, COMPACT, INSECURE_TOY], ids=lambda p: p.name
)


def draw(parameters: CkksParameterSet, size: int = 2) -> np.ndarray:
    random = np.random.default_rng(size)
    shape = (size, parameters.poly_modulus_degree)
    drawn = [random.integers(0, p, shape, np.uint32) for p in parameters.data_primes]
    return np.stack(drawn, axis=1)


def patched(stream: bytes, offset: int, new: bytes) -> bytes:
    return stream[:offset] + new + stream[offset + len(new) :]


def compressed(stream: bytes) -> bytes:
    body = zstandard.compress(stream[BODY:])
    return struct.pack("<HBBBBHQ", 0xA15E, 16, 4, 3, 2, 0, BODY + len(body)) + body


@every_set
def test_parms_id_is_that_of_seal(parameters: CkksParameterSet) -> None:
    words = seal_setup(parameters).context.first_parms_id()

    assert parms_id(parameters) == struct.pack("<4Q", *words)


@every_set
@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("dtype", [np.uint32, np.uint64])
def test_seal_loads_what_is_built_and_saves_what_is_parsed(
    parameters: CkksParameterSet, size: int, dtype: type, tmp_path: Path
) -> None:
    residues = draw(parameters, size)
    path, context = tmp_path / "ciphertext", seal_setup(parameters).context
    path.write_bytes(build_ciphertext(residues.astype(dtype), parameters, SCALE))
    ciphertext = seal.Ciphertext(context)

    ciphertext.load(context, str(path))
    ciphertext.save(str(path))
    stream = path.read_bytes()
    parsed = parse_ciphertext(stream, parameters)

    assert (ciphertext.size(), ciphertext.scale) == (size, SCALE)
    assert stream[5] == 2
    assert parsed.scale == SCALE
    assert parsed.residues.dtype == np.uint32
    np.testing.assert_array_equal(parsed.residues, residues)


def test_the_installed_seal_has_the_version_that_streams_are_built_for() -> None:
    assert seal_setup(STANDARD).version == SEAL_VERSION
    assert read_version(build_ciphertext(draw(COMPACT), COMPACT, SCALE, (4, 9))) == (4, 9)


def test_streams_without_compression_are_parsed() -> None:
    residues = draw(COMPACT, 3)

    parsed = parse_ciphertext(build_ciphertext(residues, COMPACT, SCALE), COMPACT)

    np.testing.assert_array_equal(parsed.residues, residues)


@pytest.mark.parametrize("prime", [0, 1])
@pytest.mark.parametrize("dtype", [np.uint32, np.uint64])
def test_a_residue_at_its_prime_is_refused_before_anything_is_built(
    prime: int, dtype: type
) -> None:
    residues: np.ndarray = draw(COMPACT).astype(dtype)
    residues[1, prime, 4095] = COMPACT.data_primes[prime] - 1
    build_ciphertext(residues, COMPACT, SCALE)
    residues[1, prime, 4095] += 1

    with pytest.raises(MalformedMessageError, match="below its prime"):
        build_ciphertext(residues, COMPACT, SCALE)


@pytest.mark.parametrize(
    "residues",
    [
        np.zeros((1, 2, 4096), np.uint32),
        np.zeros((4, 2, 4096), np.uint32),
        np.zeros((2, 3, 4096), np.uint32),
        np.zeros((2, 2, 2048), np.uint32),
        np.zeros((2, 4096), np.uint32),
        np.zeros((2, 2, 4096), np.int32),
        np.zeros((2, 2, 4096), np.float64),
        np.zeros((2, 2, 4096), ">u4"),
    ],
    ids=lambda r: f"{r.dtype}{r.shape}",
)
def test_other_arrays_are_refused(residues: np.ndarray) -> None:
    with pytest.raises(MalformedMessageError, match="residues"):
        build_ciphertext(residues, COMPACT, SCALE)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("inf"), float("nan")])
def test_scales_that_are_no_positive_numbers_are_refused(scale: float) -> None:
    stream = build_ciphertext(draw(COMPACT), COMPACT, 1.0)

    with pytest.raises(MalformedMessageError, match="scale"):
        build_ciphertext(draw(COMPACT), COMPACT, scale)
    with pytest.raises(MalformedMessageError, match="scale"):
        parse_ciphertext(patched(stream, BODY + 57, struct.pack("<d", scale)), COMPACT)


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize(
    ("offset", "new"),
    [
        pytest.param(BODY, b"\0", id="parms_id"),
        pytest.param(BODY + 32, b"\0", id="not NTT"),
        pytest.param(BODY + 33, b"\1", id="size 1"),
        pytest.param(BODY + 33, b"\4", id="size 4"),
        pytest.param(BODY + 33, b"\3", id="size 3 of 2"),
        pytest.param(BODY + 40, b"\x80", id="huge size"),
        pytest.param(BODY + 42, b"\x08", id="degree"),
        pytest.param(BODY + 49, b"\3", id="primes"),
        pytest.param(BODY + 65, b"\2", id="correction"),
        pytest.param(INNER, b"\0", id="inner magic"),
        pytest.param(INNER + 5, b"\2", id="inner compression"),
        pytest.param(INNER + 8, b"\0", id="inner size"),
        pytest.param(INNER + 16, b"\1", id="count"),
        pytest.param(INNER + 27, b"\x08", id="residue"),
        pytest.param(INNER + 28, b"\1", id="residue above 32 bits"),
    ],
)
def test_one_wrong_field_is_refused(offset: int, new: bytes, compress: bool) -> None:
    stream = build_ciphertext(draw(COMPACT), COMPACT, SCALE)
    bad = patched(stream, offset, new)
    assert bad != stream

    with pytest.raises(MalformedMessageError):
        parse_ciphertext(compressed(bad) if compress else bad, COMPACT)


@pytest.mark.parametrize(
    ("offset", "new"), [(0, b"\0"), (2, b"\x11"), (3, b"\3"), (5, b"\1"), (6, b"\1"), (8, b"\1")]
)
def test_a_wrong_header_is_refused(offset: int, new: bytes) -> None:
    stream = build_ciphertext(draw(COMPACT), COMPACT, SCALE)

    with pytest.raises(MalformedMessageError):
        parse_ciphertext(patched(stream, offset, new), COMPACT)


@pytest.mark.parametrize("length", [0, 1, 15, 16, 50, 88, 104, 1000])
@pytest.mark.parametrize("compress", [False, True])
def test_truncated_streams_are_refused(length: int, compress: bool) -> None:
    stream = build_ciphertext(draw(COMPACT), COMPACT, SCALE)
    short = (compressed(stream) if compress else stream)[:length]
    claimed = patched(short, 8, struct.pack("<Q", length)) if length >= 16 else short

    for bad in (short, claimed):
        with pytest.raises(MalformedMessageError):
            parse_ciphertext(bad, COMPACT)


def test_trailing_bytes_are_refused() -> None:
    stream = build_ciphertext(draw(COMPACT), COMPACT, SCALE) + b"\0"
    claimed = patched(stream, 8, struct.pack("<Q", len(stream)))

    for bad in (stream, claimed, compressed(stream)):
        with pytest.raises(MalformedMessageError):
            parse_ciphertext(bad, COMPACT)


def test_a_small_stream_that_unpacks_to_a_huge_one_is_refused() -> None:
    bomb = compressed(bytes(BODY) + bytes(1 << 28))
    assert len(bomb) < 1 << 16

    with pytest.raises(MalformedMessageError):
        parse_ciphertext(bomb, COMPACT)


def test_ciphertexts_of_other_parameters_are_refused() -> None:
    stream = build_ciphertext(draw(STANDARD), STANDARD, SCALE)

    with pytest.raises(MalformedMessageError, match="compact"):
        parse_ciphertext(stream, COMPACT)
