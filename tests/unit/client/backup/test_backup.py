"""A backup restores the gallery that it was made of, or says why it does not."""

from __future__ import annotations

import hashlib
import hmac
import os
import random
import resource
import sqlite3
import stat
import struct
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gallery.client import GalleryClient, GalleryKey
from gallery.client.backup import Backup
from gallery.errors import (
    AuthenticationError,
    BackupError,
    BackupExistsError,
    BlockCorruptedError,
    GalleryError,
    GalleryExistsError,
    KeyMismatchError,
    MissingBlockError,
    WriteConflictError,
)
from gallery.messages import (
    BlockUpdate,
    EncryptedBlock,
    GalleryDescription,
    GalleryUpdate,
    Manifest,
)
from gallery.parameters import COMPACT
from gallery.server import EmbeddedService, open_service
from tests.galleries import names, random_embeddings
from tests.recording import RecordingService

DIMENSION = 2
COUNT = 4094 + 3
"""One block and three references more."""

HEADER_SIZE = 26
MAC_SIZE = 32

posix = pytest.mark.skipif(os.name != "posix", reason="file modes and limits are POSIX's")


# --- what is backed up ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def embeddings() -> np.ndarray:
    return random_embeddings(COUNT, DIMENSION)


@pytest.fixture(scope="module")
def original(
    tmp_path_factory: pytest.TempPathFactory, key: GalleryKey, embeddings: np.ndarray
) -> Iterator[GalleryClient]:
    """A gallery of two blocks; tests do not change it."""
    folder = tmp_path_factory.mktemp("original")
    with (
        open_service(f"sqlite:///{folder / 'gallery.db'}", create=True) as service,
        GalleryClient.create(
            service, key, "staff", dimension=DIMENSION, metric="euclidean", threshold=0.25
        ) as client,
    ):
        client.enroll(embeddings, names(COUNT))
        yield client


