"""Reads while another process drops a block: the state before or after, and never damage."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from gallery.client import GalleryClient, GalleryKey, PersonDetails
from gallery.errors import LabelExistsError
from gallery.parameters import COMPACT, SWIFT, ParameterSet
from gallery.server import EmbeddedService, open_service
from tests.support.galleries import key, names, service
from tests.support.interception import InterceptedService, before

__all__ = ["key", "service"]

FULL_BLOCK = 4094


@pytest.fixture
def database(tmp_path: Any) -> str:
    return f"sqlite:///{tmp_path / 'gallery.db'}"


@pytest.mark.parametrize("parameters", [COMPACT, SWIFT], ids=lambda chosen: chosen.name)
@pytest.mark.parametrize(
    ("call", "work"),
    [
        ("search", lambda client: client.identify(np.eye(2)[0], threshold=0.001)),
        ("references", lambda client: client.verify(deep=True)),
        pytest.param(
            "references",
            lambda client: list(client.references()),
        ),
        pytest.param(
            "block",
            lambda client: client.enroll(-np.eye(2)[:1], ["late"]),
        ),
    ],
    ids=["search", "verify", "list", "enroll"],
)
def test_a_block_that_is_dropped_meanwhile_is_not_taken_for_damage(
    service: EmbeddedService,
    key: GalleryKey,
    call: str,
    work: Callable[[GalleryClient], object],
    parameters: ParameterSet,
) -> None:
    angles = np.linspace(0.0, 3.0, FULL_BLOCK + 2)
    rows = np.column_stack([np.cos(angles), np.sin(angles)])
    people = names(len(rows))
    with GalleryClient.create(service, key, dimension=2, parameters=parameters) as client:
        client.enroll(rows, people)
        removal = before([lambda: client.remove(people[FULL_BLOCK:])])
        with GalleryClient(InterceptedService(service, [call], removal), key) as other:
            work(other)
            assert other.summary().blocks in (1, 2)
            assert client.verify(deep=True).findings == ()
            assert client.identify(rows[:1], threshold=0.001).decisions.all()


WORKS: dict[str, Callable[[GalleryClient], object]] = {
    "search": lambda client: client.identify(np.eye(2), threshold=0.001),
    "references": lambda client: list(client.references()),
    "block": lambda client: client.enroll(-np.eye(2)[:1], ["late"]),
    "write": lambda client: client.enroll(-np.eye(2)[:1], ["late"]),
}


@pytest.mark.parametrize("parameters", [COMPACT, SWIFT], ids=lambda chosen: chosen.name)
@pytest.mark.parametrize("call", [*WORKS, "verify"])
def test_people_who_are_renamed_meanwhile_have_the_one_name_or_the_other(
    service: EmbeddedService, key: GalleryKey, call: str, parameters: ParameterSet
) -> None:
    with GalleryClient.create(service, key, dimension=2, parameters=parameters) as client:
        client.enroll(np.eye(2), ["Ada", "Grace"])
        renaming = before([lambda: client.rename("Ada", "Ada King")])
        calls = ["references"] if call == "verify" else [call]
        with GalleryClient(InterceptedService(service, calls, renaming), key) as other:
            found = other.verify(deep=True) if call == "verify" else WORKS[call](other)
        if call == "verify":
            assert found.findings == ()  # type: ignore[attr-defined]
        if call == "search":
            assert found.labels[0, 0] in ("Ada", "Ada King")  # type: ignore[attr-defined]
            assert found.labels[1, 0] == "Grace"  # type: ignore[attr-defined]
        late = ["late"] if call in ("block", "write") else []
        assert [item.label for item in client.references()] == ["Ada King", "Grace", *late]
        assert client.verify(deep=True).findings == ()


CORRECTIONS: dict[str, tuple[Callable[[GalleryClient], object], tuple[str, int | None]]] = {
    "merge": (lambda client: client.merge("Ada", "Grace"), ("Grace", None)),
    "assign": (
        lambda client: client.assign([next(client.references()).reference_id], "Hedy"),
        ("Hedy", None),
    ),
    "annotate": (
        lambda client: client.annotate(["Ada"], PersonDetails(expires=4_000_000_000)),
        ("Ada", 4_000_000_000),
    ),
}


@pytest.mark.parametrize("call", ["search", "write"])
@pytest.mark.parametrize(("change", "after"), CORRECTIONS.values(), ids=CORRECTIONS)
def test_people_who_are_corrected_meanwhile_are_as_before_or_as_after(
    service: EmbeddedService,
    key: GalleryKey,
    call: str,
    change: Callable[[GalleryClient], object],
    after: tuple[str, int | None],
) -> None:
    with GalleryClient.create(service, key, dimension=2) as client:
        client.enroll(np.eye(2), ["Ada", "Grace"])
        correction = before([lambda: change(client)])
        with GalleryClient(InterceptedService(service, [call], correction), key) as other:
            found = WORKS[call](other)
        if call == "search":
            seen = found.labels[0, 0], found.details[0, 0].expires  # type: ignore[attr-defined]
            assert seen in (("Ada", None), after)
            assert found.labels[1, 0] == "Grace"  # type: ignore[attr-defined]
        late = ["late"] if call == "write" else []
        assert [item.label for item in client.references()] == [after[0], "Grace", *late]
        assert {item.label: item.details.expires for item in client.people()}[after[0]] == after[1]
        assert client.verify(deep=True).findings == ()


@pytest.mark.parametrize("parameters", [COMPACT, SWIFT], ids=lambda chosen: chosen.name)
@pytest.mark.parametrize(
    ("meanwhile", "labels"),
    [
        (
            lambda client: client.enroll(-np.eye(2), ["Ada", "late"]),
            ["King", "Grace", "King", "late"],
        ),
        (lambda client: client.remove(["Grace"]), ["King"]),
        (lambda client: client.rename("Grace", "Hopper"), ["King", "Hopper"]),
    ],
    ids=["enrollment", "removal", "renaming"],
)
def test_a_renaming_that_comes_second_renames_whom_it_finds_then(
    service: EmbeddedService,
    key: GalleryKey,
    meanwhile: Callable[[GalleryClient], object],
    labels: list[str],
    parameters: ParameterSet,
) -> None:
    with GalleryClient.create(service, key, dimension=2, parameters=parameters) as client:
        client.enroll(np.eye(2), ["Ada", "Grace"])
        first = before([lambda: meanwhile(client)])
        with GalleryClient(InterceptedService(service, ["write"], first), key) as other:
            other.rename("Ada", "King")

        assert [item.label for item in client.references()] == labels
        assert client.verify(deep=True).findings == ()


def test_a_renaming_to_a_name_that_is_taken_meanwhile_is_refused(
    service: EmbeddedService, key: GalleryKey
) -> None:
    with GalleryClient.create(service, key, dimension=2) as client:
        client.enroll(np.eye(2), ["Ada", "Grace"])
        first = before([lambda: client.rename("Grace", "King")])
        with GalleryClient(InterceptedService(service, ["write"], first), key) as other:
            with pytest.raises(LabelExistsError):
                other.rename("Ada", "King")

        assert [item.label for item in client.references()] == ["Ada", "King"]


def test_a_person_who_is_renamed_again_and_again_is_found_all_the_while(
    empty_database: str, key: GalleryKey
) -> None:
    """One writer renames, another enrolls, and a third client searches, each on its own service."""
    with open_service(empty_database, create=True) as made:
        with GalleryClient.create(made, key, dimension=2) as client:
            client.enroll(np.eye(2), ["Ada", "Grace"])
    renamed = threading.Event()

    def rename(client: GalleryClient) -> None:
        for _ in range(4):
            client.rename("Ada", "King")
            client.rename("King", "Ada")
        renamed.set()

    def enroll(client: GalleryClient) -> None:
        for number in range(4):
            client.enroll(-np.eye(2)[:1], [f"late {number}"])

    def search(client: GalleryClient) -> set[str]:
        seen = set[str]()
        while not renamed.is_set() or not seen:
            found = client.identify(np.eye(2), threshold=0.001)
            assert found.decisions.all()
            assert found.labels[1, 0] == "Grace"
            seen.add(str(found.labels[0, 0]))
        return seen

    def alone(work: Callable[[GalleryClient], Any]) -> Any:
        try:
            with open_service(empty_database) as service, GalleryClient(service, key) as client:
                return work(client)
        finally:
            if work is rename:
                renamed.set()

    with ThreadPoolExecutor(3) as pool:
        *_, seen = pool.map(alone, [rename, enroll, search])

    assert seen <= {"Ada", "King"}
    with open_service(empty_database) as service, GalleryClient(service, key) as client:
        labels = sorted(item.label for item in client.references())
        assert labels == ["Ada", "Grace", *[f"late {number}" for number in range(4)]]
        assert client.verify(deep=True).findings == ()
