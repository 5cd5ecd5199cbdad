"""Attributes and expiry of people: set, changed, carried along, and erased."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gallery.client import (
    AnnotatedPerson,
    DetailsChange,
    GalleryClient,
    GalleryKey,
    PersonDetails,
    renew_gallery,
)
from gallery.client.session import GallerySession
from gallery.errors import (
    AuthenticationError,
    GalleryError,
    InvalidAttributeError,
    InvalidLabelError,
    ReferenceNotFoundError,
)
from gallery.messages import GalleryUpdate
from gallery.parameters import COMPACT, SWIFT
from gallery.server import EmbeddedService
from tests.support.galleries import random_embeddings
from tests.support.interception import InterceptedService, before
from tests.support.recording import RecordingService

EMBEDDINGS = random_embeddings(6, 8)
KNOWN = PersonDetails({"id": "4711", "team": "day"}, 4_000_000_000)
NOTHING = PersonDetails()


@pytest.fixture
def client(service: EmbeddedService, key: GalleryKey) -> Iterator[GalleryClient]:
    """A gallery with Ada twice, of whom something is known, and Grace and Edith, each once."""
    with GalleryClient.create(service, key, dimension=8) as opened:
        opened.enroll(EMBEDDINGS[:2], ["Ada", "Ada"], details=KNOWN)
        opened.enroll(EMBEDDINGS[2:4], ["Grace", "Edith"])
        yield opened


Details = Callable[..., dict[str, PersonDetails]]


@pytest.fixture
def details(service: EmbeddedService, key: GalleryKey) -> Details:
    """What is known of everybody in a client's gallery, with a look at each reference."""

    def known_in(client: GalleryClient, key: GalleryKey = key) -> dict[str, PersonDetails]:
        found = dict[str, PersonDetails]()
        with GallerySession(service, key, client.description.name) as session:
            for block in session.state().blocks:
                for item in block.table:
                    content = session.labels.open_content(item.sealed_label, item.reference_id)
                    known = found.setdefault(content.label, content.details)
                    assert known == content.details, "all references of a person say the same"
        assert {person.label: person.details for person in client.people()} == found
        return found

    return known_in


def test_people_are_enrolled_with_what_is_known_of_them(
    client: GalleryClient, details: Details
) -> None:
    assert details(client) == {"Ada": KNOWN, "Grace": NOTHING, "Edith": NOTHING}
    assert client.verify(deep=True).findings == ()


def test_another_reference_of_a_person_is_known_as_much_of(
    client: GalleryClient, details: Details
) -> None:
    client.enroll(EMBEDDINGS[4:], ["Ada", "Hedy"])

    assert details(client)["Ada"] == KNOWN
    assert details(client)["Hedy"] == NOTHING


def test_what_an_enrollment_adds_is_known_of_all_references(
    client: GalleryClient, details: Details
) -> None:
    client.enroll(EMBEDDINGS[3:5], ["Edith", "Ada"], details=PersonDetails({"team": "night"}))

    assert details(client) == {
        "Ada": PersonDetails({"id": "4711", "team": "night"}, KNOWN.expires),
        "Grace": NOTHING,
        "Edith": PersonDetails({"team": "night"}),
    }


def test_who_replaces_what_was_enrolled_is_still_the_same_person(
    client: GalleryClient, details: Details
) -> None:
    client.enroll(EMBEDDINGS[4:5], ["Ada"], replace=True)

    assert details(client)["Ada"] == KNOWN


def test_people_are_annotated_in_one_write(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey, details: Details
) -> None:
    version = client.summary().version
    recorded = RecordingService(service)
    with GalleryClient(recorded, key) as other:
        changed = other.annotate(
            ["Grace", "Ada", " Ada "], PersonDetails({"id": "5"}), without=["team"], unlimited=True
        )

    assert changed == ("Ada", "Grace")
    assert details(client) == {
        "Ada": PersonDetails({"id": "5"}),
        "Grace": PersonDetails({"id": "5"}),
        "Edith": NOTHING,
    }
    assert client.summary().version == version + 1
    (message,) = (data for call, data in recorded.sent if call == "write")
    update = GalleryUpdate.from_bytes(message)
    assert (update.blocks, update.purge) == ((), True)
    assert [len(item.changed) for item in update.relabellings] == [3]
    found = client.identify(EMBEDDINGS[:4], threshold=0.01)
    assert [*found.labels[:, 0]] == ["Ada", "Ada", "Grace", "Edith"]
    assert client.verify(deep=True).findings == ()


def test_each_is_annotated_as_is_said_in_one_write(client: GalleryClient, details: Details) -> None:
    version = client.summary().version
    changes = {
        "Grace": DetailsChange(PersonDetails({"id": "5"})),
        " Ada ": DetailsChange(PersonDetails({"id": "6"}), without=["team"], unlimited=True),
        "Edith": DetailsChange(without=["team"]),
        "Nobody": DetailsChange(PersonDetails({"id": "7"})),
    }

    planned = client.annotate_each(changes, write=False)
    assert details(client) == {"Ada": KNOWN, "Grace": NOTHING, "Edith": NOTHING}
    done = client.annotate_each(changes)

    assert planned == done
    assert done.absent == ("Nobody",)
    assert done.changed == (
        AnnotatedPerson("Ada", KNOWN, PersonDetails({"id": "6"})),
        AnnotatedPerson("Grace", NOTHING, PersonDetails({"id": "5"})),
    )
    known = {item.label: item.details for item in done.changed}
    assert details(client) == {**known, "Edith": NOTHING}
    assert client.summary().version == version + 1
    assert client.annotate_each(changes).changed == ()
    assert client.summary().version == version + 1