@pytest.fixture(scope="module")
def whole(original: GalleryClient, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of its backup."""
    path = tmp_path_factory.mktemp("backup") / "staff.backup"
    original.export(path)
    return path.read_bytes()


@pytest.fixture
def backup(whole: bytes, tmp_path: Path) -> Path:
    """The file of its backup, which a test may damage."""
    path = tmp_path / "staff.backup"
    path.write_bytes(whole)
    return path


@pytest.fixture
def small(service: EmbeddedService, key: GalleryKey) -> Iterator[GalleryClient]:
    """A gallery of one block that a test may change."""
    with GalleryClient.create(service, key, dimension=DIMENSION, parameters=COMPACT) as client:
        client.enroll(random_embeddings(3, DIMENSION), names(3))
        yield client


def messages_of(data: bytes) -> list[bytes]:
    """Return the messages of a backup, read by the documented layout alone."""
    found, offset = [], HEADER_SIZE
    while offset < len(data) - MAC_SIZE:
        (size,) = struct.unpack_from("<I", data, offset)
        found.append(data[offset + 4 : offset + 4 + size])
        offset += 4 + size
    assert offset == len(data) - MAC_SIZE
    return found


def backup_of(key: GalleryKey, gallery_id: bytes, messages: Iterable[bytes]) -> bytes:
    """Return a backup, written by the documented layout alone."""
    data = struct.pack("<8sH16s", b"EFGBAK\r\n", 2, key.key_id)
    data += b"".join(struct.pack("<I", len(message)) + message for message in messages)
    return data + hmac.digest(key.subkey("backup", gallery_id).reveal(), data, hashlib.sha256)


def boundaries_of(data: bytes) -> list[int]:
    """Return the offsets at which a field of a backup starts."""
    found = [0, 8, 10, HEADER_SIZE]
    for message in messages_of(data):
        found += [found[-1] + 4, found[-1] + 4 + len(message)]
    return found


def flipped(data: bytes, offset: int) -> bytes:
    """Return bytes of which one bit differs."""
    changed = bytearray(data)
    changed[offset] ^= 1
    return bytes(changed)


def refused(path: Path, key: GalleryKey, service: EmbeddedService) -> BackupError:
    """Return the error of a restore that is refused, after which the database is empty."""
    with pytest.raises(BackupError) as caught:
        GalleryClient.restore(service, key, path)
    assert service.gallery_names() == []
    return caught.value


# --- round trips ----------------------------------------------------------------------------------


def test_a_restored_gallery_is_the_one_that_was_exported(
    original: GalleryClient,
    embeddings: np.ndarray,
    backup: Path,
    service: EmbeddedService,
    key: GalleryKey,
) -> None:
    probes = embeddings[[0, 2047, 4093, 4094, 4096]] + 0.01
    before = original.identify(probes, k=3)

    with GalleryClient.restore(service, key, backup) as restored:
        after = restored.identify(probes, k=3)

        assert np.array_equal(after.reference_ids, before.reference_ids)
        assert np.array_equal(after.labels, before.labels)
        assert np.array_equal(after.decisions, before.decisions)
        np.testing.assert_allclose(after.distances, before.distances, atol=5e-3)
        assert restored.description == original.description
        assert [*restored.references()] == [*original.references()]
        assert restored.summary() == original.summary()
        report = restored.verify(deep=True)
        assert (report.blocks, report.references, report.findings) == (2, COUNT, ())


def test_the_stored_bytes_are_those_that_were_exported(
    original: GalleryClient, backup: Path, service: EmbeddedService, key: GalleryKey, tmp_path: Path
) -> None:
    with GalleryClient.restore(service, key, backup) as restored:
        restored.export(tmp_path / "again.backup")

    assert (tmp_path / "again.backup").read_bytes() == backup.read_bytes()


def test_a_restored_gallery_can_be_enrolled_into(
    backup: Path, service: EmbeddedService, key: GalleryKey, embeddings: np.ndarray
) -> None:
    with GalleryClient.restore(service, key, backup) as restored:
        done = restored.enroll(np.vstack([embeddings[:1], [[9.0, 9.0]]]), ["person 0", "new"])

        assert [*done.added] == [False, True]
        assert restored.summary().references == COUNT + 1
        assert restored.verify(deep=True).findings == ()


def test_an_empty_gallery_can_be_backed_up(
    client: GalleryClient, key: GalleryKey, tmp_path: Path
) -> None:
    client.export(tmp_path / "empty.backup")

    with (
        open_service(f"sqlite:///{tmp_path / 'other.db'}", create=True) as other,
        GalleryClient.restore(other, key, tmp_path / "empty.backup") as restored,
    ):
        assert restored.summary() == client.summary()
        restored.enroll(random_embeddings(1, 8), ["somebody"])


def test_a_gallery_can_be_restored_under_another_name(
    original: GalleryClient,
    embeddings: np.ndarray,
    backup: Path,
    service: EmbeddedService,
    key: GalleryKey,
) -> None:
    GalleryClient.create(service, key, "staff", dimension=8).close()

    with GalleryClient.restore(service, key, backup, "restored") as restored:
        assert service.gallery_names() == ["restored", "staff"]
        assert restored.description.name == "restored"
        assert restored.description.gallery_id == original.description.gallery_id
        assert restored.identify(embeddings[5]).labels[0, 0] == "person 5"
        assert restored.verify().findings == ()
    with GalleryClient(service, key, "restored") as again:
        assert again.summary() == original.summary()


@pytest.mark.parametrize("name", ["", " ", "x" * 201, "new\nline"])
def test_a_name_that_no_gallery_can_have_is_refused(
    name: str, backup: Path, service: EmbeddedService, key: GalleryKey
) -> None:
    with pytest.raises(GalleryError, match="printable"):
        GalleryClient.restore(service, key, backup, name)

    assert service.gallery_names() == []


def test_what_is_there_is_not_restored_over(
    backup: Path, service: EmbeddedService, key: GalleryKey
) -> None:
    GalleryClient.restore(service, key, backup).close()

    with pytest.raises(GalleryExistsError, match="'staff'"):
        GalleryClient.restore(service, key, backup)
    with pytest.raises(GalleryExistsError, match="this same gallery"):
        GalleryClient.restore(service, key, backup, "twin")

    assert service.gallery_names() == ["staff"]


class SeedKeepingService(RecordingService):
    """Gives blocks with the seeds that they were written with, which a keyless side need not."""

    def __init__(self, service: EmbeddedService) -> None:
        super().__init__(service)
        self.seeds: dict[bytes, bytes | None] = {}

    def write(self, gallery_id: bytes, update: GalleryUpdate) -> None:
        self.seeds |= {item.block.header.mac: item.block.seed for item in update.blocks}
        super().write(gallery_id, update)

    def block(self, gallery_id: bytes, index: int) -> EncryptedBlock:
        found = super().block(gallery_id, index)
        return replace(found, seed=self.seeds[found.header.mac])


def test_blocks_are_backed_up_whole_even_if_their_seeds_are_known(
    service: EmbeddedService, key: GalleryKey, folder: Path
) -> None:
    seeds = SeedKeepingService(service)
    with GalleryClient.create(seeds, key, dimension=DIMENSION) as client:
        client.enroll(random_embeddings(3, DIMENSION), names(3))
        client.export(folder / "small.backup")
        assert None not in seeds.seeds.values()
        assert seeds.block(client.description.gallery_id, 0).seed is not None

    block = EncryptedBlock.from_bytes(messages_of((folder / "small.backup").read_bytes())[2])
    assert block.seed is None
    service.delete(block.header.gallery_id)
    GalleryClient.restore(service, key, folder / "small.backup").close()


def test_progress_counts_every_block_once(
    original: GalleryClient, service: EmbeddedService, key: GalleryKey, tmp_path: Path
) -> None:
    exported: list[int] = []
    checked: list[int] = []
    restored: list[int] = []
    path = tmp_path / "staff.backup"

    original.export(path, progress=exported.append)
    with Backup(path, key) as backup:
        backup.verify(checked.append)
        backup.restore(service, progress=restored.append)

    assert exported == checked == restored == [1, 1]


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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder."""
    made = tmp_path / "backups"
    made.mkdir()
    return made


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


def test_a_file_system_without_hard_links_is_said_to_be_one(
    small: GalleryClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as patched:
        patched.setattr(os, "link", refuse)
        with pytest.raises(BackupError, match="another folder"):
            small.export(folder / "small.backup")

    assert os.listdir(folder) == []


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

    with pytest.raises(WriteConflictError, match="export it again"):
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


# --- files that are not as they were written ------------------------------------------------------


def test_a_truncated_backup_is_refused_wherever_it_ends(
    whole: bytes, backup: Path, service: EmbeddedService, key: GalleryKey
) -> None:
    boundaries = boundaries_of(whole)
    samples = random.Random(0).sample(range(len(whole)), 100)
    ends = {end + shift for end in boundaries for shift in (-1, 0, 1) if end + shift >= 0}

    for end in sorted({*ends, *samples, len(whole) - 1, len(whole) - MAC_SIZE}, reverse=True):
        os.truncate(backup, end)
        assert refused(backup, key, service).exit_code == 56, end


def test_every_changed_byte_is_noticed(
    whole: bytes, backup: Path, service: EmbeddedService, key: GalleryKey
) -> None:
    generator = random.Random(1)
    boundaries = boundaries_of(whole)
    beginning, end = boundaries[5], len(whole)
    offsets = {
        *range(0, beginning, 3),
        *generator.sample(range(beginning, boundaries[7]), 10),
        *(start + shift for start in boundaries[3:-1] for shift in range(12)),
        *generator.sample(range(end), 150),
        *range(end - MAC_SIZE, end, 4),
    }

    with backup.open("r+b", buffering=0) as file:
        for offset in sorted(offsets):
            file.seek(offset)
            file.write(bytes([whole[offset] ^ 1 << generator.randrange(8)]))
            assert refused(backup, key, service).exit_code == 56, offset
            file.seek(offset)
            file.write(whole[offset : offset + 1])
    assert len(offsets) > 250
    GalleryClient.restore(service, key, backup).close()


def test_the_first_pass_notices_all_of_it_before_the_service_is_asked(
    whole: bytes, backup: Path, key: GalleryKey
) -> None:
    nobody: Any = None
    for offset in (*boundaries_of(whole)[3:], len(whole) - 1):
        backup.write_bytes(flipped(whole, offset))
        with pytest.raises(BackupError), Backup(backup, key) as opened:
            opened.verify()
        with pytest.raises(BackupError):
            GalleryClient.restore(nobody, key, backup)


@pytest.mark.parametrize("more", [b"\0", b"\0" * 32, b"\0" * 10_000])
def test_appended_bytes_are_noticed(
    whole: bytes, backup: Path, service: EmbeddedService, key: GalleryKey, more: bytes
) -> None:
    backup.write_bytes(whole + more)
    assert "(its end)" in str(refused(backup, key, service))

    backup.write_bytes(whole + whole)
    refused(backup, key, service)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: [*m[:2], *m[4:6], *m[2:4]],
        lambda m: [*m[:2], *m[2:4], *m[2:4]],
        lambda m: [*m[:3], m[5], m[4], m[3]],
        lambda m: m[:4],
        lambda m: [*m, *m[4:]],
        lambda m: [*m, b""],
        lambda m: m[1:],
        lambda m: [],
        lambda m: [flipped(m[0], -1), *m[1:]],
        lambda m: [m[0], flipped(m[1], -1), *m[2:]],
        lambda m: [*m[:3], flipped(m[3], -1), *m[4:]],
    ],
    ids=[
        "swapped",
        "repeated",
        "mixed",
        "dropped",
        "added",
        "empty",
        "headless",
        "nothing",
        "description",
        "manifest",
        "references",
    ],
)
def test_a_backup_is_checked_against_its_manifest_and_not_only_as_a_whole(
    whole: bytes,
    original: GalleryClient,
    backup: Path,
    service: EmbeddedService,
    key: GalleryKey,
    change: Callable[[list[bytes]], list[bytes]],
) -> None:
    changed = change(messages_of(whole))
    backup.write_bytes(backup_of(key, original.description.gallery_id, changed))

    refused(backup, key, service)


