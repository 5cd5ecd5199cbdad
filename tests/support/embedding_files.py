"""Files of embeddings, good ones and others, and how they are read."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gallery.client.embeddings.embedding_files import open_embeddings, read_embeddings
from gallery.errors import SourceError

EMBEDDINGS = np.random.default_rng(0).normal(size=(3, 5))
LABELS = ["Ada Lovelace", "Zürich", "東京"]

each_writer = pytest.mark.parametrize("save", [np.savez, np.savez_compressed])


def npy(array: Any, **options: Any) -> bytes:
    """Return an array as a ``.npy`` file."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array), **options)
    return buffer.getvalue()


def npy_claiming(header: str, data: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    """Return a ``.npy`` file with any header before its data."""
    length = struct.pack("<H" if version == (1, 0) else "<I", len(header))
    return b"\x93NUMPY" + bytes(version) + length + header.encode() + data


def archive(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    """Write a zip archive of any members."""
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def refuse(path: Path, match: str | None = None) -> None:
    with pytest.raises(SourceError, match=match) as caught:
        read_embeddings(path)
    assert str(path) in str(caught.value)


def in_batches(path: Path, rows: int) -> tuple[list[Any], list[str]]:
    """Return the rows of a file that is read some at a time, after checking how many come."""
    with open_embeddings(path) as source:
        batches = list(source.batches(rows))
        again = list(source.batches(rows))
        assert source.count == sum(len(some) for some, _ in batches)
    sizes = [len(some) for some, _ in batches]
    assert max(sizes) <= rows
    assert [some.tolist() for some, _ in again] == [some.tolist() for some, _ in batches]
    return (
        [row for some, _ in batches for row in some.tolist()],
        [label for _, labels in batches for label in labels],
    )
