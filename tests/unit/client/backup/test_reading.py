"""A backup that is not as its owner wrote it is refused, and nothing of it is restored."""

from __future__ import annotations

import os
import random
import struct
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gallery.client import GalleryClient, GalleryKey
from gallery.client.backup import Backup
from gallery.errors import BackupError, KeyMismatchError
from gallery.forwarding import ForwardingService
from gallery.messages import (
    NO_CHECK_SUMS,
    BlockUpdate,
    GalleryDescription,
    Manifest,
    SealedCheckSums,
)
from gallery.server import EmbeddedService, open_service
from tests.support.backup_files import (
    DIMENSION,
    MAC_SIZE,
    backup_of,
    boundaries_of,
    messages_of,
)
from tests.support.galleries import random_embeddings


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
    backup.write_bytes(whole[:8] + struct.pack("<H", 6) + whole[10:])

    assert "format version 6" in str(refused(backup, key, service))


@pytest.mark.parametrize("version", [2, 3, 5])
def test_a_backup_under_the_version_of_another_scheme_or_manifest_is_refused(
    whole: bytes, backup: Path, service: EmbeddedService, key: GalleryKey, version: int
) -> None:
    backup.write_bytes(whole[:8] + struct.pack("<H", version) + whole[10:])

    assert "(its manifest)" in str(refused(backup, key, service))


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


class MeddlingService(ForwardingService):
    """Passes a restore on, and changes the file after the first block was taken."""

    def __init__(self, service: EmbeddedService, path: Path, offset: int) -> None:
        super().__init__(service)
        self._path, self._offset = path, offset

    def restore(
        self,
        description: GalleryDescription,
        manifest: Manifest,
        blocks: Iterable[BlockUpdate],
        check_sums: SealedCheckSums = NO_CHECK_SUMS,
    ) -> None:
        super().restore(description, manifest, self._meddle(iter(blocks)), check_sums)

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
        meddler = MeddlingService(service, backup, offset)
        with pytest.raises(BackupError):
            GalleryClient.restore(meddler, key, backup)
        assert service.gallery_names() == []
    backup.write_bytes(whole)
    GalleryClient.restore(service, key, backup).close()
