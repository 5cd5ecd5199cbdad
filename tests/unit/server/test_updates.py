"""Checks of updates by a keyless server, rule by rule.

Every update here but one is made valid first and then bent in one place, so that each test fails
for its own reason.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gallery.errors import BlockCorruptedError, MalformedMessageError, WriteConflictError
from gallery.messages import (
    NO_CHECK_SUMS,
    BlockRelabelling,
    BlockUpdate,
    EncryptedBlock,
    GalleryUpdate,
    Manifest,
    ReferenceTable,
    SealedCheckSums,
    StoredReference,
    columns_digest,
    pack_occupancy,
)
from gallery.parameters import (
    COMPACT,
    LIGHT,
    STANDARD,
    SWIFT,
    HintedParameterSet,
    ParameterSet,
)
from gallery.server import open_service
from gallery.server.updates import check_content, check_relabelling, check_update
from gallery.store import GalleryStore
from tests.support.builders import (
    block_references,
    block_update,
    check_sums,
    description,
    entry_of,
    hinted_description,
    manifest,
    random_columns,
    random_hint,
    reference,
    relabelling,
    relabelling_update,
    stamped,
    update_of,
)

GALLERY = description()


def gallery_of(*blocks: BlockUpdate, version: int = 5) -> Manifest:
    """Return the manifest of a gallery that has the given blocks."""
    return manifest(version, [entry_of(item.block.header) for item in blocks])


def refuse(
    update: GalleryUpdate,
    match: str,
    current: Manifest | None = None,
    error: type[Exception] = MalformedMessageError,
) -> None:
    with pytest.raises(error, match=match):
        check_update(GALLERY, manifest(1) if current is None else current, update)


def with_header(item: BlockUpdate, **changes: Any) -> BlockUpdate:
    """Return a block version whose header was changed and stamped anew."""
    header = stamped(replace(item.block.header, **changes))
    return BlockUpdate(EncryptedBlock(header, item.block.columns), item.references)


def with_references(item: BlockUpdate, table: ReferenceTable, occupied: list[int]) -> BlockUpdate:
    """Return a block version with another table and occupancy, and a header that fits them."""
    bits = np.zeros(4096, dtype=bool)
    bits[occupied] = True
    digest = table.digest()
    changed = with_header(item, references_digest=digest, occupancy=pack_occupancy(bits))
    return BlockUpdate(changed.block, table)


# --- what is accepted -----------------------------------------------------------------------------


def test_a_first_block_is_accepted() -> None:
    check_update(GALLERY, manifest(1), update_of(manifest(1), block_update(0, 2)))


def test_a_new_version_of_one_block_is_accepted_beside_others_that_stay() -> None:
    current = gallery_of(block_update(0, 4), block_update(1, 5), block_update(2, 3))

    check_update(GALLERY, current, update_of(current, block_update(1, 6, [9, 10, 11])))


def test_several_blocks_at_once_are_accepted() -> None:
    current = gallery_of(block_update(0, 5))

    check_update(GALLERY, current, update_of(current, block_update(0, 6), block_update(1, 6)))


def test_a_block_whose_last_reference_was_removed_is_accepted() -> None:
    current = gallery_of(block_update(0, 5))

    check_update(GALLERY, current, update_of(current, block_update(0, 6, [])))


def test_a_full_block_is_accepted() -> None:
    positions = [position for position in range(4096) if position not in (2047, 4095)]

    check_update(GALLERY, manifest(1), update_of(manifest(1), block_update(0, 2, positions)))


# --- versions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("moved_on_to", [4, 6])
def test_a_gallery_that_is_not_at_the_expected_version_is_a_conflict(moved_on_to: int) -> None:
    update = update_of(gallery_of(version=5), block_update(0, 6))

    refuse(update, "another process", manifest(moved_on_to), WriteConflictError)


@pytest.mark.parametrize("version", [0, 1, 3])
def test_the_new_manifest_is_one_version_after_the_current_one(version: int) -> None:
    update = GalleryUpdate(1, manifest(version), ())

    refuse(update, "does not follow")


def test_a_manifest_of_another_gallery_is_refused() -> None:
    update = update_of(manifest(1), block_update(0, 2))
    foreign = replace(update, manifest=replace(update.manifest, gallery_id=bytes(16)))

    refuse(foreign, "manifest belongs to another gallery")


@pytest.mark.parametrize(
    ("current", "new"), [(b"", b"l" * 16), (b"l" * 16, b""), (b"l" * 16, b"m" * 16)]
)
def test_a_manifest_of_another_lineage_is_refused(current: bytes, new: bytes) -> None:
    former = replace(manifest(1), signed=1, lineage=current)
    update = GalleryUpdate(1, replace(manifest(2), signed=1, lineage=new), ())

    refuse(update, "another lineage", former)


def test_more_blocks_than_a_manifest_can_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gallery.server.updates.MAX_BLOCKS", 1)
    update = update_of(gallery_of(block_update(0, 5)), block_update(1, 6))

    refuse(update, "at most 1 blocks", gallery_of(block_update(0, 5)))


# --- manifest and blocks --------------------------------------------------------------------------


def test_two_versions_of_one_block_are_refused() -> None:
    item = block_update(0, 2)
    update = update_of(manifest(1), item)

    refuse(replace(update, blocks=(item, item)), "two versions of one block")


def test_a_manifest_may_drop_the_last_blocks_and_no_others() -> None:
    first, second = block_update(0, 4), block_update(1, 5)
    current = gallery_of(first, second)

    check_update(GALLERY, current, update_of(gallery_of(first)))
    refuse(update_of(gallery_of(second)), "indices are not 0, 1, 2", current)


def test_a_new_block_that_the_update_lacks_is_refused() -> None:
    update = update_of(manifest(1), block_update(0, 2))

    refuse(replace(update, blocks=()), "names a block that is not in the update")


@pytest.mark.parametrize("change", [{"version": 4}, {"block_mac": bytes(32)}])
def test_a_changed_entry_without_its_block_is_refused(change: dict[str, Any]) -> None:
    current = gallery_of(block_update(0, 5))
    entry = replace(current.entries[0], **change)
    update = GalleryUpdate(5, manifest(6, [entry]), ())

    refuse(update, "names a block that is not in the update", current)


def test_a_block_that_the_manifest_does_not_name_is_refused() -> None:
    update = update_of(manifest(1), block_update(0, 2))

    refuse(replace(update, manifest=manifest(2)), "block that its manifest does not name")


def test_a_block_with_another_mac_than_the_manifest_names_is_refused() -> None:
    update = update_of(manifest(1), block_update(0, 2))
    header = update.blocks[0].block.header.with_mac(bytes(32))
    block = EncryptedBlock(header, update.blocks[0].block.columns)

    refuse(
        replace(update, blocks=(BlockUpdate(block, update.blocks[0].references),)),
        "not the one that the manifest names",
    )


@pytest.mark.parametrize("version", [1, 3])
def test_a_block_is_of_the_version_of_its_manifest(version: int) -> None:
    update = update_of(manifest(1), block_update(0, version))

    refuse(update, "not the one that the manifest names")


# --- blocks and the gallery -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "change", [{"gallery_id": bytes(16)}, {"parameters": STANDARD.name}, {"dimension": 2}]
)
def test_a_block_that_does_not_fit_the_gallery_is_refused(change: dict[str, Any]) -> None:
    update = update_of(manifest(1), with_header(block_update(0, 2), **change))

    refuse(update, "another gallery, parameter set or dimension")


def test_damaged_ciphertexts_are_refused() -> None:
    update = update_of(manifest(1), block_update(0, 2))
    update.blocks[0].block.columns[1, 100, 0, 1, 3] ^= 1

    refuse(update, "block 0 is damaged", error=BlockCorruptedError)


def test_a_residue_that_reaches_its_prime_is_refused() -> None:
    item = block_update(0, 2)
    item.block.columns[0, 0, 0, 0, 0] = COMPACT.data_primes[0]
    update = update_of(
        manifest(1), with_header(item, columns_digest=columns_digest(item.block.columns))
    )

    refuse(update, "not below its prime")


def test_columns_of_another_dimension_than_the_header_says_are_refused() -> None:
    item, columns = block_update(0, 2), random_columns(dimension=2)
    changed = with_header(item, columns_digest=columns_digest(columns))
    wider = BlockUpdate(EncryptedBlock(changed.block.header, columns), item.references)

    refuse(update_of(manifest(1), wider), "expected shape")


# --- references -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change", [{"gallery_id": bytes(16)}, {"block_index": 1}, {"block_version": 1}]
)
def test_a_table_of_another_block_is_refused(change: dict[str, Any]) -> None:
    item = block_update(0, 2)
    foreign = with_references(item, replace(item.references, **change), [0, 7])

    refuse(update_of(manifest(1), foreign), "belongs to another block")


def test_a_table_without_the_digest_of_its_header_is_refused() -> None:
    item = block_update(0, 2)
    changed = replace(item.references, references=(reference(0), reference(7, pseudonym=bytes(16))))
    update = update_of(manifest(1), BlockUpdate(item.block, changed))

    refuse(update, "does not have its header's digest")


@pytest.mark.parametrize("position", [4096, 2**32 - 1])
def test_a_reference_outside_of_its_block_is_refused(position: int) -> None:
    item = block_update(0, 2)
    table = replace(item.references, references=(reference(0), reference(position)))

    refuse(update_of(manifest(1), with_references(item, table, [0])), "outside of its block")


@pytest.mark.parametrize("position", [2047, 4095])
def test_a_reference_on_the_position_of_a_canary_is_refused(position: int) -> None:
    update = update_of(manifest(1), block_update(0, 2, [0, position]))

    refuse(update, "canary's position")


@pytest.mark.parametrize("occupied", [[], [0], [0, 7, 8], [0, 8], [0, 7, 2047]])
def test_an_occupancy_that_differs_from_the_references_is_refused(occupied: list[int]) -> None:
    item = block_update(0, 2, [0, 7])

    refuse(
        update_of(manifest(1), with_references(item, item.references, occupied)),
        "do not match its occupancy",
    )


def test_two_references_at_one_position_are_refused() -> None:
    item = block_update(0, 2)
    table = replace(item.references, references=(reference(0), reference(0)))

    refuse(update_of(manifest(1), with_references(item, table, [0])), "do not ascend")


def test_two_references_with_one_identifier_are_refused() -> None:
    item = block_update(0, 2)
    twins = (reference(0), replace(reference(7), reference_id=reference(0).reference_id))
    table = replace(item.references, references=twins)

    refuse(update_of(manifest(1), with_references(item, table, [0, 7])), "same identifier")


def test_a_manifest_with_a_gap_between_its_blocks_is_refused() -> None:
    refuse(update_of(manifest(1), block_update(5, 2)), "indices are not 0, 1, 2")


# --- hints and check sums -------------------------------------------------------------------------

each_hinted_set = pytest.mark.parametrize("hinted", [SWIFT, LIGHT], ids=lambda p: p.name)


def first_block(hinted: HintedParameterSet, item: BlockUpdate | None = None) -> GalleryUpdate:
    """Return an update that is accepted, or would be but for the given block."""
    block = item or block_update(0, 2, parameters=hinted)
    return update_of(manifest(1), block, check_sums=check_sums(hinted))


def refuse_hinted(hinted: HintedParameterSet, update: GalleryUpdate, match: str) -> None:
    """See that an update is refused, and so is the gallery that it would lead to."""
    made = hinted_description(hinted)
    with pytest.raises(MalformedMessageError, match=match):
        check_update(made, manifest(update.expected_version), update)
    with pytest.raises(MalformedMessageError, match=match):
        list(check_content(made, update.manifest, update.blocks, update.check_sums))


@each_hinted_set
def test_a_block_with_its_hint_and_the_check_sums_are_accepted(hinted: HintedParameterSet) -> None:
    made, update = hinted_description(hinted), first_block(hinted)

    check_update(made, manifest(1), update)
    restored = check_content(made, update.manifest, update.blocks, update.check_sums)

    assert tuple(restored) == update.blocks


@each_hinted_set
def test_a_block_without_check_sums_is_refused(hinted: HintedParameterSet) -> None:
    update = replace(first_block(hinted), check_sums=NO_CHECK_SUMS)

    refuse_hinted(hinted, update, "check sums of 0 bytes where [0-9]+ belong")


@each_hinted_set
@pytest.mark.parametrize("change", [-1, 1, 2**20])
def test_check_sums_of_another_size_are_refused(hinted: HintedParameterSet, change: int) -> None:
    size = len(check_sums(hinted).sealed)
    update = replace(first_block(hinted), check_sums=SealedCheckSums(bytes(size + change)))

    refuse_hinted(hinted, update, f"check sums of {size + change} bytes where {size} belong")


def test_check_sums_of_a_ckks_gallery_are_refused() -> None:
    update = update_of(manifest(1), block_update(0, 2), check_sums=check_sums(SWIFT))
    match = "check sums of [0-9]+ bytes where 0 belong"

    refuse(update, match)
    with pytest.raises(MalformedMessageError, match=match):
        list(check_content(GALLERY, update.manifest, update.blocks, update.check_sums))


@each_hinted_set
def test_check_sums_without_a_changed_block_are_refused(hinted: HintedParameterSet) -> None:
    current = gallery_of(block_update(0, 5, parameters=hinted))
    update = update_of(current, check_sums=check_sums(hinted))

    with pytest.raises(MalformedMessageError, match="changes no block"):
        check_update(hinted_description(hinted), current, update)


@each_hinted_set
def test_an_update_that_changes_no_block_needs_no_check_sums(hinted: HintedParameterSet) -> None:
    current = gallery_of(block_update(0, 5, parameters=hinted))

    check_update(hinted_description(hinted), current, update_of(current))


@each_hinted_set
def test_dropped_blocks_call_for_new_check_sums(hinted: HintedParameterSet) -> None:
    blocks = [block_update(index, 5, parameters=hinted) for index in (0, 1)]
    current, made = gallery_of(*blocks), hinted_description(hinted)
    fewer = GalleryUpdate(5, gallery_of(blocks[0], version=6), ())

    with pytest.raises(MalformedMessageError, match="check sums of 0 bytes"):
        check_update(made, current, fewer)
    check_update(made, current, replace(fewer, check_sums=check_sums(hinted)))


@each_hinted_set
def test_a_gallery_without_blocks_has_no_check_sums(hinted: HintedParameterSet) -> None:
    current = gallery_of(block_update(0, 5, parameters=hinted))
    empty, made = GalleryUpdate(5, manifest(6), ()), hinted_description(hinted)

    check_update(made, current, empty)
    assert list(check_content(made, manifest(6), (), NO_CHECK_SUMS)) == []
    refuse_hinted(
        hinted, replace(empty, check_sums=check_sums(hinted)), "where 0 belong|changes no"
    )


@each_hinted_set
@pytest.mark.parametrize("change", [b"", b"one byte more"], ids=["none", "longer"])
def test_a_hint_of_another_size_is_refused(hinted: HintedParameterSet, change: bytes) -> None:
    item = block_update(0, 2, parameters=hinted)
    wrong = replace(item.references, hint=change and item.references.hint + change)

    refuse_hinted(
        hinted, first_block(hinted, with_references(item, wrong, [0, 7])), "a hint of [0-9]+ bytes"
    )


def test_a_hint_of_a_ckks_block_is_refused() -> None:
    item = block_update(0, 2)
    hinted = replace(item.references, hint=random_hint(LIGHT))

    refuse(
        update_of(manifest(1), with_references(item, hinted, [0, 7])),
        "a hint of [0-9]+ bytes where 0 belong",
    )


@each_hinted_set
@pytest.mark.parametrize("columns", [0, 2, 2**31])
def test_a_block_with_columns_for_another_metric_is_refused(
    hinted: HintedParameterSet, columns: int
) -> None:
    item = with_header(block_update(0, 2, parameters=hinted), columns=columns)

    refuse_hinted(hinted, first_block(hinted, item), "columns for another metric")


@each_hinted_set
def test_a_hint_that_is_not_the_one_of_the_header_is_refused(hinted: HintedParameterSet) -> None:
    item = block_update(0, 2, parameters=hinted)
    other = replace(item.references, hint=random_hint(hinted, seed=77))

    refuse_hinted(hinted, first_block(hinted, replace(item, references=other)), "header's digest")


@each_hinted_set
def test_a_hinted_block_in_a_gallery_of_another_set_is_refused(hinted: HintedParameterSet) -> None:
    refuse(first_block(hinted), "check sums of|parameter set")
    other = SWIFT if hinted is LIGHT else LIGHT
    update = replace(first_block(hinted), check_sums=check_sums(other))
    refuse_hinted(other, update, "another gallery, parameter set or dimension")


# --- what comes twice -----------------------------------------------------------------------------


@pytest.mark.parametrize("earlier", ["done before", "under way"])
def test_an_update_that_comes_twice_is_confirmed(
    database: str, monkeypatch: pytest.MonkeyPatch, earlier: str
) -> None:
    apply = GalleryStore.apply
    with open_service(database, create=True) as service:
        service.restore(GALLERY, manifest(1), [])
        update = update_of(manifest(1), block_update(0, 2))
        if earlier == "done before":
            service.write(GALLERY.gallery_id, update)
        else:

            def apply_twice(store: GalleryStore, gallery_id: bytes, change: GalleryUpdate) -> None:
                apply(store, gallery_id, change)  # the first try ends after the second has begun
                apply(store, gallery_id, change)

            monkeypatch.setattr(GalleryStore, "apply", apply_twice)

        service.write(GALLERY.gallery_id, update)

        assert service.manifest(GALLERY.gallery_id) == update.manifest
        other = update_of(manifest(1), block_update(0, 2, [5]))
        with pytest.raises(WriteConflictError):
            service.write(GALLERY.gallery_id, other)


# --- relabellings ---------------------------------------------------------------------------------

ENROLLED = block_update(0, 4, [0, 7, 9])
RELABELLING = relabelling(ENROLLED, 6, [7])


def relabelled(item: BlockRelabelling = RELABELLING, **changes: Any) -> BlockRelabelling:
    """Return a relabelling whose header was changed and stamped anew."""
    return replace(item, header=stamped(replace(item.header, **changes)))


@pytest.mark.parametrize("parameters", [COMPACT, SWIFT, LIGHT], ids=lambda item: item.name)
def test_a_relabelling_of_some_references_is_accepted(parameters: ParameterSet) -> None:
    former = block_update(0, 4, [0, 7, 9], parameters=parameters)
    item = relabelling(former, 6, [0, 9])

    check_relabelling(item, block_references(former))
    again = relabelling(former, 6, [7])
    later = BlockUpdate(
        replace(former.block, header=again.header), again.applied(former.references)
    )
    check_relabelling(relabelling(later, 8, [7]), block_references(later))
    assert relabelling(later, 8, [7]).header.encryption_version == 4


def test_a_relabelling_that_the_manifest_names_is_accepted() -> None:
    current = gallery_of(ENROLLED)

    check_update(GALLERY, current, relabelling_update(current, RELABELLING))


def test_a_relabelling_needs_a_manifest_that_names_it() -> None:
    current = gallery_of(ENROLLED)
    update = relabelling_update(current, RELABELLING)
    second = block_update(1, 6)
    both = update_of(current, block_update(0, 6))

    refuse(replace(update, manifest=both.manifest), "not the one that the manifest", current)
    refuse(
        relabelling_update(current, relabelled(version=7)), "not the one that the manifest", current
    )
    refuse(replace(both, relabellings=(RELABELLING,)), "two versions of one block", current)
    refuse(replace(update, relabellings=(RELABELLING,) * 2), "two versions of one block", current)
    refuse(
        replace(update_of(current, second), blocks=(), relabellings=(relabelling(second, 6, [0]),)),
        "relabelled that is not there|not the one that the manifest",
        current,
    )


def test_a_block_that_is_not_there_cannot_be_relabelled() -> None:
    later = relabelling(block_update(1, 5), 6, [0])
    current = gallery_of(ENROLLED)
    following = manifest(6, [*current.entries, entry_of(later.header)])

    refuse(GalleryUpdate(5, following, (), True, relabellings=(later,)), "not there", current)


def with_changed(*references: StoredReference, hint: bytes = b"", index: int = 0) -> Any:
    """Return the relabelling with another table of changed references."""
    table = ReferenceTable.of(RELABELLING.header.gallery_id, index, 6, references, hint)
    return replace(RELABELLING, changed=table)


SEVENTH = RELABELLING.changed.at(7)
LIES = {
    "other ciphertexts": relabelled(columns_digest=bytes(32)),
    "another occupancy": relabelled(occupancy=bytes(512)),
    "another dimension": relabelled(dimension=2),
    "another parameter set": relabelled(parameters=STANDARD.name),
    "another time of encryption": relabelled(encrypted_at=3),
    "no time of encryption": relabelled(encrypted_at=None),
    "other references than stated": relabelled(references_digest=bytes(32)),
    "a position where nothing is": with_changed(SEVENTH.at(8)),
    "another reference at a position": with_changed(replace(SEVENTH, reference_id=bytes(16))),
    "one more reference": with_changed(SEVENTH, reference(11)),
    "one more relabelled": with_changed(SEVENTH, ENROLLED.references.at(9).at(0)),
    "nothing": with_changed(),
    "a hint": with_changed(SEVENTH, hint=b"hint"),
    "another block": with_changed(SEVENTH, index=1),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_relabelling_that_changes_anything_else_is_refused(lie: str) -> None:
    with pytest.raises(MalformedMessageError, match="relabelled"):
        check_relabelling(LIES[lie], block_references(ENROLLED))


def test_a_relabelling_that_lies_is_not_written(tmp_path: Path) -> None:
    with open_service(f"sqlite:///{tmp_path / 'gallery.db'}", create=True) as service:
        service.create_gallery(GALLERY, manifest(1))
        first = block_update(0, 2, [0, 7, 9])
        service.write(GALLERY.gallery_id, update_of(manifest(1), first))
        current = service.manifest(GALLERY.gallery_id)
        honest = relabelling(first, 3, [7])
        lie = relabelled(honest, columns_digest=bytes(32))

        with pytest.raises(MalformedMessageError, match="more than its labels"):
            service.write(GALLERY.gallery_id, relabelling_update(current, lie))

        assert service.manifest(GALLERY.gallery_id) == current
        assert service.references(GALLERY.gallery_id, 0).table == first.references
        service.write(GALLERY.gallery_id, relabelling_update(current, honest))
        found = service.references(GALLERY.gallery_id, 0)
        assert found.table == honest.applied(first.references)
        assert service.block(GALLERY.gallery_id, 0).header == honest.header == found.header
