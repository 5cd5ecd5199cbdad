"""Kinds of files of embeddings, told by content where that tells, else by name."""

from __future__ import annotations

import zipfile
from enum import Enum
from pathlib import Path
from typing import Final

from gallery.client.regular_file import first_bytes


class FileKind(Enum):
    """The kind of a file of embeddings; the value is its name in messages."""

    NPZ = ".npz"
    NPY = ".npy"
    PARQUET = "Parquet"
    CSV = "CSV"
    PICKLE = "pickle"
    OTHER = "other"


_BEGINNINGS: Final = (
    (b"\x93NUMPY", FileKind.NPY),
    (b"PAR1", FileKind.PARQUET),
    (b"\x89HDF\r\n\x1a\n", FileKind.OTHER),
    (b"ARROW1", FileKind.OTHER),
    (b"MATLAB 5.0 MAT-file", FileKind.OTHER),
)
_PICTURES: Final = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"GIF8", b"II*\0", b"MM\0*")
_ZIP: Final = (b"PK\3\4", b"PK\5\6")

_ENDINGS: Final = {
    FileKind.NPZ: (".npz",),
    FileKind.NPY: (".npy",),
    FileKind.PARQUET: (".parquet", ".pq"),
    FileKind.CSV: (".csv", ".tsv"),
    FileKind.PICKLE: (".pkl", ".pickle", ".pck", ".p", ".dill", ".joblib", ".pt", ".pth", ".ckpt"),
    FileKind.OTHER: (
        *(".h5", ".hdf5", ".mat", ".json", ".jsonl", ".feather", ".arrow", ".safetensors"),
        *(".xls", ".xlsx", ".ods", ".index", ".faiss", ".bin", ".sqlite", ".db"),
    ),
}
_BY_ENDING: Final = {ending: kind for kind, endings in _ENDINGS.items() for ending in endings}


def file_kind(path: Path) -> FileKind | None:
    """Return the kind of a file of embeddings; None for another file, such as a photo."""
    by_name = _BY_ENDING.get(path.suffix.lower())
    try:
        head = first_bytes(path, 32)
    except OSError:  # said better when it is opened
        return by_name
    for beginning, kind in _BEGINNINGS:
        if head.startswith(beginning):
            return kind
    if head.startswith(_ZIP):
        return _kind_of_archive(path) or by_name
    if head[:1] == b"\x80" and head[1:2] in b"\2\3\4\5":
        return FileKind.PICKLE
    return None if head.startswith(_PICTURES) else by_name


def _kind_of_archive(path: Path) -> FileKind | None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return None
    if any(name.endswith(".npy") for name in members):
        return FileKind.NPZ
    if any(name.endswith(".pkl") for name in members):
        return FileKind.PICKLE
    return None