def test_two_states_of_one_gallery_do_not_mix(
    small: GalleryClient, key: GalleryKey, folder: Path
) -> None:
    small.export(folder / "old.backup")
    small.enroll(random_embeddings(1, DIMENSION, seed=9), ["late"])
    small.export(folder / "new.backup")
    old = messages_of((folder / "old.backup").read_bytes())
    new = messages_of((folder / "new.backup").read_bytes())

    for number, mixed in enumerate([[*new[:2], *old[2:]], [*old[:2], *new[2:]]]):
        path = folder / f"{number}.backup"
        path.write_bytes(backup_of(key, small.description.gallery_id, mixed))
        with pytest.raises(BackupError, match="block 0"), Backup(path, key) as opened:
            opened.verify()


def test_another_key_does_not_open_a_backup(
    backup: Path, service: EmbeddedService, other_key: GalleryKey
) -> None:
    with pytest.raises(KeyMismatchError, match="made with another key"):
        GalleryClient.restore(service, other_key, backup)

    assert service.gallery_names() == []


def test_a_backup_of_another_version_is_refused_by_number(
    whole: bytes, backup: Path, service: EmbeddedService, key: GalleryKey
) -> None:
    backup.write_bytes(whole[:8] + struct.pack("<H", 3) + whole[10:])

    assert "format version 3" in str(refused(backup, key, service))


