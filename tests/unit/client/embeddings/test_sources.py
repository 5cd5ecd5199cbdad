"""What a path is, and what is said where there is nothing to read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gallery.client.embeddings.sources import SourceKind, kind_of
from tests.support.embedding_files import EMBEDDINGS, refuse


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("some.npz", SourceKind.EMBEDDINGS),
        ("some.NPZ", SourceKind.EMBEDDINGS),
        ("some.parquet", SourceKind.EMBEDDINGS),
        ("some.jpg", SourceKind.PHOTO),
        ("some.npy", SourceKind.PHOTO),
        ("some", SourceKind.PHOTO),
    ],
)
def test_a_file_of_embeddings_is_told_by_its_name(
    tmp_path: Path, name: str, kind: SourceKind
) -> None:
    assert kind_of(tmp_path / name) is kind


def test_a_folder_is_a_folder_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "folder.npz").mkdir()

    assert kind_of(tmp_path / "folder.npz") is SourceKind.FOLDER


def test_what_the_system_refuses_is_told_from_damage(tmp_path: Path) -> None:
    path = tmp_path / "some.npz"
    np.savez(path, embeddings=EMBEDDINGS)
    (tmp_path / "loop.npz").symlink_to(tmp_path / "loop.npz")

    refuse(tmp_path / "loop.npz", "Too many levels of symbolic links")


@pytest.mark.parametrize("name", ["some.npz", "some.parquet"])
def test_a_file_that_may_not_be_read_is_not_called_damaged(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_to_open(path: Path, *_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / name).write_bytes(b"")
    monkeypatch.setattr(Path, "open", refuse_to_open)

    refuse(tmp_path / name, "Permission denied$")


def test_a_missing_file_is_named_as_such(tmp_path: Path) -> None:
    refuse(tmp_path / "some.npz", "No such file or directory")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    refuse(tmp_path, "Is a directory")
