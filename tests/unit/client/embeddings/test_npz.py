"""Embeddings out of ``.npz`` files."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gallery.client.embeddings.embedding_files import open_embeddings, read_embeddings
from gallery.errors import SourceError
from tests.support.embedding_files import (
    EMBEDDINGS,
    LABELS,
    archive,
    each_writer,
    in_batches,
    npy,
    npy_claiming,
    refuse,
)

# --- good files -----------------------------------------------------------------------------------


@each_writer
def test_embeddings_labels_and_model_are_read(tmp_path: Path, save: Callable[..., None]) -> None:
    path = tmp_path / "some.npz"
    save(path, embeddings=EMBEDDINGS, labels=LABELS, model="Facenet")

    found = read_embeddings(path, need_labels=True)

    assert np.array_equal(found.embeddings, EMBEDDINGS)
    assert found.labels == LABELS
    assert found.model == "Facenet"


def test_labels_and_model_may_be_left_out(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", embeddings=EMBEDDINGS)

    found = read_embeddings(tmp_path / "some.npz")

    assert (found.labels, found.model) == ([], None)


def test_labels_that_are_needed_must_be_there(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", embeddings=EMBEDDINGS)

    with pytest.raises(SourceError, match="has no array 'labels', one for each embedding"):
        read_embeddings(tmp_path / "some.npz", need_labels=True)


@pytest.mark.parametrize("dtype", ["i8", "u2", ">i4"])
def test_numbers_may_be_labels(tmp_path: Path, dtype: str) -> None:
    np.savez(tmp_path / "some.npz", embeddings=EMBEDDINGS, labels=np.array([7, 0, 12], dtype))

    assert read_embeddings(tmp_path / "some.npz").labels == ["7", "0", "12"]


def test_one_embedding_may_stand_without_rows(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", embeddings=EMBEDDINGS[0], labels=["Ada"])

    found = read_embeddings(tmp_path / "some.npz")

    assert found.embeddings.shape == (5,)
    assert found.labels == ["Ada"]


def test_bytes_may_be_labels_where_they_are_utf_8(tmp_path: Path) -> None:
    """HDF5 and older programs keep text so."""
    for name, last in (("some", "Zoë".encode()), ("none", "Zoë".encode("latin-1"))):
        labels = np.array([b"Ada", b"Grace", last])
        np.savez(tmp_path / f"{name}.npz", embeddings=EMBEDDINGS, labels=labels)

    assert [*read_embeddings(tmp_path / "some.npz", need_labels=True).labels] == [
        "Ada",
        "Grace",
        "Zoë",
    ]
    with pytest.raises(SourceError, match="holds what is not text"):
        read_embeddings(tmp_path / "none.npz", need_labels=True)


@pytest.mark.parametrize("dtype", ["f2", "f4", ">f8", "i8"])
def test_every_type_of_number_and_order_of_memory_is_read(tmp_path: Path, dtype: str) -> None:
    given = np.asfortranarray(np.arange(15).reshape(3, 5).astype(dtype))
    np.savez(tmp_path / "some.npz", embeddings=given)

    assert np.array_equal(read_embeddings(tmp_path / "some.npz").embeddings, given)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_the_npy_format_is_read(tmp_path: Path, version: tuple[int, int]) -> None:
    path = archive(tmp_path / "some.npz", {"embeddings.npy": npy(EMBEDDINGS, version=version)})

    assert np.array_equal(read_embeddings(path).embeddings, EMBEDDINGS)


def test_other_arrays_are_passed_over_even_unreadable_ones(tmp_path: Path) -> None:
    members = {"embeddings.npy": npy(EMBEDDINGS), "other.npy": b"?", "README": b"hello"}

    found = read_embeddings(archive(tmp_path / "some.npz", members))

    assert np.array_equal(found.embeddings, EMBEDDINGS)


def test_a_well_compressed_file_is_read(tmp_path: Path) -> None:
    ones = np.ones((2000, 512))
    np.savez_compressed(tmp_path / "some.npz", embeddings=ones)

    assert np.array_equal(read_embeddings(tmp_path / "some.npz").embeddings, ones)


# --- other names ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arrays", "labelled"),
    [
        ({"arr_0": EMBEDDINGS, "arr_1": LABELS}, True),
        ({"X": EMBEDDINGS, "y": LABELS}, True),
        ({"X": EMBEDDINGS, "y": LABELS, "X_test": EMBEDDINGS[:1], "y_test": LABELS[:1]}, True),
        ({"features": EMBEDDINGS, "names": LABELS}, True),
        ({"embedding": EMBEDDINGS, "label": LABELS}, True),
        ({"embeddings": EMBEDDINGS, "y": LABELS}, True),
        ({"arr_0": EMBEDDINGS}, False),
        ({"anything": EMBEDDINGS, "ages": [30, 31, 32]}, False),
        ({"embeddings": EMBEDDINGS, "paths": LABELS}, False),
        ({"embeddings": EMBEDDINGS, "y": LABELS, "names": LABELS}, False),
        ({"X": EMBEDDINGS, "y": LABELS[:2]}, False),
        ({"X": EMBEDDINGS, "y": [0.1, 0.2, 0.3]}, False),
        ({"features": EMBEDDINGS, "arr_1": LABELS}, False),
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, dict) else None,
)
def test_other_names_are_taken_where_only_one_array_can_be_meant(
    tmp_path: Path, arrays: dict[str, Any], labelled: bool
) -> None:
    np.savez(tmp_path / "some.npz", **arrays)

    with open_embeddings(tmp_path / "some.npz") as source:
        found = source.read()

    assert np.array_equal(found.embeddings, EMBEDDINGS)
    assert found.labels == (LABELS if labelled else [])
    usual = "embeddings" in arrays and not labelled
    assert (source.taken is None) is usual


def test_what_was_taken_is_said(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", X=EMBEDDINGS, y=LABELS)

    with open_embeddings(tmp_path / "some.npz") as source:
        assert source.taken is not None
        assert source.taken.statement == "embeddings are taken from array X, labels from y"


@pytest.mark.parametrize(
    "arrays",
    [
        {"one": EMBEDDINGS, "other": EMBEDDINGS},
        {"X": EMBEDDINGS, "features": EMBEDDINGS},
        {"X": EMBEDDINGS.astype(str)},
        {"X": EMBEDDINGS[0]},
        {"X": EMBEDDINGS[np.newaxis]},
    ],
    ids=", ".join,
)
def test_arrays_that_are_not_clear_are_listed(tmp_path: Path, arrays: dict[str, Any]) -> None:
    np.savez(tmp_path / "some.npz", **arrays)

    for name in arrays:
        refuse(tmp_path / "some.npz", rf"it has .*{name!r} \(.* of .*\. Write it with numpy\.savez")


def test_arrays_that_cannot_be_read_are_listed_as_such(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", people=np.array([{"Ada": 1}], dtype=object))

    refuse(tmp_path / "some.npz", r"it has 'people' \(unreadable\)")


# --- some rows at a time --------------------------------------------------------------------------


@each_writer
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "i8"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("rows", [1, 4, 11, 100])
def test_reading_some_rows_at_a_time_gives_what_numpy_loads(
    tmp_path: Path, save: Callable[..., None], dtype: str, order: Any, rows: int
) -> None:
    path = tmp_path / "some.npz"
    embeddings = np.arange(55).reshape(11, 5).astype(dtype, order=order)
    labels = np.array([f"Zoë {number}" * (1 + number % 3) for number in range(11)])
    save(path, embeddings=embeddings, labels=labels)

    found, found_labels = in_batches(path, rows)

    with np.load(path) as arrays:
        assert found == arrays["embeddings"].tolist()
        assert found_labels == arrays["labels"].tolist()


def test_rows_are_read_without_the_rest_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "some.npz"
    count = 40_000
    np.savez_compressed(path, embeddings=np.ones((count, 128)), labels=np.arange(count))
    tracemalloc.start()

    try:
        with open_embeddings(path, need_labels=True) as source:
            seen = sum(len(some) for some, _ in source.batches(1000))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert seen == count
    assert peak < 8_000_000, "all of it is 41 MB"


def test_damage_at_the_end_is_noticed_before_the_first_row_is_given_out(tmp_path: Path) -> None:
    path = tmp_path / "some.npz"
    np.savez(path, embeddings=np.random.default_rng(0).normal(size=(5000, 4)))
    data = bytearray(path.read_bytes())
    data[140_000] ^= 1
    path.write_bytes(data)

    with pytest.raises(SourceError, match=r"it is no \.npz file, or a damaged one"):
        with open_embeddings(path):
            raise AssertionError("opened")


def test_a_file_without_rows_has_no_batches(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", embeddings=np.empty((0, 5)), labels=np.empty(0, dtype=str))

    with open_embeddings(tmp_path / "some.npz") as source:
        assert (source.count, list(source.batches(10))) == (0, [])


# --- content that does not fit --------------------------------------------------------------------


def test_a_file_without_embeddings_is_refused_with_what_it_has(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", labels=LABELS)

    refuse(tmp_path / "some.npz", r"no array 'embeddings'; it has 'labels' .*\. Write it with")


def test_an_empty_archive_is_refused(tmp_path: Path) -> None:
    refuse(archive(tmp_path / "some.npz", {}), "no array 'embeddings'; it has none")


def test_a_member_without_the_ending_that_numpy_writes_is_not_an_array(tmp_path: Path) -> None:
    path = archive(tmp_path / "some.npz", {"embeddings": npy(EMBEDDINGS)})

    refuse(path, "no array 'embeddings'")


@pytest.mark.parametrize(
    "labels",
    [
        LABELS[:2],
        [*LABELS, "one more"],
        [LABELS],
        "Ada Lovelace",
        [],
        [1.0, 2.0, 3.0],
        [True, False, True],
    ],
    ids=str,
)
def test_labels_that_are_not_one_text_for_each_embedding_are_refused(
    tmp_path: Path, labels: Any
) -> None:
    np.savez(tmp_path / "some.npz", embeddings=EMBEDDINGS, labels=labels)

    refuse(tmp_path / "some.npz", "must be text, one for each of the 3 embeddings")


def test_labels_of_code_points_that_no_text_has_are_refused(tmp_path: Path) -> None:
    header = "{'descr': '<U1', 'fortran_order': False, 'shape': (3,)}"
    members = {
        "embeddings.npy": npy(EMBEDDINGS),
        "labels.npy": npy_claiming(header, b"\xff" * 12),
    }

    refuse(archive(tmp_path / "some.npz", members), "holds what is not text")


@pytest.mark.parametrize("model", [["Facenet", "Dlib"], [], 5, b"Facenet", None], ids=str)
def test_a_model_that_is_not_one_name_is_refused(tmp_path: Path, model: Any) -> None:
    np.savez(tmp_path / "some.npz", embeddings=EMBEDDINGS, model=model, allow_pickle=True)

    refuse(tmp_path / "some.npz", "model")
