"""A backup is one checked state of a gallery, and appears under its name complete or not at all."""

from __future__ import annotations

import os
import resource
import sqlite3
import stat
from pathlib import Path

import numpy as np
import pytest

from gallery.client import GalleryClient, GalleryKey
from gallery.errors import (
    AuthenticationError,
    BackupError,
    BackupExistsError,
    BlockCorruptedError,
    GalleryError,
    MissingBlockError,
    WriteConflictError,
)
from gallery.messages import EncryptedBlock, GalleryDescription, Manifest
from gallery.server import EmbeddedService, open_service
from tests.support.backup_files import DIMENSION, backup_of, messages_of
from tests.support.galleries import names, random_embeddings

posix = pytest.mark.skipif(os.name != "posix", reason="file modes and limits are POSIX's")


# --- the file -------------------------------------------------------------------------------------


def test_the_layout_is_the_documented_one(
    original: GalleryClient, whole: bytes, key: GalleryKey
) -> None:
    description, manifest, first, _, second, _ = messages_of(whole)

    assert GalleryDescription.from_bytes(description) == original.description
    assert Manifest.from_bytes(manifest).version == original.summary().version
    assert EncryptedBlock.from_bytes(first).header.index == 0
    assert EncryptedBlock.from_bytes(second).header.index == 1
    assert backup_of(key, original.description.gallery_id, messages_of(whole)) == whole


def test_nothing_is_in_clear_but_the_public_properties(
    whole: bytes, key: GalleryKey, embeddings: np.ndarray
) -> None:
    master, _ = key.reveal()

    assert b"staff" in whole
    assert b"person" not in whole
    assert master not in whole
    for row in embeddings[::50]:
        assert row.tobytes() not in whole
        assert row.astype(np.float32).tobytes() not in whole


@posix
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_backup_is_its_owners_alone_whatever_the_umask(
    small: GalleryClient, tmp_path: Path, umask: int
) -> None:
    path = tmp_path / "small.backup"
    before = os.umask(umask)

    try:
        small.export(path)
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_nlink == 1


def test_nothing_but_the_backup_is_left_in_its_folder(small: GalleryClient, folder: Path) -> None:
    small.export(str(folder / "small.backup"))

    assert os.listdir(folder) == ["small.backup"]


@pytest.mark.parametrize("there", ["file", "folder", "link to nowhere"])
def test_what_is_there_already_is_never_overwritten(
    small: GalleryClient, folder: Path, there: str
) -> None:
    path = folder / "small.backup"
    if there == "file":
        path.write_bytes(b"precious")
    elif there == "folder":
        path.mkdir()
    else:
        path.symlink_to(folder / "nowhere")

    with pytest.raises(BackupExistsError, match="not overwritten"):
        small.export(path)

    assert os.listdir(folder) == ["small.backup"]
    assert there != "file" or path.read_bytes() == b"precious"


