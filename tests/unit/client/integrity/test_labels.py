"""Labels: what the owner reads, and what the database may know of them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.client.integrity.labels import (
    MAX_LABEL_BYTES,
    LabelSealer,
    content_digest,
    normalize_label,
)
from gallery.client.keys.secrets import GalleryKey
from gallery.errors import AuthenticationError, InvalidLabelError
from gallery.messages.references import MAX_SEALED_LABEL, TAG_SIZE
from tests.support.builders import GALLERY_ID

KEY = GalleryKey(bytes(range(32)), {})
OTHER_KEY = GalleryKey(bytes(32), {})
REFERENCE = b"reference-number"
DIGEST = content_digest(b"photo")
SEALER = LabelSealer(KEY, GALLERY_ID)
STRANGERS = [LabelSealer(KEY, bytes(16)), LabelSealer(OTHER_KEY, GALLERY_ID)]
"""Who seals for another gallery, and who has another key."""

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


# --- sealing --------------------------------------------------------------------------------------


def test_the_digest_of_what_was_enrolled_is_sealed_with_the_label() -> None:
    sealed = SEALER.seal("Ada Lovelace", DIGEST, REFERENCE)

    assert SEALER.open_content(sealed, REFERENCE).content_digest == DIGEST
    assert DIGEST not in sealed


@given(texts)
def test_a_sealed_label_opens_as_it_was(label: str) -> None:
    assert SEALER.open(SEALER.seal(label, DIGEST, REFERENCE), REFERENCE) == label


@pytest.mark.parametrize("label", ["\x80", "a\0\0", "\0", "a\u0080", "€", "ƀ" * 31, "x" * 63])
def test_a_label_that_looks_like_padding_opens_as_it_was(label: str) -> None:
    assert SEALER.open(SEALER.seal(label, DIGEST, REFERENCE), REFERENCE) == label


@given(texts)
def test_a_sealed_label_shows_only_its_length_in_steps_of_64_bytes(label: str) -> None:
    sealed = SEALER.seal(label, DIGEST, REFERENCE)

    nonce_digest_and_tag = 12 + 32 + 16
    steps = len(label.encode()) // 64 + 1
    assert len(sealed) == nonce_digest_and_tag + 64 * steps


def test_names_of_usual_length_cannot_be_told_apart_by_it() -> None:
    sizes = {
        len(SEALER.seal(label, DIGEST, REFERENCE)) for label in ("Al", "Ada Lovelace", "x" * 63)
    }

    assert len(sizes) == 1
    assert len(SEALER.seal("x" * 64, DIGEST, REFERENCE)) not in sizes


def test_the_longest_label_fits_into_a_message_when_sealed() -> None:
    longest = normalize_label("x" * MAX_LABEL_BYTES)

    assert len(SEALER.seal(longest, DIGEST, REFERENCE)) <= MAX_SEALED_LABEL


def test_a_label_is_never_sealed_to_the_same_bytes_twice() -> None:
    assert len({SEALER.seal("Ada Lovelace", DIGEST, REFERENCE) for _ in range(100)}) == 100


def test_a_label_does_not_open_for_another_reference() -> None:
    sealed = SEALER.seal("Ada Lovelace", DIGEST, REFERENCE)

    with pytest.raises(AuthenticationError, match=f"reference {bytes(16).hex()} was not sealed"):
        SEALER.open(sealed, bytes(16))


@pytest.mark.parametrize("stranger", STRANGERS, ids=["other gallery", "other key"])
def test_a_label_does_not_open_in_another_gallery_or_under_another_key(
    stranger: LabelSealer,
) -> None:
    with pytest.raises(AuthenticationError):
        stranger.open(SEALER.seal("Ada Lovelace", DIGEST, REFERENCE), REFERENCE)


def test_a_label_with_any_changed_bit_does_not_open() -> None:
    sealed = SEALER.seal("Ada Lovelace", DIGEST, REFERENCE)

    for bit in range(8 * len(sealed)):
        damaged = bytearray(sealed)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(AuthenticationError):
            SEALER.open(bytes(damaged), REFERENCE)


def test_a_label_that_is_cut_short_or_has_more_does_not_open() -> None:
    sealed = SEALER.seal("Ada Lovelace", DIGEST, REFERENCE)

    for changed in [*(sealed[:size] for size in range(len(sealed))), sealed + b"\0"]:
        with pytest.raises(AuthenticationError):
            SEALER.open(changed, REFERENCE)


def test_the_error_does_not_hold_the_label() -> None:
    with pytest.raises(AuthenticationError) as caught:
        SEALER.open(SEALER.seal("Ada Lovelace", DIGEST, REFERENCE), bytes(16))

    assert "Ada" not in str(caught.value)


# --- pseudonyms and content tags ------------------------------------------------------------------


@given(texts)
def test_a_pseudonym_is_the_same_for_the_same_label_in_the_same_gallery(label: str) -> None:
    again = LabelSealer(KEY, GALLERY_ID)

    assert SEALER.pseudonym(label) == again.pseudonym(label)
    assert len(SEALER.pseudonym(label)) == TAG_SIZE


def test_a_pseudonym_differs_between_labels_galleries_and_keys() -> None:
    pseudonyms = {
        SEALER.pseudonym("Ada Lovelace"),
        SEALER.pseudonym("Ada lovelace"),
        *(stranger.pseudonym("Ada Lovelace") for stranger in STRANGERS),
    }

    assert len(pseudonyms) == 4


def test_a_content_tag_is_the_same_only_for_the_same_content_under_the_same_label() -> None:
    usual = SEALER.content_tag(content_digest(b"photo"), "Ada Lovelace")

    others = {
        SEALER.content_tag(content_digest(b"photO"), "Ada Lovelace"),
        SEALER.content_tag(content_digest(b"photo"), "Ada lovelace"),
        SEALER.content_tag(content_digest(b"photoA"), "da Lovelace"),
        SEALER.content_tag(content_digest(b""), "photoAda Lovelace"),
        *(stranger.content_tag(content_digest(b"photo"), "Ada Lovelace") for stranger in STRANGERS),
    }

    assert usual == LabelSealer(KEY, GALLERY_ID).content_tag(
        content_digest(b"photo"), "Ada Lovelace"
    )
    assert len(usual) == TAG_SIZE
    assert len(others) == 6
    assert usual not in others


def test_a_content_tag_is_no_pseudonym() -> None:
    assert SEALER.content_tag(content_digest(b""), "Ada Lovelace") != SEALER.pseudonym(
        "Ada Lovelace"
    )


# --- normalisation --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_label", "stored"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("  Ada Lovelace\t\n", "Ada Lovelace"),
        ("\u00a0Ada\u3000", "Ada"),
        ("Zu\u0308rich", "Zürich"),
        ("A\u030angstro\u0308m", "Ångström"),
        ("\u212b", "Å"),
        ("한", "한"),
        ("Ada  Lovelace", "Ada  Lovelace"),
        ("می‌خواهم", "می‌خواهم"),
        ("🙂", "🙂"),
    ],
)
def test_a_label_is_stored_composed_and_without_space_at_its_ends(
    given_label: str, stored: str
) -> None:
    assert normalize_label(given_label) == stored


@given(texts)
def test_a_label_that_was_normalised_stays_as_it_is(label: str) -> None:
    try:
        normalized = normalize_label(label)
    except InvalidLabelError:
        return

    assert normalize_label(normalized) == normalized
    assert unicodedata.is_normalized("NFC", normalized)
    assert normalized == normalized.strip() != ""


@given(st.text(max_size=50))
def test_whatever_text_is_given_a_label_can_be_sealed_or_is_refused(label: str) -> None:
    try:
        normalized = normalize_label(label)
    except InvalidLabelError:
        return

    assert SEALER.open(SEALER.seal(normalized, DIGEST, REFERENCE), REFERENCE) == normalized


def test_both_spellings_of_one_name_have_one_pseudonym() -> None:
    composed, decomposed = normalize_label("Zürich"), normalize_label("Zu\u0308rich ")

    assert SEALER.pseudonym(composed) == SEALER.pseudonym(decomposed)


@pytest.mark.parametrize("label", ["", " ", "\t\n", "\u00a0\u3000"])
def test_an_empty_label_is_refused(label: str) -> None:
    with pytest.raises(InvalidLabelError, match="empty"):
        normalize_label(label)


@pytest.mark.parametrize(
    "label",
    ["a\0b", "a\nb", "a\tb", "a\x1b[31mb", "a\x7fb", "a\x9bb"],
    ids=ascii,
)
def test_control_characters_are_refused(label: str) -> None:
    with pytest.raises(InvalidLabelError, match="control characters"):
        normalize_label(label)


@pytest.mark.parametrize("label", ["\ud800", "a\udcff", "\udc00\ud800"], ids=ascii)
def test_bytes_that_are_no_text_are_refused_by_name(label: str) -> None:
    with pytest.raises(InvalidLabelError, match="not UTF-8 text"):
        normalize_label(label)


@pytest.mark.parametrize("character", ["x", "é", "東", "🙂"])
def test_a_label_has_at_most_1024_bytes_of_utf_8(character: str) -> None:
    most = 1024 // len(character.encode())

    assert normalize_label(character * most) == character * most
    with pytest.raises(InvalidLabelError, match="longer than 1024 bytes"):
        normalize_label(character * (most + 1))


def test_the_length_counts_after_composition() -> None:
    assert len(normalize_label("u\u0308" * 512)) == 512


def test_an_error_does_not_hold_the_label() -> None:
    for label in ("Ada\0Lovelace", "Ada" * 1000):
        with pytest.raises(InvalidLabelError) as caught:
            normalize_label(label)
        assert "Ada" not in str(caught.value)