@pytest.mark.parametrize("data", [b"", b"EFGBAK\r\n", b"EFGKEY\r\n" + bytes(200), bytes(10_000)])
def test_other_files_are_no_backups(
    tmp_path: Path, service: EmbeddedService, key: GalleryKey, data: bytes
) -> None:
    (tmp_path / "other").write_bytes(data)

    assert "not a backup" in str(refused(tmp_path / "other", key, service))


def test_what_cannot_be_read_is_an_error_with_words(
    tmp_path: Path, service: EmbeddedService, key: GalleryKey
) -> None:
    assert "No such file" in str(refused(tmp_path / "missing", key, service))
    assert "not a regular file" in str(refused(tmp_path, key, service))
    if os.name == "posix":
        os.mkfifo(tmp_path / "pipe")
        assert "not a regular file" in str(refused(tmp_path / "pipe", key, service))


@pytest.mark.parametrize("which", range(6))
@pytest.mark.parametrize("length", [2**32 - 1, 2**31, 2**29, 0])
def test_absurd_lengths_are_refused_and_nothing_is_allocated(
    whole: bytes, backup: Path, service: EmbeddedService, key: GalleryKey, which: int, length: int
) -> None:
    starts = boundaries_of(whole)[3::2]
    with backup.open("r+b") as file:
        file.seek(starts[which])
        file.write(struct.pack("<I", length))
        # The file is long enough for any length; what is added takes no space on the disk.
        file.truncate(5 * 2**30)

    tracemalloc.start()
    try:
        refused(backup, key, service)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 8 * len(whole)


