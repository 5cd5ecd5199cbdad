"""The details of people: what they may be, and that they come back from what was packed."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.client import DetailsChange, GalleryKey, PersonDetails
from gallery.client.integrity.labels import MAX_LABEL_BYTES, LabelSealer
from gallery.client.integrity.person_details import MAX_DETAILS, NO_DETAILS
from gallery.errors import AuthenticationError, InvalidAttributeError
from gallery.messages.references import MAX_SEALED_LABEL

SEALER = LabelSealer(GalleryKey(bytes(range(32)), {}), bytes(16))
DIGEST, REFERENCE = bytes(range(32)), bytes(range(16))

printable = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Cf", "Zs", "Zl", "Zp", "Cn")), min_size=1
).filter(lambda text: text == text.strip())
details = st.builds(
    PersonDetails,
    st.dictionaries(
        st.text("abcdefgüß東 ", min_size=1, max_size=20).filter(str.strip),
        printable.map(lambda text: text[:20]),
        max_size=4,
    ).filter(lambda found: len({name.strip() for name in found}) == len(found)),
    st.none() | st.integers(1, 253_402_300_799),
)


@given(details, st.text("Adaÿ\u0100東", min_size=1, max_size=30), st.none() | st.integers(1, 2**50))
def test_what_is_sealed_with_a_label_comes_back(
    known: PersonDetails, label: str, enrolled: int | None
) -> None:
    sealed = SEALER.seal(label, DIGEST, REFERENCE, enrolled, known)

    content = SEALER.open_content(sealed, REFERENCE)

    assert (content.label, content.content_digest) == (label, DIGEST)
    assert (content.enrolled, content.details) == (enrolled, known)
    assert PersonDetails.unpack(known.pack()) == known


@given(details, st.text("Adaÿ\u0100東", min_size=1, max_size=30))
def test_what_ends_a_label_is_the_last_byte_that_is_no_ascii(
    known: PersonDetails, label: str
) -> None:
    """So a program that knows no details reads the right label."""
    padded = label.encode() + b"\x80" + known.pack() + bytes(8)

    assert padded[: padded.rindex(b"\x80")].decode() == label


def test_short_details_do_not_show_in_the_size() -> None:
    plain = SEALER.seal("Ada Lovelace", DIGEST, REFERENCE, 1_800_000_000)
    known = PersonDetails({"id": "4711"}, 1_900_000_000)

    assert len(SEALER.seal("Ada Lovelace", DIGEST, REFERENCE, 1_800_000_000, known)) == len(plain)


def test_the_longest_label_with_the_most_details_fits() -> None:
    known = PersonDetails({"note": "x" * (MAX_DETAILS - len('{"a":{"note":""}}'))})

    assert len(known.pack()) == MAX_DETAILS
    sealed = SEALER.seal("x" * MAX_LABEL_BYTES, DIGEST, REFERENCE, 1_800_000_000, known)
    assert len(sealed) <= MAX_SEALED_LABEL


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"": "x"}, "the name of an attribute is empty"),
        ({"a=b": "x"}, "an equals sign"),
        ({"a\nb": "x"}, "control characters"),
        ({"x" * 65: "x"}, "longer than 64"),
        ({"id": ""}, "'id' is empty"),
        ({"id": "a\x1b[1m"}, "'id' holds control characters"),
        ({"id": "\u202eabc"}, "'id' holds control characters"),
        ({"id": 4711}, "'id' must be text"),
        ({4711: "id"}, "must be text"),
        ({"id": "1", " id": "2"}, "given twice"),
        ({"note": "x" * MAX_DETAILS}, "at most 2,048"),
    ],
)
def test_what_is_no_attribute_is_refused(attributes: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidAttributeError, match=words):
        PersonDetails(attributes)


@pytest.mark.parametrize("expires", [0, -1, 2**60])
def test_what_is_no_moment_is_refused(expires: int) -> None:
    with pytest.raises(InvalidAttributeError, match="year 9999"):
        PersonDetails(expires=expires)


def test_attributes_are_normalised_as_labels_are() -> None:
    known = PersonDetails({" Zoe\u0308 ": " caf\u0065\u0301 "})

    assert known.attributes == {"Zo\u00eb": "caf\u00e9"}
    assert known.has({"Zoe\u0308": "caf\u0065\u0301"})
    assert not known.has({"Zoe": "café"})


def test_newer_details_stand_in_the_place_of_older_ones() -> None:
    older = PersonDetails({"id": "1", "team": "day"}, 100)

    assert older.updated(PersonDetails({"id": "2"})) == PersonDetails(
        {"id": "2", "team": "day"}, 100
    )
    assert older.updated(PersonDetails(expires=200)).expires == 200
    assert older.updated(NO_DETAILS) == older
    assert (bool(older), bool(NO_DETAILS)) == (True, False)


def test_a_change_gives_and_takes() -> None:
    former = PersonDetails({"id": "1", "team": "day"}, 100)
    taking = DetailsChange(PersonDetails({"id": "2"}), without=[" team ", "unknown"])

    assert DetailsChange().of(former) == former
    assert taking.of(former) == PersonDetails({"id": "2"}, 100)
    assert DetailsChange(unlimited=True).of(former) == PersonDetails(former.attributes)
    assert DetailsChange(PersonDetails(expires=200), unlimited=True).of(former).expires == 200
    with pytest.raises(TypeError, match="not as one text"):
        DetailsChange(without="team")
    with pytest.raises(InvalidAttributeError, match="equals sign"):
        DetailsChange(without=["a=b"])


def test_people_expire_at_the_moment_and_not_before() -> None:
    known = PersonDetails(expires=100)

    assert [known.is_expired(now) for now in (99, 100, 101)] == [False, True, True]
    assert not NO_DETAILS.is_expired(2**60)


@pytest.mark.parametrize(
    "packed",
    [
        b"{",
        b"[]",
        b"1",
        b'{"a":{"id":"1"},"z":1}',
        b'{"a":{"id":1}}',
        b'{"x":"soon"}',
        b'{"x": 1}',
        b'{"a":{}}',
        json.dumps({"a": {"id": "x" * 3000}}, separators=(",", ":")).encode(),
    ],
)
def test_what_a_newer_program_packs_is_refused_by_name(packed: bytes) -> None:
    with pytest.raises(AuthenticationError, match="a newer version"):
        PersonDetails.unpack(packed)


@pytest.mark.parametrize("expires", ["2027-01-31", True, float("nan"), datetime(2027, 1, 31)])
def test_what_is_no_number_of_seconds_is_refused(expires: object) -> None:
    with pytest.raises(InvalidAttributeError, match="seconds since 1970 UTC, such as"):
        PersonDetails({}, expires)  # type: ignore[arg-type]


def test_attributes_are_values_by_name() -> None:
    with pytest.raises(InvalidAttributeError, match=r"such as \{'id': '4711'\}, not list"):
        PersonDetails([("id", "4711")])  # type: ignore[arg-type]


def test_parts_of_a_second_are_dropped_and_read_where_they_were_kept() -> None:
    known = PersonDetails({"id": "1"}, 1_900_000_000.7)  # type: ignore[arg-type]

    assert known == PersonDetails({"id": "1"}, 1_900_000_000)
    assert known.pack() == b'{"a":{"id":"1"},"x":1900000000}'
    assert PersonDetails.unpack(b'{"a":{"id":"1"},"x":1900000000.7}') == known