def put(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def test_of_two_exports_to_one_name_the_first_to_finish_stays(
    small: GalleryClient, folder: Path
) -> None:
    path = folder / "small.backup"

    with pytest.raises(BackupExistsError):
        small.export(path, progress=lambda done: put(path, b"first"))

    assert os.listdir(folder) == ["small.backup"]
    assert path.read_bytes() == b"first"


@posix
def test_a_disk_that_fills_up_leaves_nothing(small: GalleryClient, folder: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(BackupError, match="cannot write"):
            small.export(folder / "small.backup")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert os.listdir(folder) == []


@pytest.mark.parametrize("failing", ["fsync", "link"])
def test_a_failure_at_the_end_leaves_nothing(
    small: GalleryClient, folder: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(5, "input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, failing, fail)
        with pytest.raises(BackupError, match="input/output error"):
            small.export(folder / "small.backup")

    assert os.listdir(folder) == []


def test_a_file_system_without_hard_links_will_do(
    small: GalleryClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as patched:
        patched.setattr(os, "link", refuse)
        small.export(folder / "small.backup")

    assert os.listdir(folder) == ["small.backup"]


def test_an_interrupted_export_leaves_nothing(small: GalleryClient, folder: Path) -> None:
    def interrupt(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        small.export(folder / "small.backup", progress=interrupt)

    assert os.listdir(folder) == []


def test_a_missing_folder_is_an_error_with_words(small: GalleryClient, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="cannot write the backup"):
        small.export(tmp_path / "missing" / "small.backup")


# --- exporting a gallery that changes, or that is damaged -----------------------------------------


@pytest.mark.parametrize("missing", [False, True], ids=["changed", "dropped"])
def test_a_gallery_that_changes_is_exported_in_one_state(
    small: GalleryClient,
    service: EmbeddedService,
    key: GalleryKey,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    missing: bool,
) -> None:
    blocks = service.block
    calls: list[int] = []

    def block(gallery_id: bytes, index: int) -> EncryptedBlock:
        calls.append(index)
        if len(calls) == 1:
            with monkeypatch.context() as undisturbed:
                undisturbed.setattr(service, "block", blocks)
                with GalleryClient(service, key) as other:
                    other.enroll(random_embeddings(1, DIMENSION, seed=9), ["late"])
            if missing:
                raise MissingBlockError("block 0 is gone")
        return blocks(gallery_id, index)

    monkeypatch.setattr(service, "block", block)
    done: list[int] = []
    small.export(folder / "small.backup", progress=done.append)

    assert calls == [0, 0]
    assert done == [1]
    with (
        open_service(f"sqlite:///{folder / 'other.db'}", create=True) as elsewhere,
        GalleryClient.restore(elsewhere, key, folder / "small.backup") as restored,
    ):
        assert [item.label for item in restored.references()] == [*names(3), "late"]
        assert restored.verify(deep=True).findings == ()


def test_progress_counts_a_block_once_though_the_export_starts_again(
    small: GalleryClient,
    service: EmbeddedService,
    key: GalleryKey,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small.enroll(random_embeddings(4094, DIMENSION, seed=8), names(4094))
    blocks = service.block
    calls: list[int] = []

    def block(gallery_id: bytes, index: int) -> EncryptedBlock:
        calls.append(index)
        if len(calls) == 2:
            with monkeypatch.context() as undisturbed:
                undisturbed.setattr(service, "block", blocks)
                with GalleryClient(service, key) as other:
                    other.enroll(random_embeddings(1, DIMENSION, seed=9), ["late"])
        return blocks(gallery_id, index)

    monkeypatch.setattr(service, "block", block)
    done: list[int] = []
    small.export(folder / "small.backup", progress=done.append)

    assert calls == [0, 1, 0, 1]
    assert done == [1, 1]


def test_ciphertexts_that_a_service_damages_are_not_exported(
    small: GalleryClient, service: EmbeddedService, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = service.block(small.description.gallery_id, 0)
    columns = good.columns.copy()
    columns[0, 0, 0, 0, 0] ^= 1
    damaged = EncryptedBlock(good.header, columns)
    monkeypatch.setattr(service, "block", lambda gallery_id, index: damaged)

    with pytest.raises(BlockCorruptedError):
        small.export(folder / "small.backup")

    assert os.listdir(folder) == []


def test_a_gallery_that_keeps_changing_is_given_up(
    small: GalleryClient,
    service: EmbeddedService,
    key: GalleryKey,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blocks, seeds = service.block, iter(range(100))

    def block(gallery_id: bytes, index: int) -> EncryptedBlock:
        with monkeypatch.context() as undisturbed:
            undisturbed.setattr(service, "block", blocks)
            with GalleryClient(service, key) as other:
                other.enroll(random_embeddings(1, DIMENSION, seed=next(seeds)), ["late"])
        return blocks(gallery_id, index)

    monkeypatch.setattr(service, "block", block)

    with pytest.raises(WriteConflictError, match="nothing was exported; try again"):
        small.export(folder / "small.backup")

    assert next(seeds) < 20
    assert os.listdir(folder) == []


DAMAGES: list[tuple[str, type[GalleryError]]] = [
    ("UPDATE block SET columns = zeroblob(length(columns))", BlockCorruptedError),
    ("DELETE FROM block", MissingBlockError),
    ("UPDATE reference SET pseudonym = zeroblob(16) WHERE position = 1", AuthenticationError),
    ("DELETE FROM reference WHERE position = 1", AuthenticationError),
]


@pytest.mark.parametrize(("statement", "error"), DAMAGES, ids=[sql[:30] for sql, _ in DAMAGES])
def test_a_damaged_gallery_is_not_exported(
    small: GalleryClient, database: str, folder: Path, statement: str, error: type[GalleryError]
) -> None:
    connection = sqlite3.connect(database.removeprefix("sqlite:///"))
    with connection:
        connection.execute(statement)
    connection.close()

    with pytest.raises(error):
        small.export(folder / "small.backup")

    assert os.listdir(folder) == []


def test_a_block_put_back_from_an_older_state_is_not_exported(
    small: GalleryClient, service: EmbeddedService, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = service.block(small.description.gallery_id, 0)
    small.enroll(random_embeddings(1, DIMENSION, seed=9), ["late"])
    monkeypatch.setattr(service, "block", lambda gallery_id, index: older)

    with pytest.raises(AuthenticationError, match="older state"):
        small.export(folder / "small.backup")

    assert os.listdir(folder) == []
