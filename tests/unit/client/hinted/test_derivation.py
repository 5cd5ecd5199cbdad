"""No secret serves two contents, and each is derived as on record.

Two contents under one mask would be a two-time pad. So whatever repeats itself - the operating
system's generator, a restored machine, a writer that tries again - another content, index, version,
gallery or key gives other secrets.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gallery.client.hinted.derivation import BlockKey, ProbeKey
from gallery.client.hinted.matrices import PublicMatrices
from gallery.client.keys.secrets import GalleryKey
from gallery.errors import MalformedMessageError, SecretExposureError
from gallery.parameters import LIGHT, SWIFT, HintedParameterSet, find_parameters
from tests.support.hinted_owner import GALLERY_ID, MASTER, SEED, HintedOwner

VECTORS = sorted((Path(__file__).parents[3] / "vectors" / "hinted").glob("*.json"))

each_vector = pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
every_set = pytest.mark.parametrize("parameters", [SWIFT, LIGHT], ids=lambda p: p.name)


@pytest.fixture
def repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "urandom", lambda size: b"\5" * size)


def block_key(
    master: bytes = MASTER, gallery: bytes = GALLERY_ID, parameters: HintedParameterSet = LIGHT
) -> BlockKey:
    return BlockKey(GalleryKey(master, {}), gallery, parameters)


def probe_key(master: bytes = MASTER, gallery: bytes = GALLERY_ID) -> ProbeKey:
    return ProbeKey(GalleryKey(master, {}), gallery, LIGHT)


def digest(array: np.ndarray) -> str:
    return hashlib.sha256(array.astype(array.dtype.newbyteorder("<")).tobytes()).hexdigest()


@pytest.mark.usefixtures("repeated")
def test_another_content_place_gallery_or_key_has_other_secrets_though_randomness_repeats() -> None:
    keys_and_nonces = [
        (key, key.new_nonce(index, version, content))
        for key in (block_key(), block_key(gallery=b"\4" * 16), block_key(master=b"\4" * 32))
        for index in (0, 1)
        for version in (1, 2, 256)
        for content in (b"", b"a", b"b", b"a\0")
    ]

    assert len({nonce for _, nonce in keys_and_nonces}) == len(keys_and_nonces)
    for drawn in (
        lambda s: s.mask().tobytes(),
        lambda s: s.noise().draw(64).tobytes(),
        lambda s: s.weights().tobytes(),
    ):
        found = {drawn(key.secrets(nonce)) for key, nonce in keys_and_nonces}
        assert len(found) == len(keys_and_nonces)


def test_one_nonce_under_two_keys_or_galleries_gives_other_secrets() -> None:
    keys = block_key(), block_key(gallery=b"\4" * 16), block_key(master=b"\4" * 32)

    assert len({key.secrets(bytes(32)).mask().tobytes() for key in keys}) == 3


def test_what_comes_from_one_nonce_is_the_same_each_time_and_apart() -> None:
    one, again = (block_key().secrets(bytes(32)) for _ in range(2))

    np.testing.assert_array_equal(one.mask(), again.mask())
    np.testing.assert_array_equal(one.weights(), again.weights())
    np.testing.assert_array_equal(one.noise().draw(100), again.noise().draw(100))
    assert one.weights()[0, 0] != one.mask().reshape(-1)[0]


def test_randomness_alone_gives_one_content_other_nonces() -> None:
    key = block_key()

    assert len({key.new_nonce(0, 1, b"content") for _ in range(64)}) == 64


@pytest.mark.usefixtures("repeated")
def test_two_probes_never_share_a_mask_though_randomness_repeats() -> None:
    drawn = [
        key.draw(content)
        for key in (probe_key(), probe_key(gallery=b"\4" * 16), probe_key(master=b"\4" * 32))
        for content in (b"", b"a", b"b")
    ]

    assert len({t.tobytes() for t, _ in drawn}) == len(drawn)
    assert len({noise.draw(64).tobytes() for _, noise in drawn}) == len(drawn)


@pytest.mark.usefixtures("repeated")
def test_stored_contents_under_repeated_randomness_have_unrelated_masks(
    owner: HintedOwner,
) -> None:
    # What a two-time pad would show: the difference of two blocks is that of their contents.
    contents = [owner.draw(1), owner.draw(1)]
    contents[1][0, 0] ^= 1

    one, other = (owner.blocks.encrypt(content, index=0, version=1) for content in contents)

    assert one.nonce != other.nonce
    assert (one.columns == other.columns).mean() < 1e-4


@every_set
def test_drawn_residues_are_uniform_below_their_primes(parameters: HintedParameterSet) -> None:
    key = block_key(parameters=parameters)
    masks = np.stack([key.secrets(bytes(31) + bytes([i])).mask() for i in range(64)], axis=1)

    for drawn, prime in zip(masks, parameters.data_primes, strict=True):
        assert drawn.max() < prime
        counts = np.bincount((drawn.reshape(-1).astype(np.uint64) * 64 // prime).astype(int))
        expected = drawn.size / 64
        # Chi-square with 63 degrees of freedom; above 150 once in 1e8.
        assert ((counts - expected) ** 2 / expected).sum() < 150


def test_secrets_are_neither_shown_nor_copied() -> None:
    for secret in (block_key(), probe_key(), block_key().secrets(bytes(32))):
        assert repr(secret) == f"<{type(secret).__name__}: redacted>"
        with pytest.raises(SecretExposureError):
            secret.__reduce__()


# --- known answers, and the format in words of its own --------------------------------------------


def subkey(master: bytes, purpose: str, gallery: bytes) -> bytes:
    info = b"encrypted-face-gallery/1/" + purpose.encode() + b"/" + gallery
    return HKDF(hashes.SHA256(), 32, salt=None, info=info).derive(master)


def slow_uniform(key: bytes, tag: bytes, number: int, prime: int, count: int) -> np.ndarray:
    """The accepted words of a keystream, each taken with as many bits as the prime has."""
    nonce = bytes(4) + tag + struct.pack("<I", number)
    cipher = Cipher(algorithms.ChaCha20(key, nonce), mode=None).encryptor()
    words = np.frombuffer(cipher.update(bytes(4 * (3 * count + 1000))), "<u4")
    low = words & np.uint32(2 ** prime.bit_length() - 1)
    return low[low < prime][:count]


@pytest.mark.usefixtures("repeated")
@every_set
def test_derivation_follows_the_format(parameters: HintedParameterSet) -> None:
    key = subkey(MASTER, "hinted blocks", GALLERY_ID)
    place = (7).to_bytes(4, "little") + (9).to_bytes(8, "little")
    message = b"nonce\0" + b"\5" * 32 + place + hashlib.sha256(b"content").digest()
    nonce = hmac.digest(key, message, "sha256")
    mine = block_key(parameters=parameters)

    assert mine.new_nonce(7, 9, b"content") == nonce
    secrets = mine.secrets(nonce)
    for number, prime in enumerate(parameters.data_primes):
        for purpose, found in ((b"mask", secrets.mask()), (b"weights", secrets.weights())):
            stream = hmac.digest(key, purpose + b"\0" + nonce, "sha256")
            row = found[number].reshape(-1)
            np.testing.assert_array_equal(
                row, slow_uniform(stream, b"secrets1", number, prime, row.size)
            )


@every_set
def test_matrices_follow_the_format(parameters: HintedParameterSet) -> None:
    matrices = PublicMatrices(SEED, 3, parameters)

    for number, prime in enumerate(parameters.data_primes):
        for tag, found in ((b"columns1", matrices.blocks), (b"probes 1", matrices.probes)):
            row = found[number].reshape(-1)
            np.testing.assert_array_equal(row, slow_uniform(SEED, tag, number, prime, row.size))
    for rank, hint in enumerate(matrices.hints):
        np.testing.assert_array_equal(hint, matrices.probes[:, :, :, rank])


def test_another_seed_gives_other_matrices_and_one_of_another_length_none() -> None:
    one, other = PublicMatrices(SEED, 1, LIGHT), PublicMatrices(b"\4" * 32, 1, LIGHT)

    assert (one.blocks == other.blocks).mean() < 1e-3
    assert (one.probes == other.probes).mean() < 1e-3
    with pytest.raises(MalformedMessageError, match="31 bytes"):
        PublicMatrices(SEED[:-1], 1, LIGHT)


def answers(vector: dict[str, Any]) -> dict[str, Any]:
    """Return what is derived from the inputs of a vector."""
    parameters = find_parameters(vector["parameters"])
    assert isinstance(parameters, HintedParameterSet)
    key = GalleryKey(bytes.fromhex(vector["master"]), {})
    gallery, content = bytes.fromhex(vector["gallery"]), bytes.fromhex(vector["content"])
    blocks = BlockKey(key, gallery, parameters)
    nonce = blocks.new_nonce(vector["index"], vector["version"], content)
    secrets = blocks.secrets(nonce)
    matrices = PublicMatrices(bytes.fromhex(vector["seed"]), 3, parameters)
    t, noise = ProbeKey(key, gallery, parameters).draw(content)
    return {
        "nonce": nonce.hex(),
        "mask": digest(secrets.mask()),
        "weights": secrets.weights().tolist(),
        "noise of a block": secrets.noise().draw(64).tolist(),
        "t": digest(t),
        "noise of a probe": noise.draw(64).tolist(),
        "matrices of blocks": digest(matrices.blocks),
        "matrices of probes": digest(matrices.probes),
    }


@each_vector
def test_derived_secrets_are_the_ones_on_record(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vector = json.loads(path.read_text("utf-8"))
    monkeypatch.setattr(os, "urandom", lambda size: bytes.fromhex(vector["random"])[:size])

    assert answers(vector["inputs"]) == vector["answers"]


@pytest.mark.usefixtures("repeated")
@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_blocks_and_probes_are_the_ones_on_record(path: Path) -> None:
    vector = json.loads(path.read_text("utf-8"))
    parameters = find_parameters(vector["inputs"]["parameters"])
    assert isinstance(parameters, HintedParameterSet)
    owner = HintedOwner(parameters, 3)
    numbers = np.arange(3 * parameters.poly_modulus_degree).reshape(3, -1)

    block = owner.blocks.encrypt(numbers % 2001 - 1000, index=7, version=9)
    sent = owner.probes.encrypt(np.array([0.25, -0.5, 0.75]))[0]

    found = {"columns": block.columns, "hint": block.hint, "probe": sent}
    assert {name: digest(array) for name, array in found.items()} == vector["ciphertexts"]
