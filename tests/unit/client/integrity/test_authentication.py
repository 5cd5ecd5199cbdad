"""The owner's statements: signed ones are accepted, and every change to one is noticed."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from gallery.client.integrity.authentication import Authenticator, check_description
from gallery.client.keys.secrets import GalleryKey
from gallery.distances import Metric
from gallery.errors import AuthenticationError, KeyMismatchError
from gallery.messages import (
    BlockHeader,
    GalleryDescription,
    Manifest,
    ManifestEntry,
    ModelOrigin,
    Preprocessing,
)
from tests.support.builders import GALLERY_ID, block_update, description, entry_of

KEY = GalleryKey(bytes(range(32)), {})
OTHER_KEY = GalleryKey(bytes(32), {})
OWNER = Authenticator(KEY, GALLERY_ID)
OTHER_GALLERY = bytes(16)

DESCRIPTION = OWNER.sign(description(key_id=KEY.key_id))
HEADERS = [OWNER.sign(block_update(index, 6).block.header) for index in range(2)]
ENTRIES = tuple(entry_of(header) for header in HEADERS)
MANIFEST = OWNER.sign(Manifest(GALLERY_ID, 6, ENTRIES, signed=1_790_000_000))
HINTED_DESCRIPTION = OWNER.sign(replace(DESCRIPTION, parameters="swift", seed=bytes(range(32))))
HINTED_HEADER = OWNER.sign(
    replace(HEADERS[0], parameters="swift", columns=1, nonce=bytes(range(32)))
)


def named(change: dict[str, Any]) -> str:
    return next(iter(change))


def flipped(mac: bytes) -> bytes:
    return mac[:-1] + bytes([mac[-1] ^ 1])


# --- descriptions ---------------------------------------------------------------------------------


def test_a_signed_description_is_accepted_and_gives_what_checks_the_rest() -> None:
    authenticator = check_description(DESCRIPTION, KEY)

    authenticator.check_manifest(MANIFEST)


def test_a_signed_description_is_still_accepted_after_it_was_stored() -> None:
    check_description(GalleryDescription.from_bytes(DESCRIPTION.to_bytes()), KEY)


DESCRIPTION_CHANGES: list[dict[str, Any]] = [
    {"gallery_id": OTHER_GALLERY},
    {"name": "visitors"},
    {"preprocessing": Preprocessing("Facenet", "dlib", True, "base", 1600)},
    {"metric": Metric.EUCLIDEAN_L2},
    {"dimension": 2},
    {"parameters": "standard"},
    {"norm_bound": 2.0},
    {"threshold": 2.0},
    {"created": 1},
    {"calibration": bytes(73)},
    {"origin": ModelOrigin("onnx", "0.0.103", bytes(32), bytes(32))},
    {"mac": flipped(DESCRIPTION.mac)},
]
HINTED_DESCRIPTION_CHANGES = [*DESCRIPTION_CHANGES, {"seed": bytes(32)}]


def test_every_field_of_a_description_is_changed_below() -> None:
    changed = {named(change) for change in HINTED_DESCRIPTION_CHANGES}

    assert changed | {"key_id"} == {field.name for field in fields(GalleryDescription)}


@pytest.mark.parametrize("change", DESCRIPTION_CHANGES, ids=named)
def test_a_changed_description_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(AuthenticationError, match="the description of gallery"):
        check_description(replace(DESCRIPTION, **change), KEY)


@pytest.mark.parametrize("change", HINTED_DESCRIPTION_CHANGES, ids=named)
def test_a_changed_description_of_the_hinted_scheme_is_refused(change: dict[str, Any]) -> None:
    check_description(HINTED_DESCRIPTION, KEY)

    with pytest.raises(AuthenticationError, match="the description of gallery"):
        check_description(replace(HINTED_DESCRIPTION, **change), KEY)


@pytest.mark.parametrize(
    "change",
    [
        {"model": "SFace"},
        {"detector": "opencv"},
        {"align": False},
        {"normalization": "Facenet"},
        {"longest_side": 0},
    ],
    ids=named,
)
def test_a_change_to_any_step_of_preprocessing_is_refused(change: dict[str, Any]) -> None:
    preprocessing = replace(DESCRIPTION.preprocessing, **change)

    with pytest.raises(AuthenticationError):
        check_description(replace(DESCRIPTION, preprocessing=preprocessing), KEY)


def test_a_gallery_of_another_key_is_named_as_such_with_both_fingerprints() -> None:
    with pytest.raises(KeyMismatchError) as caught:
        check_description(DESCRIPTION, OTHER_KEY)

    assert "'staff' was made with another key" in str(caught.value)
    assert KEY.key_id.hex()[:16] in str(caught.value)
    assert OTHER_KEY.key_id.hex()[:16] in str(caught.value)


def test_a_description_that_only_claims_ones_key_is_refused() -> None:
    forged = Authenticator(OTHER_KEY, GALLERY_ID).sign(DESCRIPTION)

    with pytest.raises(AuthenticationError):
        check_description(forged, KEY)


@pytest.mark.parametrize("mac", [b"", bytes(31), bytes(32), bytes(33)], ids=len)
def test_a_mac_of_any_length_that_is_not_the_right_one_is_refused(mac: bytes) -> None:
    with pytest.raises(AuthenticationError):
        check_description(DESCRIPTION.with_mac(mac), KEY)


# --- manifests ------------------------------------------------------------------------------------


def test_a_signed_manifest_is_accepted() -> None:
    OWNER.check_manifest(MANIFEST)
    OWNER.check_manifest(Manifest.from_bytes(MANIFEST.to_bytes()))


MANIFEST_CHANGES: list[dict[str, Any]] = [
    {"gallery_id": OTHER_GALLERY},
    {"version": 5},
    {"entries": ENTRIES[:1]},
    {"mac": flipped(MANIFEST.mac)},
    {"signed": 1_790_000_001},
    {"lineage": bytes(range(16))},
]


def test_every_field_of_a_manifest_is_changed_below() -> None:
    assert [named(change) for change in MANIFEST_CHANGES] == [
        field.name for field in fields(Manifest)
    ]


@pytest.mark.parametrize("change", MANIFEST_CHANGES, ids=named)
def test_a_changed_manifest_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(AuthenticationError, match="manifest was not written with this key"):
        OWNER.check_manifest(replace(MANIFEST, **change))


@pytest.mark.parametrize(
    "entries",
    [
        (),
        ENTRIES[::-1],
        (*ENTRIES, ManifestEntry(2, 6, bytes(32))),
        (ENTRIES[0], replace(ENTRIES[1], version=5)),
        (ENTRIES[0], replace(ENTRIES[1], block_mac=ENTRIES[0].block_mac)),
        (ENTRIES[0], replace(ENTRIES[1], index=2)),
    ],
    ids=["none", "reversed", "one more", "version", "mac", "index"],
)
def test_a_manifest_with_any_other_entries_is_refused(entries: tuple[ManifestEntry, ...]) -> None:
    with pytest.raises(AuthenticationError):
        OWNER.check_manifest(replace(MANIFEST, entries=entries))


def test_a_manifest_that_the_owner_signed_for_another_gallery_is_refused() -> None:
    other = Authenticator(KEY, OTHER_GALLERY)

    with pytest.raises(AuthenticationError):
        OWNER.check_manifest(other.sign(replace(MANIFEST, gallery_id=OTHER_GALLERY)))
    with pytest.raises(AuthenticationError):
        OWNER.check_manifest(other.sign(MANIFEST))


def test_a_manifest_that_names_another_gallery_is_refused_even_if_it_was_signed_for_this_one() -> (
    None
):
    with pytest.raises(AuthenticationError, match="belongs to another gallery"):
        OWNER.check_manifest(OWNER.sign(replace(MANIFEST, gallery_id=OTHER_GALLERY)))


def test_a_manifest_under_another_key_is_refused() -> None:
    with pytest.raises(AuthenticationError):
        Authenticator(OTHER_KEY, GALLERY_ID).check_manifest(MANIFEST)


# --- block headers --------------------------------------------------------------------------------


def test_a_signed_header_that_the_manifest_names_is_accepted() -> None:
    for header, entry in zip(HEADERS, ENTRIES, strict=True):
        OWNER.check_header(header, entry)
        OWNER.check_header(BlockHeader.from_bytes(header.to_bytes()), entry)


HEADER_CHANGES: list[dict[str, Any]] = [
    {"gallery_id": OTHER_GALLERY},
    {"index": 1},
    {"version": 5},
    {"parameters": "standard"},
    {"dimension": 2},
    {"occupancy": bytes(512)},
    {"columns_digest": bytes(32)},
    {"references_digest": bytes(32)},
    {"mac": flipped(HEADERS[0].mac)},
    {"encrypted_at": 1},
]
HINTED_HEADER_CHANGES = [*HEADER_CHANGES, {"columns": 2}, {"nonce": bytes(32)}]


def test_every_field_of_a_header_is_changed_below() -> None:
    changed = {named(change) for change in HINTED_HEADER_CHANGES}

    assert changed == {field.name for field in fields(BlockHeader)}


@pytest.mark.parametrize("change", HINTED_HEADER_CHANGES, ids=named)
def test_a_changed_header_of_the_hinted_scheme_is_refused(change: dict[str, Any]) -> None:
    entry = entry_of(HINTED_HEADER)
    OWNER.check_header(HINTED_HEADER, entry)

    with pytest.raises(
        AuthenticationError, match=r"header of block 0 was not written|block 0 is not the one"
    ):
        OWNER.check_header(replace(HINTED_HEADER, **change), entry)


@pytest.mark.parametrize("change", HEADER_CHANGES, ids=named)
def test_a_changed_header_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(
        AuthenticationError, match=r"header of block 0 was not written|block 0 is not the one"
    ):
        OWNER.check_header(replace(HEADERS[0], **change), ENTRIES[0])


def test_another_block_of_the_same_gallery_is_refused() -> None:
    with pytest.raises(AuthenticationError, match=r"block 0 is not the one .* swapped"):
        OWNER.check_header(HEADERS[1], ENTRIES[0])


def test_an_older_version_of_the_block_is_refused() -> None:
    older = OWNER.sign(replace(HEADERS[0], version=5))

    with pytest.raises(AuthenticationError, match="put back from an older state"):
        OWNER.check_header(older, ENTRIES[0])


def test_other_content_of_the_same_version_is_refused() -> None:
    """Two processes may both have signed a version; only one is in the manifest."""
    other = OWNER.sign(replace(HEADERS[0], columns_digest=bytes(32)))

    with pytest.raises(AuthenticationError, match="not the one that the manifest names"):
        OWNER.check_header(other, ENTRIES[0])


def test_a_header_signed_for_another_gallery_is_refused() -> None:
    foreign = OWNER.sign(replace(HEADERS[0], gallery_id=OTHER_GALLERY))

    with pytest.raises(AuthenticationError, match="not the one that the manifest names"):
        OWNER.check_header(foreign, entry_of(foreign))


def test_the_mac_of_one_kind_of_statement_is_not_that_of_another() -> None:
    statements: list[Any] = [DESCRIPTION, MANIFEST, *HEADERS]

    assert len({statement.statement()[:8] for statement in statements}) == 3
    for statement in statements:
        for other in statements:
            if statement is not other:
                assert OWNER.sign(statement).mac != other.mac
