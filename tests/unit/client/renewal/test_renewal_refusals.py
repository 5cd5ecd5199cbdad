"""A gallery that is not to be renewed, or that is damaged, stays as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gallery.client import (
    GalleryClient,
    GalleryKey,
    TransientStates,
    discard_renewal,
    renew_gallery,
)
from gallery.errors import (
    AuthenticationError,
    ErasurePendingError,
    GalleryExistsError,
    GalleryNotFoundError,
    KeyMismatchError,
    RolledBackError,
    WriteConflictError,
)
from gallery.forwarding import ForwardingService
from gallery.messages import EncryptedBlock
from gallery.messages.naming import copy_name
from gallery.parameters import COMPACT
from gallery.server import EmbeddedService, open_service
from gallery.store import Database
from tests.unit.client.renewal.renewing import (
    DIMENSION,
    LABELS,
    PEOPLE,
    check_whole,
)


def test_the_wrong_old_key_is_refused(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey, other_key: GalleryKey
) -> None:
    third = GalleryKey.generate()

    with pytest.raises(KeyMismatchError):
        renew_gallery(service, third, other_key)
    with pytest.raises(GalleryNotFoundError):
        renew_gallery(service, key, other_key, "nobody's")

    assert service.gallery_names() == ["default"]


def test_a_gallery_of_somebody_else_in_the_way_is_neither_used_nor_erased(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey, other_key: GalleryKey
) -> None:
    name = copy_name("default", other_key.key_id)
    with GalleryClient.create(service, key, name, dimension=DIMENSION) as client:
        client.enroll(PEOPLE, LABELS)

    with pytest.raises(GalleryExistsError, match="in the way"):
        renew_gallery(service, key, other_key)
    with pytest.raises(GalleryExistsError, match="in the way"):
        discard_renewal(service, other_key)

    check_whole(service, key)
    with GalleryClient(service, key, name) as client:
        assert client.summary().references == 9


@pytest.mark.parametrize("change", [{"dimension": 5}, {"threshold": 0.5}, {"parameters": COMPACT}])
def test_a_copy_that_is_not_what_is_wanted_is_neither_used_nor_erased(
    service: EmbeddedService,
    filled: GalleryClient,
    key: GalleryKey,
    other_key: GalleryKey,
    change: dict[str, Any],
) -> None:
    name = copy_name("default", other_key.key_id)
    properties = {"dimension": DIMENSION, "threshold": 0.01, **change}
    with GalleryClient.create(service, other_key, name, **properties) as client:
        before = service.manifest(client.description.gallery_id)

    with pytest.raises(GalleryExistsError, match="discard_renewal"):
        renew_gallery(service, key, other_key)

    with GalleryClient(service, other_key, name) as client:
        assert service.manifest(client.description.gallery_id) == before
    check_whole(service, key)
    discard_renewal(service, other_key)
    renew_gallery(service, key, other_key)
    check_whole(service, other_key)


@pytest.mark.parametrize("length", [1, 180, 181, 199, 200])
def test_galleries_with_long_names_have_copies_with_names_of_their_own(length: int) -> None:
    key_id = bytes(range(16))
    one, other = "x" * (length - 1) + "1", "x" * (length - 1) + "2"

    assert len(copy_name(one, key_id)) <= 200
    assert copy_name(one, key_id) != copy_name(other, key_id)
    assert copy_name(one, key_id).endswith(" (renewal 00010203)")
    assert copy_name(one, key_id) != copy_name(one, bytes(16))


def test_a_gallery_with_the_longest_name_is_renewed(
    service: EmbeddedService, key: GalleryKey, other_key: GalleryKey
) -> None:
    name = "é" * 200
    with GalleryClient.create(service, key, name, dimension=DIMENSION) as client:
        client.enroll(PEOPLE, LABELS)

    renew_gallery(service, key, other_key, name)

    with GalleryClient(service, other_key, name) as client:
        assert client.summary().references == 9


def test_a_damaged_gallery_is_not_renewed(
    service: EmbeddedService,
    filled: GalleryClient,
    key: GalleryKey,
    other_key: GalleryKey,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Swapping(ForwardingService):
        def block(self, gallery_id: bytes, index: int) -> EncryptedBlock:
            return super().block(gallery_id, 0)

    with pytest.raises((AuthenticationError, WriteConflictError)):
        monkeypatch.setattr("gallery.client.editing.conflicts.time.sleep", lambda _: None)
        renew_gallery(Swapping(service), key, other_key)

    check_whole(service, key)


def test_a_gallery_that_was_put_back_to_an_older_state_is_not_renewed(
    database: str, key: GalleryKey, other_key: GalleryKey, tmp_path: Path
) -> None:
    states, file = TransientStates(), tmp_path / "gallery.db"
    with open_service(database, create=True) as service:
        with GalleryClient.create(service, key, dimension=DIMENSION) as client:
            client.enroll(PEOPLE[:8], LABELS[:8])
        service.purge()
        older = file.read_bytes()
        with GalleryClient(service, key, states=states) as client:
            client.enroll(PEOPLE, LABELS)
    file.write_bytes(older)

    with open_service(database) as service, pytest.raises(RolledBackError):
        renew_gallery(service, key, other_key, states=states)


def test_the_old_gallery_put_back_after_a_renewal_is_noticed(
    database: str, key: GalleryKey, tmp_path: Path
) -> None:
    """With the same key, nothing but what the owner has seen tells the old gallery from the new."""
    states, file = TransientStates(), tmp_path / "gallery.db"
    with open_service(database, create=True) as service:
        with GalleryClient.create(service, key, dimension=DIMENSION) as client:
            client.enroll(PEOPLE, LABELS)
        service.purge()
        older = file.read_bytes()
        renew_gallery(service, key, key, parameters=COMPACT, states=states)
        with GalleryClient(service, key, states=states) as client:
            assert client.summary().references == 9
    file.write_bytes(older)

    with (
        open_service(database) as service,
        GalleryClient(service, key, states=states) as client,
        pytest.raises(RolledBackError),
    ):
        client.summary()


def test_a_renewal_whose_traces_cannot_be_removed_yet_is_done(
    service: EmbeddedService,
    filled: GalleryClient,
    key: GalleryKey,
    other_key: GalleryKey,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def pending(_: Database) -> None:
        raise ErasurePendingError("others are reading")

    with monkeypatch.context() as patched:
        patched.setattr(Database, "purge", pending)
        with pytest.raises(ErasurePendingError):
            renew_gallery(service, key, other_key)

    check_whole(service, other_key)
    assert renew_gallery(service, key, other_key).finished_before
