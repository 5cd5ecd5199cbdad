"""References by label and by identifier: a name that is both is never taken for the one."""

from __future__ import annotations

import pytest

from gallery.client import GalleryClient, PersonDetails
from gallery.errors import AmbiguousNameError, InvalidLabelError, ReferenceNotFoundError
from tests.support.galleries import random_embeddings


@pytest.fixture
def identifier(client: GalleryClient) -> str:
    """The identifier of Ada's reference, which is the label of two others."""
    faces = random_embeddings(5, 8)
    identifier = str(client.enroll(faces[:1], ["Ada"]).reference_ids[0])
    client.enroll(faces[1:], [identifier, identifier, "Eve", "Eve"])
    return identifier


def labels(client: GalleryClient) -> list[str]:
    return sorted(item.label for item in client.references())


@pytest.mark.parametrize("method", ["find", "remove"])
def test_a_name_that_is_both_is_refused_and_nothing_is_erased(
    client: GalleryClient, identifier: str, method: str
) -> None:
    with pytest.raises(AmbiguousNameError, match="label of 2 references"):
        getattr(client, method)([identifier])

    assert labels(client) == sorted(["Ada", identifier, identifier, "Eve", "Eve"])


def test_a_label_and_an_identifier_are_told_apart(client: GalleryClient, identifier: str) -> None:
    assert [item.label for item in client.find(labels=[identifier])] == [identifier] * 2
    assert [item.label for item in client.find(reference_ids=[identifier])] == ["Ada"]

    assert [item.label for item in client.remove(labels=[identifier])] == [identifier] * 2
    assert labels(client) == ["Ada", "Eve", "Eve"]
    # What it was ambiguous with is gone.
    assert [item.label for item in client.remove([identifier])] == ["Ada"]


def test_names_of_all_kinds_are_taken_together_and_each_reference_once(
    client: GalleryClient, identifier: str
) -> None:
    one = client.find(labels=["Eve"])[0].reference_id

    found = client.find(["Eve"], labels=["Eve"], reference_ids=[one.upper(), identifier])

    assert sorted(item.label for item in found) == ["Ada", "Eve", "Eve"]


@pytest.mark.parametrize(
    "wanted",
    [
        {"names": ["nobody"]},
        {"labels": ["0" * 32]},
        {"reference_ids": ["Eve"]},
        {"reference_ids": ["0" * 32]},
        {"reference_ids": [""]},
    ],
    ids=str,
)
def test_a_name_of_nothing_is_an_error(
    client: GalleryClient, identifier: str, wanted: dict[str, list[str]]
) -> None:
    with pytest.raises(ReferenceNotFoundError):
        client.find(**wanted)


def test_labels_are_found_in_whatever_form_they_are_typed(client: GalleryClient) -> None:
    client.enroll(random_embeddings(1, 8), ["Zo\u00eb"])

    for typed in ("Zo\u00eb", "Zoe\u0308", " Zoe\u0308 "):
        assert [item.label for item in client.references([typed])] == ["Zo\u00eb"]
        assert [item.label for item in client.find(labels=[typed])] == ["Zo\u00eb"]
    assert list(client.references(["nobody"])) == []
    with pytest.raises(InvalidLabelError):
        list(client.references([""]))


def test_one_text_is_not_taken_for_a_list_of_its_letters(client: GalleryClient) -> None:
    client.enroll(random_embeddings(3, 8), ["A", "d", "a"])
    refused = pytest.raises(TypeError, match="names are given as a list")

    for method in (client.find, client.remove):
        with refused:
            method("Ada")
        with refused:
            method(labels="Ada")
        with refused:
            method(reference_ids="Ada")
    with refused:
        client.annotate("Ada", PersonDetails({"id": "1"}))
    with refused:
        client.annotate(["A"], without="id")
    with refused:
        client.assign("Ada", "Eve")
    with refused:
        list(client.references("Ada"))
    with refused:
        client.enroll(random_embeddings(3, 8), "Ada")

    assert labels(client) == ["A", "a", "d"]
    assert not any(person.details for person in client.people())
