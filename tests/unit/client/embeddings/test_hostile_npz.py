"""Files of embeddings come from anywhere: nothing in them is executed, nor believed unchecked."""

from __future__ import annotations

import pickle
import random
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gallery.client.embeddings.embedding_files import read_embeddings
from gallery.errors import SourceError
from tests.support.embedding_files import (
    EMBEDDINGS,
    LABELS,
    archive,
    each_writer,
    npy,
    npy_claiming,
    refuse,
)

# --- code in files --------------------------------------------------------------------------------


class CreatesFile:
    """What a pickle can do when it is loaded: here, open a file for writing."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return open, (str(self.path), "w")


def test_the_pickle_used_below_does_run_code_when_it_is_loaded(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(CreatesFile(tmp_path / "proof"))).close()

    assert (tmp_path / "proof").exists()


@pytest.mark.parametrize("name", ["embeddings", "labels", "model"])
def test_an_array_of_objects_is_refused_and_nothing_in_it_is_executed(
    tmp_path: Path, name: str
) -> None:
    proof = tmp_path / "proof"
    hostile = np.empty(3, dtype=object)
    hostile[:] = [CreatesFile(proof)] * 3
    arrays = {"embeddings": EMBEDDINGS, name: hostile}
    np.savez(tmp_path / "some.npz", **arrays, allow_pickle=True)

    refuse(tmp_path / "some.npz", f"array '{name}' holds Python objects")

    assert not proof.exists()


@pytest.mark.parametrize("descr", ["'|O'", "[('x', '|O')]", "'f8,O'"])
def test_a_hidden_type_of_objects_is_refused_and_nothing_in_it_is_executed(
    tmp_path: Path, descr: str
) -> None:
    proof = tmp_path / "proof"
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': (1,)}}"
    member = npy_claiming(header, pickle.dumps(CreatesFile(proof)))

    refuse(archive(tmp_path / "some.npz", {"embeddings.npy": member}), "holds Python objects")

    assert not proof.exists()


def test_a_pickle_in_place_of_an_array_is_refused_and_not_executed(tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    member = pickle.dumps(CreatesFile(proof))

    refuse(archive(tmp_path / "some.npz", {"embeddings.npy": member}), "is no NumPy array")

    assert not proof.exists()


# --- claims ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape",
    [
        "(10000000000, 1)",
        "(100000, 100000)",
        "(4294967296, 4294967296, 1)",
        "(99999999999999999999999999,)",
        "(0, 99999999999999999999999999)",
        "(2,)",
        "(-1,)",
        "(-1, -1)",
        "(1.0,)",
        "1",
        "None",
    ],
)
def test_a_header_that_claims_what_the_file_does_not_hold_is_refused_without_allocating_for_it(
    tmp_path: Path, shape: str
) -> None:
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}"
    path = archive(tmp_path / "some.npz", {"embeddings.npy": npy_claiming(header, bytes(8))})
    tracemalloc.start()

    try:
        refuse(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 5_000_000


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_that_backs_such_a_claim_with_a_false_size_is_refused_too(
    tmp_path: Path, compression: int
) -> None:
    count = 250_000_000
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({count},)}}"
    member = npy_claiming(header, bytes(8))
    path = archive(tmp_path / "some.npz", {"embeddings.npy": member}, compression)
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\1\2")
    struct.pack_into("<I", data, entry + 24, len(member) + 8 * (count - 1))
    path.write_bytes(data)
    tracemalloc.start()

    try:
        refuse(path, "not the size that its header claims")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 5_000_000


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_of_another_compression_is_refused_before_anything_is_unpacked(
    tmp_path: Path, compression: int
) -> None:
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2)}"
    member = npy_claiming(header, bytes(100_000_000))
    path = archive(tmp_path / "some.npz", {"embeddings.npy": member}, compression)
    assert path.stat().st_size < 20_000
    tracemalloc.start()

    try:
        refuse(path, "compressed in a way that NumPy does not write")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 5_000_000


@pytest.mark.parametrize("descr", ["<U0", "<f8"])
def test_rows_without_a_single_byte_are_refused_however_many_are_claimed(
    tmp_path: Path, descr: str
) -> None:
    def claiming(kind: str, shape: tuple[int, ...]) -> bytes:
        return npy_claiming(repr({"descr": kind, "fortran_order": False, "shape": shape}))

    members = {"embeddings.npy": npy(EMBEDDINGS), "labels.npy": claiming("<U0", (10_000_000,))}
    if descr == "<f8":
        members["embeddings.npy"] = claiming("<f8", (10_000_000, 0))
    tracemalloc.start()

    try:
        refuse(archive(tmp_path / "some.npz", members), "not the size that its header claims")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 5_000_000


def test_a_header_that_claims_to_be_long_is_not_read(tmp_path: Path) -> None:
    member = npy_claiming(" " * 50_000_000, version=(2, 0))
    path = archive(tmp_path / "some.npz", {"embeddings.npy": member}, zipfile.ZIP_DEFLATED)
    tracemalloc.start()

    try:
        refuse(path, "is no NumPy array")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 5_000_000


# --- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "member",
    [
        b"",
        b"\x93NUMPY",
        npy(EMBEDDINGS)[:40],
        npy(EMBEDDINGS)[:-1],
        npy(EMBEDDINGS) + b"\0",
        npy_claiming(""),
        npy_claiming("(" * 9000),
        npy_claiming("{'descr': '<f8', 'shape': (3"),
        npy_claiming("{[]: 3}"),
        npy_claiming("{'descr': '<f8', 'shape': (0,)}"),
        npy_claiming("{'descr': 5, 'fortran_order': False, 'shape': (0,)}"),
        npy_claiming("{'descr': 'nonsense', 'fortran_order': False, 'shape': (0,)}"),
        npy_claiming("__import__('os').system('false')"),
        npy_claiming("{'descr': '<f8', 'fortran_order': False, 'shape': (0,)}", version=(9, 9)),
    ],
    ids=range(14),
)
def test_a_damaged_array_is_refused(tmp_path: Path, member: bytes) -> None:
    refuse(archive(tmp_path / "some.npz", {"embeddings.npy": member}))


@pytest.mark.parametrize(
    "data",
    [b"", b"PK", b"not a zip archive" * 100, random.Random(0).randbytes(4096)],
    ids=["empty", "two letters", "text", "noise"],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "some.npz"
    path.write_bytes(data)

    refuse(path, r"it is no \.npz file, or a damaged one")


def test_a_lone_npy_file_under_this_name_is_read_as_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "some.npz"
    path.write_bytes(npy(EMBEDDINGS))

    assert np.array_equal(read_embeddings(path).embeddings, EMBEDDINGS)


@each_writer
def test_every_truncation_is_refused(tmp_path: Path, save: Callable[..., None]) -> None:
    path = tmp_path / "some.npz"
    save(path, embeddings=EMBEDDINGS, labels=LABELS)
    data = path.read_bytes()

    for size in range(0, len(data), 3):
        path.write_bytes(data[:size])
        refuse(path)


@each_writer
def test_a_flipped_bit_is_refused_or_changes_nothing_that_is_read(
    tmp_path: Path, save: Callable[..., None]
) -> None:
    path = tmp_path / "some.npz"
    save(path, embeddings=EMBEDDINGS, labels=LABELS)
    data = path.read_bytes()

    for bit in random.Random(11).sample(range(8 * len(data)), 1500):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            found = read_embeddings(path)
        except SourceError:
            continue
        assert np.array_equal(found.embeddings, EMBEDDINGS)
        assert found.labels in (LABELS, []), "a damaged name hides the labels at most"