def test_what_is_so_already_is_not_written(client: GalleryClient) -> None:
    summary = client.summary()

    assert client.annotate(["Ada"], PersonDetails({"id": "4711"}), without=["unknown"]) == ()
    assert client.summary() == summary


def test_people_are_found_by_their_attributes(client: GalleryClient) -> None:
    client.annotate(["Grace"], PersonDetails({"team": "day"}))

    found = [
        [person.label for person in client.people(wanted)]
        for wanted in ({"id": "4711"}, {"team": "day"}, {"team": "day", "id": "4711"}, {"id": "47"})
    ]

    assert found == [["Ada"], ["Ada", "Grace"], ["Ada"], []]


Change = Callable[[GalleryClient], object]
REFUSED: list[tuple[Change, type[GalleryError]]] = [
    (lambda client: client.annotate(["Ada", "Nobody"], PersonDetails({"id": "1"})),
     ReferenceNotFoundError),
    (lambda client: client.annotate([""], PersonDetails({"id": "1"})), InvalidLabelError),
    (lambda client: client.annotate(["Ada"], without=["a=b"]), InvalidAttributeError),
    (lambda client: client.annotate(["Ada"], PersonDetails({"note": "x" * 2015})),
     InvalidAttributeError),
    (lambda client: client.annotate_each({
        "Grace": DetailsChange(PersonDetails({"id": "1"})),
        "Ada": DetailsChange(PersonDetails({"note": "x" * 2015})),
    }), InvalidAttributeError),
    (lambda client: client.annotate_each({"Ada": DetailsChange(), "Ada ": DetailsChange()}),
     InvalidLabelError),
]  # fmt: skip


@pytest.mark.parametrize(("change", "error"), REFUSED)
def test_what_cannot_be_done_changes_nothing(
    client: GalleryClient, change: Change, error: type[GalleryError], details: Details
) -> None:
    summary = client.summary()

    with pytest.raises(error):
        change(client)

    assert client.summary() == summary
    assert details(client)["Ada"] == KNOWN


# --- who is renamed, merged or assigned -----------------------------------------------------------


def first_ids(client: GalleryClient, count: int) -> list[str]:
    return [item.reference_id for item in client.references()][:count]


OF_GRACE = PersonDetails({"id": "5", "desk": "12"})
JOINED = PersonDetails({"desk": "12", "id": "5", "team": "day"})
CORRECTIONS: dict[str, tuple[Change, dict[str, PersonDetails]]] = {
    "rename": (
        lambda client: client.rename("Ada", "Ada King"),
        {"Ada King": KNOWN, "Grace": OF_GRACE, "Edith": NOTHING},
    ),
    "merge": (
        lambda client: client.merge("Ada", "Grace"),
        {"Grace": JOINED, "Edith": NOTHING},
    ),
    "merge into somebody with an expiry": (
        lambda client: client.merge("Edith", "Ada"),
        {"Ada": KNOWN, "Grace": OF_GRACE},
    ),
    "assign one of two": (
        lambda client: client.assign(first_ids(client, 1), "Hedy"),
        {"Hedy": NOTHING, "Ada": KNOWN, "Grace": OF_GRACE, "Edith": NOTHING},
    ),
    "assign one of two to somebody": (
        lambda client: client.assign(first_ids(client, 1), "Grace"),
        {"Grace": OF_GRACE, "Ada": KNOWN, "Edith": NOTHING},
    ),
    "assign all of a person": (
        lambda client: client.assign(first_ids(client, 2), "Hedy"),
        {"Hedy": KNOWN, "Grace": OF_GRACE, "Edith": NOTHING},
    ),
    "assign all of two people": (
        lambda client: client.assign(first_ids(client, 3), "Hedy"),
        {
            "Hedy": PersonDetails({"desk": "12", "id": "4711", "team": "day"}, KNOWN.expires),
            "Edith": NOTHING,
        },
    ),
}


@pytest.mark.parametrize(("change", "expected"), CORRECTIONS.values(), ids=CORRECTIONS.keys())
def test_details_go_where_their_person_goes(
    client: GalleryClient, change: Change, expected: dict[str, PersonDetails], details: Details
) -> None:
    client.annotate(["Grace"], OF_GRACE)

    change(client)

    assert details(client) == expected
    assert client.verify(deep=True).findings == ()


