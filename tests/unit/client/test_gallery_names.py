"""Names of galleries in several forms: one gallery each, and old ones are found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gallery.client import (
    GalleryClient,
    GalleryKey,
    TransientStates,
    discard_renewal,
    renew_gallery,
)
from gallery.errors import (
    GalleryError,
    GalleryExistsError,
    GalleryNotFoundError,
    RolledBackError,
)
from gallery.messages.naming import normal_name
from gallery.server import EmbeddedService, open_service
from tests.support.galleries import random_embeddings

NFC, NFD = "caf\u00e9", "cafe\u0301"
FORMS = [NFC, NFD, f"{NFC} ", f" {NFD}  "]


def make(service: EmbeddedService, key: GalleryKey, name: str) -> bytes:
    with GalleryClient.create(service, key, name, dimension=8) as client:
        return client.description.gallery_id


@pytest.fixture
def as_typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make galleries as older versions did, whose names have the form that was typed."""
    with monkeypatch.context() as patch:
        patch.setattr("gallery.client.editing.creation.new_name", lambda _, name: name)
        yield


@pytest.mark.parametrize("made", FORMS)
@pytest.mark.parametrize("typed", FORMS)
def test_one_name_in_two_forms_is_one_gallery(
    service: EmbeddedService, key: GalleryKey, made: str, typed: str
) -> None:
    gallery_id = make(service, key, made)

    assert service.gallery_names() == [NFC]
    with GalleryClient(service, key, typed) as client:
        assert client.description.gallery_id == gallery_id
    with pytest.raises(GalleryExistsError):
        make(service, key, typed)


@pytest.mark.parametrize("typed", FORMS)
def test_an_old_name_is_found_and_not_given_again(
    service: EmbeddedService, key: GalleryKey, as_typed: None, typed: str
) -> None:
    gallery_id = make(service, key, NFD)

    with GalleryClient(service, key, typed) as client:
        assert (client.description.gallery_id, client.description.name) == (gallery_id, NFD)


def test_a_new_gallery_does_not_get_the_name_of_an_old_one(
    service: EmbeddedService, key: GalleryKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("gallery.client.editing.creation.new_name", lambda _, name: name)
        make(service, key, f"{NFC} ")

    with pytest.raises(GalleryExistsError, match="same name in another form"):
        make(service, key, NFC)


def test_old_galleries_of_one_name_are_all_reached_by_their_own(
    service: EmbeddedService, key: GalleryKey, as_typed: None
) -> None:
    made = {name: make(service, key, name) for name in FORMS}

    for name, gallery_id in made.items():
        with GalleryClient(service, key, name) as client:
            assert client.description.gallery_id == gallery_id
    with pytest.raises(GalleryNotFoundError):
        GalleryClient(service, key, "cafe")


def test_a_backup_is_restored_under_the_normal_form(
    service: EmbeddedService, key: GalleryKey, tmp_path: Path
) -> None:
    make(service, key, "old")
    with GalleryClient(service, key, "old") as client:
        client.export(tmp_path / "old.backup")
        service.delete(client.description.gallery_id)

    with GalleryClient.restore(service, key, tmp_path / "old.backup", f"{NFD} ") as restored:
        assert restored.description.name == NFC
    with pytest.raises(GalleryExistsError):
        GalleryClient.restore(service, key, tmp_path / "old.backup", NFD)


@pytest.mark.parametrize("typed", FORMS)
def test_an_older_state_of_a_restored_gallery_is_noticed_by_any_form(
    key: GalleryKey, tmp_path: Path, typed: str
) -> None:
    database, states = tmp_path / "gallery.db", TransientStates()
    with open_service(f"sqlite:///{database}", create=True) as service:
        make(service, key, "old")
        with GalleryClient(service, key, "old") as client:
            client.export(tmp_path / "old.backup")
            service.delete(client.description.gallery_id)
        GalleryClient.restore(service, key, tmp_path / "old.backup", NFC, states=states).close()
    former = database.read_bytes()
    with open_service(f"sqlite:///{database}") as service:
        with GalleryClient(service, key, NFC, states=states) as client:
            client.enroll(random_embeddings(1, 8), ["Ada"])
    database.write_bytes(former)

    with open_service(f"sqlite:///{database}") as service:
        with GalleryClient(service, key, typed, states=states) as client:
            with pytest.raises(RolledBackError):
                client.summary()


@pytest.mark.parametrize("typed", FORMS)
def test_a_renewal_is_begun_and_given_up_by_any_form(
    service: EmbeddedService, key: GalleryKey, other_key: GalleryKey, typed: str
) -> None:
    make(service, key, NFC)

    renew_gallery(service, key, other_key, typed)

    assert service.gallery_names() == [NFC]
    with pytest.raises(GalleryNotFoundError, match="no unfinished renewal"):
        discard_renewal(service, key, typed)


@pytest.mark.parametrize("name", ["", " ", "\n", "a\u200bb"])
def test_what_is_no_name_is_refused(service: EmbeddedService, key: GalleryKey, name: str) -> None:
    with pytest.raises(GalleryError, match="printable text"):
        make(service, key, name)


def test_the_normal_form_is_its_own() -> None:
    assert {normal_name(name) for name in FORMS} == {NFC}
    assert normal_name("two  words") == "two  words"
