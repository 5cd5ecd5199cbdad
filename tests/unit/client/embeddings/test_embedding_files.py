"""Kinds of sources, and the words where there is nothing to read."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gallery.client.embeddings.embedding_files import (
    SourceKind,
    brings_labels,
    kind_of,
    open_embeddings,
    read_embeddings,
)
from gallery.errors import SourceError
from tests.support.embedding_files import EMBEDDINGS, LABELS, archive, npy, refuse


@pytest.mark.parametrize("name", ["some.npz", "some.NPZ", "some.npy", "some.parquet", "some.csv"])
def test_what_is_not_there_is_told_by_its_name(tmp_path: Path, name: str) -> None:
    assert kind_of(tmp_path / name) is SourceKind.EMBEDDINGS
    assert kind_of(tmp_path / "some.jpg") is SourceKind.PHOTO
    assert kind_of(tmp_path / "some") is SourceKind.PHOTO


@pytest.mark.parametrize("name", ["some", "some.jpg", "some.npz", "some.csv", "some.pkl"])
def test_content_tells_what_a_file_is_and_not_its_name(tmp_path: Path, name: str) -> None:
    def is_read(data: bytes) -> bool:
        (tmp_path / name).write_bytes(data)
        return np.array_equal(read_embeddings(tmp_path / name).embeddings, EMBEDDINGS)

    np.savez(tmp_path / "other.npz", embeddings=EMBEDDINGS)

    assert is_read(npy(EMBEDDINGS))
    assert is_read((tmp_path / "other.npz").read_bytes())
    (tmp_path / name).write_bytes(b"\xff\xd8\xff\xe0")
    assert kind_of(tmp_path / name) is SourceKind.PHOTO


class Trap:
    """What a pickle that is opened runs."""

    def __reduce__(self) -> Any:
        return Path.touch, (Path("trapped"),)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", ["some.pkl", "some.joblib", "some.pickle", "some.pt"])
def test_pickles_are_refused_by_name_and_never_opened(
    tmp_path: Path, name: str, protocol: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(pickle.dumps(Trap(), protocol))

    assert kind_of(tmp_path / name) is SourceKind.EMBEDDINGS
    refuse(tmp_path / name, r"holds Python pickles, which are never opened")
    assert not Path("trapped").exists()


@pytest.mark.parametrize("name", ["some", "some.npz", "some.jpg", "some.csv"])
def test_a_pickle_is_known_under_any_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(pickle.dumps({"embeddings": EMBEDDINGS}))
    refuse(tmp_path / name, "holds Python pickles")

    archive(tmp_path / name, {"archive/data.pkl": b"", "archive/version": b"3"})
    refuse(tmp_path / name, "holds Python pickles")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("some.h5", b""),
        ("some", b"\x89HDF\r\n\x1a\n"),
        ("some.mat", b"MATLAB 5.0 MAT-file"),
        ("some.json", b"[]"),
        ("some.arrow", b"ARROW1"),
        ("some.xlsx", b"PK\3\4"),
    ],
)
def test_other_kinds_are_refused_with_what_to_write(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)

    assert kind_of(tmp_path / name) is SourceKind.EMBEDDINGS
    refuse(tmp_path / name, r"Write it with numpy\.savez")


@pytest.mark.parametrize("name", ["pipe.npz", "pipe.npy", "pipe.csv", "pipe.parquet", "pipe"])
def test_a_named_pipe_is_refused_without_waiting(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)

    refuse(tmp_path / name, "it is a named pipe")


@pytest.mark.parametrize("rows", [1, 2, 100])
def test_embeddings_without_labels_take_one_for_all(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "some.npy"
    np.save(path, EMBEDDINGS)

    with open_embeddings(path, need_labels=True, label="Ada") as source:
        assert source.has_labels
        assert [label for _, some in source.batches(rows) for label in some] == ["Ada"] * 3
        assert source.read().labels == ["Ada"] * 3


def test_a_label_is_refused_where_the_file_brings_its_own(tmp_path: Path) -> None:
    path = tmp_path / "some.npz"
    np.savez(path, embeddings=EMBEDDINGS, labels=LABELS)

    with pytest.raises(SourceError, match="has labels of its own"):
        with open_embeddings(path, label="Ada"):
            raise AssertionError("opened")
    assert brings_labels(path)


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
