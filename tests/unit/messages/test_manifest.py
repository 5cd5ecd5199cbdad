"""Manifests: entries without gaps, bounded in number, with date and lineage."""

from __future__ import annotations

import pytest

from gallery.errors import MalformedMessageError
from gallery.messages import Manifest, ManifestEntry
from gallery.messages.manifest import MAX_BLOCKS, MAX_MANIFEST
from tests.support.builders import GALLERY_ID, manifest


@pytest.mark.parametrize("indices", [[1], [0, 2], [1, 0], [0, 0], [0, 1, 1]])
def test_blocks_are_named_in_order_and_without_gaps(indices: list[int]) -> None:
    entries = tuple(ManifestEntry(index, 1, bytes(32)) for index in indices)

    with pytest.raises(MalformedMessageError, match="indices are not 0, 1, 2"):
        Manifest.from_bytes(Manifest(GALLERY_ID, 1, entries).to_bytes())


def test_a_manifest_of_a_gallery_of_four_million_references_takes_45_kilobytes() -> None:
    entries = tuple(ManifestEntry(index, 1, bytes(32)) for index in range(1024))

    data = manifest(2, entries).to_bytes()

    assert len(data) == 8 + 16 + 8 + 4 + 1024 * (4 + 8 + 32) + 32
    assert Manifest.from_bytes(data).entries == entries


def test_one_without_a_date_is_written_as_earlier_programs_read_it() -> None:
    undated, dated = Manifest(GALLERY_ID, 1, ()), Manifest(GALLERY_ID, 1, (), signed=0)

    assert (undated.to_bytes()[4], dated.to_bytes()[4]) == (1, 2)
    with pytest.raises(MalformedMessageError, match=r"format version 3.*version 2"):
        Manifest.from_bytes(dated.to_bytes()[:4] + b"\x03" + dated.to_bytes()[5:])


def test_more_blocks_than_a_gallery_has_are_refused_before_they_are_read() -> None:
    entry = ManifestEntry(0, 1, bytes(32)).block_mac
    empty = Manifest(GALLERY_ID, 1, (), signed=1).to_bytes()
    count = MAX_BLOCKS + 1
    data = empty[:56] + count.to_bytes(4, "little") + count * (bytes(12) + entry) + bytes(32)

    with pytest.raises(MalformedMessageError, match="65537 blocks, and a gallery has at most"):
        Manifest.from_bytes(data)
    assert len(data) == MAX_MANIFEST + 44


def test_a_count_that_differs_from_the_entries_is_malformed() -> None:
    data = manifest(2, [ManifestEntry(0, 1, bytes(32))]).to_bytes()

    for count in (0, 2):
        with pytest.raises(MalformedMessageError, match=f"{count} entries do not fit"):
            Manifest.from_bytes(data[:32] + count.to_bytes(4, "little") + data[36:])


def test_every_field_but_the_mac_is_part_of_the_statement() -> None:
    entry = ManifestEntry(0, 1, bytes(32))

    statements = {
        Manifest(GALLERY_ID, 2, (entry,)).statement(),
        Manifest(bytes(16), 2, (entry,)).statement(),
        Manifest(GALLERY_ID, 3, (entry,)).statement(),
        Manifest(GALLERY_ID, 2, ()).statement(),
        Manifest(GALLERY_ID, 2, (ManifestEntry(0, 2, bytes(32)),)).statement(),
        Manifest(GALLERY_ID, 2, (ManifestEntry(0, 1, b"m" * 32),)).statement(),
        Manifest(GALLERY_ID, 2, (entry,), signed=0).statement(),
        Manifest(GALLERY_ID, 2, (entry,), signed=1).statement(),
        Manifest(GALLERY_ID, 2, (entry,), signed=1, lineage=b"l" * 16).statement(),
    }

    assert len(statements) == 9
    assert Manifest(GALLERY_ID, 2, (entry,), b"m" * 32).statement() in statements
