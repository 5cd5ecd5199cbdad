"""The folder of the cache is bounded, and holds nothing but what it was given."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from gallery.client import CacheFolder
from gallery.client.cache import GalleryCache
from gallery.client.integrity.authentication import Authenticator
from gallery.client.keys.secrets import GalleryKey
from gallery.messages import (
    NO_CHECK_SUMS,
    BlockHeader,
    BlockReferences,
    Manifest,
    ManifestEntry,
    ReferenceTable,
)
from gallery.messages.sizes import MessageSizes
from gallery.parameters import SWIFT

DAY = 86400.0
HINT = bytes(1000)


class Owner:
    """Makes tables of one gallery without references, as the owner signs them."""

    def __init__(self, key: GalleryKey, folder: CacheFolder, number: int) -> None:
        self.gallery_id = bytes([number]) * 16
        self.authenticator = Authenticator(key, self.gallery_id)
        sizes = MessageSizes(SWIFT, 8, 8)
        self.cache = GalleryCache(folder, self.gallery_id, self.authenticator, sizes)
        self.path = folder.folder_of(self.gallery_id)

    def block(self, index: int, version: int = 1) -> BlockReferences:
        table = ReferenceTable(self.gallery_id, index, version, (), HINT)
        digest, occupancy = bytes(32), bytes(512)
        header = BlockHeader(
            self.gallery_id, index, version, "swift", 8, occupancy, digest, table.digest(),
            columns=8, nonce=bytes(32),
        )  # fmt: skip
        return BlockReferences(self.authenticator.sign(header), table)

    def keep(self, *blocks: BlockReferences) -> None:
        self.cache.keep(blocks, NO_CHECK_SUMS)

    def has(self, block: BlockReferences) -> bool:
        found = self.cache.references(entry_of(block))
        return found is not None and found.to_bytes() == block.to_bytes()


def entry_of(block: BlockReferences) -> ManifestEntry:
    header = block.header
    return ManifestEntry(header.index, header.version, header.mac)


def aged(owner: Owner, days: float) -> None:
    """Let a gallery have been used so many days ago."""
    then = time.time() - days * DAY
    os.utime(owner.path, (then, then))


@pytest.fixture
def folder(tmp_path: Path) -> CacheFolder:
    return CacheFolder(tmp_path / "cache")


def test_what_is_kept_is_listed_the_last_used_first(folder: CacheFolder, key: GalleryKey) -> None:
    first, second = Owner(key, folder, 1), Owner(key, folder, 2)
    first.keep(first.block(0), first.block(1))
    second.keep(second.block(0))
    aged(second, 3)

    found = folder.galleries()

    assert [item.gallery_id for item in found] == ["01" * 16, "02" * 16]
    assert [item.blocks for item in found] == [2, 1]
    assert found[0].size == 2 * found[1].size == 2 * len(second.block(0).to_bytes())
    assert found[0].used - found[1].used == pytest.approx(3 * DAY, abs=60)


def test_galleries_that_were_not_used_for_the_longest_time_make_room(
    folder: CacheFolder, key: GalleryKey
) -> None:
    owners = [Owner(key, folder, number) for number in range(4)]
    folder.limit = 3 * len(owners[0].block(0).to_bytes())
    for owner, days in zip(owners[:3], (1, 3, 2), strict=True):
        owner.keep(owner.block(0))
        aged(owner, days)

    owners[3].keep(owners[3].block(0))

    assert [owner.has(owner.block(0)) for owner in owners] == [True, False, True, True]
    assert sum(item.size for item in folder.galleries()) <= folder.limit


def test_of_a_gallery_that_is_too_large_the_first_blocks_are_kept(
    folder: CacheFolder, key: GalleryKey
) -> None:
    owner = Owner(key, folder, 1)
    blocks = [owner.block(index) for index in range(4)]
    folder.limit = len(b"".join(block.to_bytes() for block in blocks[:2])) + 10

    for _ in range(2):
        owner.keep(*blocks)

    assert [owner.has(block) for block in blocks] == [True, True, False, False]


def test_galleries_that_nobody_opens_any_more_are_dropped(
    folder: CacheFolder, key: GalleryKey
) -> None:
    owners = [Owner(key, folder, number) for number in range(3)]
    for owner, days in zip(owners, (0, 29, 31), strict=True):
        owner.keep(owner.block(0))
        aged(owner, days)

    owners[0].keep(owners[0].block(0))

    assert [owner.has(owner.block(0)) for owner in owners] == [True, True, False]


def test_what_a_manifest_does_not_name_is_dropped(folder: CacheFolder, key: GalleryKey) -> None:
    owner = Owner(key, folder, 1)
    older, newer, other = owner.block(0, 1), owner.block(0, 2), owner.block(1, 1)
    owner.keep(older, newer, other)

    owner.cache.drop_all_but(Manifest(owner.gallery_id, 3, (entry_of(newer),)))

    assert [owner.has(block) for block in (older, newer, other)] == [False, True, False]


def test_clearing_removes_what_was_kept_and_nothing_else(
    folder: CacheFolder, key: GalleryKey, tmp_path: Path
) -> None:
    owner = Owner(key, folder, 1)
    owner.keep(owner.block(0))
    letter, elsewhere = folder.path / "letter.txt", tmp_path / "elsewhere"
    letter.write_text("mine")
    (owner.path / "notes").write_text("mine as well")
    elsewhere.mkdir()
    (elsewhere / "check-sums").write_text("mine, too")
    (folder.path / ("aa" * 16)).symlink_to(elsewhere)

    folder.clear()

    assert letter.read_text() == "mine"
    assert (owner.path / "notes").read_text() == "mine as well"
    assert (elsewhere / "check-sums").read_text() == "mine, too"
    assert not owner.has(owner.block(0))


def test_clearing_what_is_not_there_is_done(folder: CacheFolder) -> None:
    folder.clear()

    assert folder.galleries() == ()


def test_a_folder_that_cannot_be_written_is_told_once(
    folder: CacheFolder, key: GalleryKey, tmp_path: Path
) -> None:
    if os.geteuid() == 0:
        pytest.skip("root writes into every folder")
    said: list[str] = []
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    owner = Owner(key, CacheFolder(closed / "cache", told=said.append), 1)

    for index in range(3):
        owner.keep(owner.block(index))

    assert len(said) == 1
    assert "Permission denied" in said[0]


def test_a_writer_that_is_interrupted_leaves_no_file_of_the_name(
    folder: CacheFolder, key: GalleryKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = Owner(key, folder, 1)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        owner.keep(owner.block(0))

    assert [path for path in folder.path.rglob("*") if stat.S_ISREG(path.stat().st_mode)] == []
