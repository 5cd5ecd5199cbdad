"""A backup restores the gallery that it was made of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gallery.client import GalleryClient, GalleryKey, Summary
from gallery.client.backup import Backup
from gallery.errors import GalleryError, GalleryExistsError
from gallery.messages import EncryptedBlock, GalleryUpdate
from gallery.parameters import COMPACT
from gallery.server import EmbeddedService, open_service
from tests.support.backup_files import COUNT, DIMENSION, messages_of
from tests.support.galleries import names, random_embeddings
from tests.support.recording import RecordingService


def content(summary: Summary) -> Summary:
    """Return what a summary says, but for when and in which lineage it was signed."""
    return replace(summary, signed=None, lineage=b"")


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
        assert replace(restored.description, mac=original.description.mac) == original.description
        assert [*restored.references()] == [*original.references()]
        assert content(restored.summary()) == content(original.summary())
        report = restored.verify(deep=True)
        assert (report.blocks, report.references, report.findings) == (2, COUNT, ())


def test_the_stored_bytes_are_those_that_were_exported(
    original: GalleryClient, backup: Path, service: EmbeddedService, key: GalleryKey, tmp_path: Path
) -> None:
    with GalleryClient.restore(service, key, backup) as restored:
        restored.export(tmp_path / "again.backup")

    again, once = (messages_of(path.read_bytes()) for path in (tmp_path / "again.backup", backup))
    assert again[2:] == once[2:]


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
        assert content(restored.summary()) == content(client.summary())
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
        assert content(again.summary()) == content(original.summary())


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
    with GalleryClient.create(seeds, key, dimension=DIMENSION, parameters=COMPACT) as client:
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
