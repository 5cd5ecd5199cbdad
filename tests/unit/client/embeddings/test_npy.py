"""Embeddings out of ``.npy`` files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gallery.client.embeddings.embedding_files import open_embeddings, read_embeddings
from gallery.errors import SourceError
from tests.support.embedding_files import EMBEDDINGS, in_batches, npy, npy_claiming, refuse


@pytest.mark.parametrize("dtype", ["f2", "f4", ">f8", "i8"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("rows", [1, 4, 100])
def test_an_array_is_read_some_rows_at_a_time(
    tmp_path: Path, dtype: str, order: Any, rows: int
) -> None:
    given = np.asarray(np.arange(55).reshape(11, 5), dtype, order=order)
    np.save(tmp_path / "some.npy", given)

    assert in_batches(tmp_path / "some.npy", rows) == (given.tolist(), [])
    assert read_embeddings(tmp_path / "some.npy").embeddings.dtype == dtype


def test_one_embedding_may_stand_without_rows(tmp_path: Path) -> None:
    np.save(tmp_path / "some.npy", EMBEDDINGS[0])

    with open_embeddings(tmp_path / "some.npy", label="Ada") as source:
        ((embedding, labels),) = source.batches(10)

    assert embedding.tolist() == EMBEDDINGS[0].tolist()
    assert (source.count, labels) == (1, ["Ada"])


def test_it_has_no_labels_and_says_so(tmp_path: Path) -> None:
    np.save(tmp_path / "some.npy", EMBEDDINGS)

    with pytest.raises(SourceError, match=r"has no labels: a \.npy file holds one array"):
        read_embeddings(tmp_path / "some.npy", need_labels=True)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (npy(np.array([{}], dtype=object), allow_pickle=True), "Python objects, which are not"),
        (npy(EMBEDDINGS)[:-1], "not the size that its header claims"),
        (npy(EMBEDDINGS) + b"x", "not the size that its header claims"),
        (
            npy_claiming("{'descr': '<f8', 'fortran_order': False, 'shape': (10**12, 128)}"),
            "is no NumPy array|not the size",
        ),
        (
            npy_claiming("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 128)}"),
            "not the size that its header claims",
        ),
        (b"\x93NUMPY", r"no NumPy array|no \.npy file"),
        (b"", r"no NumPy array|no \.npy file"),
    ],
)
def test_hostile_and_damaged_files_are_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "some.npy").write_bytes(data)

    refuse(tmp_path / "some.npy", reason)