@pytest.mark.parametrize("which", range(6))
def test_a_length_beyond_the_end_of_the_file_is_refused_and_nothing_is_allocated(
    whole: bytes, backup: Path, service: EmbeddedService, key: GalleryKey, which: int
) -> None:
    start = boundaries_of(whole)[3::2][which]
    (size,) = struct.unpack_from("<I", whole, start)
    backup.write_bytes(whole[: start + 4 + size - 1] + bytes(MAC_SIZE))

    refused(backup, key, service)


@pytest.mark.parametrize("which", [3, 5])
def test_references_that_the_file_has_no_room_for_are_not_allocated(
    whole: bytes, backup: Path, service: EmbeddedService, key: GalleryKey, which: int
) -> None:
    start = boundaries_of(whole)[3::2][which]
    backup.write_bytes(whole[:start] + struct.pack("<I", 4094 * 4150) + whole[start + 4 :])

    tracemalloc.start()
    try:
        refused(backup, key, service)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 4094 * 4150


# --- files that change while they are read --------------------------------------------------------


def test_the_end_of_an_empty_gallerys_backup_is_checked_twice_too(
    client: GalleryClient, key: GalleryKey, folder: Path
) -> None:
    path = folder / "empty.backup"
    client.export(path)

    with (
        open_service(f"sqlite:///{folder / 'other.db'}", create=True) as elsewhere,
        Backup(path, key) as opened,
    ):
        opened.verify()
        with path.open("ab") as file:
            file.write(b"\0")
        with pytest.raises(BackupError):
            opened.restore(elsewhere)
        assert elsewhere.gallery_names() == []


def test_a_backup_that_changes_after_it_was_checked_is_not_restored(
    whole: bytes, backup: Path, service: EmbeddedService, key: GalleryKey
) -> None:
    for offset in (*boundaries_of(whole)[3:-1], len(whole) - 1):
        with Backup(backup, key) as opened, backup.open("r+b", buffering=0) as file:
            opened.verify()
            file.seek(offset)
            file.write(bytes([whole[offset] ^ 1]))
            with pytest.raises(BackupError):
                opened.restore(service)
            file.seek(offset)
            file.write(whole[offset : offset + 1])
        assert service.gallery_names() == []


def test_another_state_cannot_slip_in_after_the_check(
    small: GalleryClient, key: GalleryKey, folder: Path
) -> None:
    small.export(folder / "old.backup")
    small.enroll(random_embeddings(1, DIMENSION, seed=9), ["late"])
    small.export(folder / "new.backup")

    with (
        open_service(f"sqlite:///{folder / 'other.db'}", create=True) as elsewhere,
        Backup(folder / "new.backup", key) as opened,
    ):
        opened.verify()
        (folder / "new.backup").write_bytes((folder / "old.backup").read_bytes())
        with pytest.raises(BackupError, match="changed while it was read"):
            opened.restore(elsewhere)
        assert elsewhere.gallery_names() == []


class MeddlingService:
    """Passes a restore on, and changes the file after the first block was taken."""

    def __init__(self, service: EmbeddedService, path: Path, offset: int) -> None:
        self._service, self._path, self._offset = service, path, offset

    def restore(self, description: Any, manifest: Any, blocks: Iterator[BlockUpdate]) -> None:
        self._service.restore(description, manifest, self._meddle(blocks))

    def _meddle(self, blocks: Iterator[BlockUpdate]) -> Iterator[BlockUpdate]:
        yield next(blocks)
        with self._path.open("r+b", buffering=0) as file:
            file.seek(self._offset)
            old = file.read(1)
            file.seek(self._offset)
            file.write(bytes([old[0] ^ 1]))
        yield from blocks


def test_a_backup_that_changes_while_it_is_restored_leaves_nothing(
    whole: bytes, backup: Path, service: EmbeddedService, key: GalleryKey
) -> None:
    for offset in (boundaries_of(whole)[12] + 100_000, len(whole) - MAC_SIZE):
        backup.write_bytes(whole)
        meddler: Any = MeddlingService(service, backup, offset)
        with pytest.raises(BackupError):
            GalleryClient.restore(meddler, key, backup)
        assert service.gallery_names() == []
    backup.write_bytes(whole)
    GalleryClient.restore(service, key, backup).close()