def test_people_with_more_details_than_one_can_have_are_not_merged(client: GalleryClient) -> None:
    client.annotate(["Ada"], PersonDetails({"one": "x" * 1500}))
    client.annotate(["Grace"], PersonDetails({"other": "x" * 1500}))
    summary = client.summary()

    with pytest.raises(InvalidAttributeError, match="at most 2,048"):
        client.merge("Ada", "Grace")

    assert client.summary() == summary


def test_they_are_in_a_backup(
    client: GalleryClient,
    service: EmbeddedService,
    key: GalleryKey,
    tmp_path: Path,
    details: Details,
) -> None:
    client.export(tmp_path / "backup")
    service.delete(client.description.gallery_id)

    with GalleryClient.restore(service, key, tmp_path / "backup") as restored:
        assert details(restored)["Ada"] == KNOWN


def test_they_go_to_a_new_key_and_other_parameters(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey, details: Details
) -> None:
    other = GalleryKey.generate()

    renew_gallery(service, key, other, parameters=COMPACT)

    with GalleryClient(service, other) as renewed:
        assert details(renewed, other) == {"Ada": KNOWN, "Grace": NOTHING, "Edith": NOTHING}


# --- files, lies and other writers ----------------------------------------------------------------


def files_of(database: str) -> bytes:
    path = Path(database.removeprefix("sqlite:///"))
    return b"".join(file.read_bytes() for file in sorted(path.parent.glob(f"{path.name}*")))


ERASING: dict[str, Change] = {
    "other value": lambda client: client.annotate(["Ada"], PersonDetails({"id": "5"})),
    "unset": lambda client: client.annotate(["Ada"], without=["id", "team"], unlimited=True),
    "person": lambda client: client.remove(["Ada"]),
    "merge": lambda client: client.merge("Ada", "Grace"),
}


@pytest.mark.parametrize("change", ERASING.values(), ids=ERASING.keys())
def test_nothing_of_former_details_is_left_in_any_file(
    client: GalleryClient, service: EmbeddedService, database: str, change: Change
) -> None:
    table = service.references(client.description.gallery_id, 0).table
    traces = [item.sealed_label for item in table][:2]
    assert all(trace in files_of(database) for trace in traces)

    change(client)

    assert [trace for trace in traces if trace in files_of(database)] == []


def test_a_former_expiry_that_is_put_back_is_noticed(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey, database: str
) -> None:
    def rows(connection: sqlite3.Connection) -> list[tuple[bytes, bytes]]:
        return connection.execute("SELECT sealed_label, reference_id FROM reference").fetchall()

    path = database.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection, connection:
        former = rows(connection)
    client.annotate(["Ada"], PersonDetails(expires=1_000_000_000))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "UPDATE reference SET sealed_label = ? WHERE reference_id = ?", former
        )

    with GalleryClient(service, key) as other, pytest.raises(AuthenticationError, match="changed"):
        other.identify(EMBEDDINGS[:1], threshold=0.01)


WRITES: dict[str, tuple[Change, PersonDetails]] = {
    "enrollment": (lambda client: client.enroll(EMBEDDINGS[4:5], ["Ada"]), KNOWN),
    "annotation": (
        lambda client: client.annotate(["Ada"], PersonDetails({"desk": "12"})),
        PersonDetails({**KNOWN.attributes, "desk": "12"}, KNOWN.expires),
    ),
}


@pytest.mark.parametrize(("first", "expected"), WRITES.values(), ids=WRITES.keys())
@pytest.mark.parametrize("second", ["annotation", "enrollment"])
def test_of_two_writers_neither_loses_what_the_other_wrote(
    client: GalleryClient,
    service: EmbeddedService,
    key: GalleryKey,
    first: Change,
    expected: PersonDetails,
    second: str,
    details: Details,
) -> None:
    meanwhile = before([lambda: first(client)])
    newer = PersonDetails({"id": "6"})
    with GalleryClient(InterceptedService(service, ["write"], meanwhile), key) as other:
        if second == "annotation":
            other.annotate(["Ada"], newer)
        else:
            other.enroll(EMBEDDINGS[5:], ["Ada"], details=newer)

    assert details(client)["Ada"] == expected.updated(newer)
    assert client.verify(deep=True).findings == ()


def test_who_is_renamed_meanwhile_is_not_annotated_under_the_former_label(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey, details: Details
) -> None:
    meanwhile = before([lambda: client.rename("Ada", "Ada King")])
    with GalleryClient(InterceptedService(service, ["write"], meanwhile), key) as other:
        with pytest.raises(ReferenceNotFoundError, match="'Ada'"):
            other.annotate(["Ada"], PersonDetails({"id": "6"}))

    assert details(client)["Ada King"] == KNOWN


def test_people_in_several_blocks_are_annotated_in_one_write(
    service: EmbeddedService, key: GalleryKey, details: Details
) -> None:
    count = 4094 + 2
    with GalleryClient.create(service, key, dimension=8, parameters=SWIFT) as client:
        labels = ["Ada", *[f"person {i}" for i in range(count - 2)], "Ada"]
        client.enroll(random_embeddings(count, 8), labels)
        version = client.summary().version

        client.annotate(["Ada"], KNOWN)

        assert client.summary().version == version + 1
        assert details(client)["Ada"] == KNOWN
