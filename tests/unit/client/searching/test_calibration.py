"""A calibrated threshold: sealed, used by searches, and never replaced by an older one unseen."""

from __future__ import annotations

import math
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gallery.client import (
    Calibration,
    GalleryClient,
    GalleryKey,
    StateFile,
    TransientStates,
    renew_gallery,
)
from gallery.client.integrity.authentication import Authenticator
from gallery.client.searching.stored_thresholds import CalibrationSealer, StoredThresholds
from gallery.client.searching.thresholds import Threshold, ThresholdSource
from gallery.errors import (
    AuthenticationError,
    GalleryNotFoundError,
    MalformedMessageError,
    RolledBackError,
    ThresholdRequiredError,
    WriteConflictError,
)
from gallery.messages import GalleryDescription
from gallery.server import EmbeddedService, open_service
from tests.support.galleries import names, random_embeddings
from tests.support.recording import RecordingService

# 2026-11-23, noon UTC.
FOUND = Calibration(0.1875, 0.01, non_mated=1234, mated=567, gallery_size=89, made=1_795_435_200)
ORIGIN = "calibrated for FPIR 0.01 on 2026-11-23, 1,234 non-mated searches"
GALLERY_ID = bytes(range(16))


@pytest.fixture
def sealer(key: GalleryKey) -> CalibrationSealer:
    return CalibrationSealer(key, GALLERY_ID)


def test_what_was_sealed_opens(sealer: CalibrationSealer) -> None:
    numbered = StoredThresholds(replace(FOUND, serial=3))

    assert sealer.open(sealer.seal(numbered)) == numbered


def test_all_have_the_same_size_and_no_two_the_same_bytes(sealer: CalibrationSealer) -> None:
    large = replace(FOUND, threshold=1e9, non_mated=2**32 - 1, serial=2**40)

    sealed = [sealer.seal(StoredThresholds(item)) for item in (FOUND, FOUND, large)]

    assert len(set(sealed)) == 3
    assert {len(item) for item in sealed} == {73}


def test_every_changed_byte_is_noticed(sealer: CalibrationSealer) -> None:
    sealed = sealer.seal(StoredThresholds(FOUND))
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(AuthenticationError, match="not sealed for this gallery"):
            sealer.open(bytes(changed))
    for cut in (b"", sealed[:5], sealed[:-1], sealed + b"\0"):
        with pytest.raises(AuthenticationError):
            sealer.open(cut)


def test_it_opens_for_its_own_gallery_and_key_alone(
    sealer: CalibrationSealer, key: GalleryKey, other_key: GalleryKey
) -> None:
    sealed = sealer.seal(StoredThresholds(FOUND))

    for other in (CalibrationSealer(key, bytes(16)), CalibrationSealer(other_key, GALLERY_ID)):
        with pytest.raises(AuthenticationError):
            other.open(sealed)


def test_searches_use_it_and_say_where_it_comes_from(client: GalleryClient) -> None:
    embeddings = random_embeddings(3, 8)
    client.enroll(embeddings, names(3))

    stored = client.store_calibration(FOUND)
    found = client.identify(embeddings[:1] + 0.01)

    assert stored == client.calibration() == replace(FOUND, serial=1)
    assert found.threshold == 0.1875
    assert (client.threshold().value, client.threshold().origin) == (0.1875, ORIGIN)
    assert client.threshold().source is ThresholdSource.CALIBRATED
    assert client.threshold(0.3) == Threshold(0.3, "given", ThresholdSource.GIVEN)
    assert found.limit == client.threshold()


def test_it_comes_before_the_one_of_the_creation(service: EmbeddedService, key: GalleryKey) -> None:
    with GalleryClient.create(service, key, dimension=8, threshold=0.5) as client:
        assert client.threshold().value == 0.5
        client.store_calibration(FOUND)
        assert client.threshold().value == 0.1875
        assert client.description.threshold == 0.5


def test_a_new_one_takes_its_place_for_other_clients_too(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey
) -> None:
    states = TransientStates()
    with GalleryClient(service, key, states=states) as another:
        client.store_calibration(FOUND)
        client.store_calibration(replace(FOUND, threshold=0.25))
        assert another.calibration() is None
    with GalleryClient(service, key, states=states) as reopened:
        assert reopened.calibration() == replace(FOUND, threshold=0.25, serial=2)


@pytest.mark.parametrize("value", [math.nan, math.inf, -0.1])
def test_what_is_no_threshold_is_refused(client: GalleryClient, value: float) -> None:
    with pytest.raises(ThresholdRequiredError):
        client.store_calibration(replace(FOUND, threshold=value))
    assert client.calibration() is None


def test_the_service_learns_nothing_of_it(service: EmbeddedService, key: GalleryKey) -> None:
    recorded = RecordingService(service)
    with GalleryClient.create(recorded, key, dimension=8) as client:
        client.store_calibration(FOUND)
        client.calibration()

    said = b"".join([data for _, data in recorded.sent] + recorded.received)
    assert "update_description" in {call for call, _ in recorded.sent}
    for value in (FOUND.threshold, FOUND.fpir):
        assert struct.pack("<d", value) not in said
    assert struct.pack("<III", 1234, 567, 89) not in said
    assert struct.pack("<Q", FOUND.made) not in said


# --- an older one put back ------------------------------------------------------------------------


@pytest.fixture
def seen(tmp_path: Path) -> StateFile:
    return StateFile(tmp_path / "seen")


def put_back(database: str, description: GalleryDescription) -> None:
    """Write a description into the database behind the service's back."""
    with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute("UPDATE gallery SET description = ?", (description.to_bytes(),))
    connection.close()


@pytest.fixture
def twice(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey, seen: StateFile
) -> Iterator[list[GalleryDescription]]:
    """The three descriptions of a gallery that was calibrated twice."""
    with GalleryClient(service, key, states=seen) as owner:
        descriptions = [owner.description]
        for threshold in (0.2, 0.3):
            owner.store_calibration(replace(FOUND, threshold=threshold))
            descriptions.append(owner.description)
    yield descriptions


@pytest.mark.parametrize("older", [0, 1])
def test_an_older_one_is_noticed_by_who_has_seen_the_newer(
    twice: list[GalleryDescription],
    older: int,
    database: str,
    service: EmbeddedService,
    key: GalleryKey,
    seen: StateFile,
) -> None:
    put_back(database, twice[older])

    with GalleryClient(service, key, states=seen) as owner:
        with pytest.raises(RolledBackError, match="older threshold"):
            owner.identify(np.ones(8))
        # A given threshold needs none.
        assert owner.threshold(0.4).value == 0.4


def test_an_older_one_can_be_accepted_or_replaced(
    twice: list[GalleryDescription],
    database: str,
    service: EmbeddedService,
    key: GalleryKey,
    seen: StateFile,
) -> None:
    put_back(database, twice[1])
    with GalleryClient(service, key, states=seen) as owner:
        assert owner.store_calibration(FOUND).serial == 3
        assert owner.threshold().value == FOUND.threshold

    put_back(database, twice[1])
    with GalleryClient(service, key, states=seen) as owner:
        owner.accept_rollback()
        assert owner.threshold().value == 0.2


def test_a_view_that_is_open_catches_up_with_another_process(
    service: EmbeddedService, client: GalleryClient, key: GalleryKey, seen: StateFile
) -> None:
    with GalleryClient(service, key, states=seen) as first:
        with GalleryClient(service, key, states=seen) as second:
            second.store_calibration(FOUND)
        assert first.threshold().origin == ORIGIN


# --- the service's side ---------------------------------------------------------------------------


def signed(client: GalleryClient, key: GalleryKey, **changes: Any) -> GalleryDescription:
    changed = replace(client.description, **changes)
    return Authenticator(key, client.description.gallery_id).sign(changed)


def test_of_two_at_the_same_time_the_second_is_refused(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey
) -> None:
    former = client.description.mac
    first, second = (signed(client, key, calibration=text) for text in (b"first", b"second"))
    service.update_description(former, first)

    with pytest.raises(WriteConflictError):
        service.update_description(former, second)
    assert service.describe("default") == first


@pytest.mark.parametrize(
    "change", [{"threshold": 0.5}, {"dimension": 9}, {"name": "another"}, {"created": 1}]
)
def test_nothing_else_of_a_gallery_changes(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey, change: dict[str, object]
) -> None:
    before = client.description

    with pytest.raises(MalformedMessageError, match="fixed at its creation"):
        service.update_description(before.mac, signed(client, key, **change))
    assert service.describe("default") == before


def test_a_gallery_that_is_not_there_is_not_described(
    client: GalleryClient, service: EmbeddedService
) -> None:
    with pytest.raises(GalleryNotFoundError):
        service.update_description(bytes(32), replace(client.description, gallery_id=bytes(16)))


# --- backups and renewals -------------------------------------------------------------------------


def test_a_renewal_takes_it_along(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey, other_key: GalleryKey
) -> None:
    client.store_calibration(FOUND)
    sealed = client.description.calibration

    renew_gallery(service, key, other_key)

    with GalleryClient(service, other_key) as renewed:
        assert renewed.calibration() == replace(FOUND, serial=1)
        assert renewed.description.calibration != sealed


def test_a_backup_holds_it(client: GalleryClient, key: GalleryKey, tmp_path: Path) -> None:
    states = TransientStates()
    client.store_calibration(FOUND)
    client.export(tmp_path / "backup")

    with open_service(f"sqlite:///{tmp_path / 'other.db'}", create=True) as other:
        with GalleryClient.restore(other, key, tmp_path / "backup", states=states) as restored:
            assert restored.threshold().origin == ORIGIN
        other.delete(restored.description.gallery_id)
        path = tmp_path / "backup"
        with GalleryClient.restore(other, key, path, "renamed", states=states) as renamed:
            assert renamed.threshold().origin == ORIGIN


# --- set by the owner -----------------------------------------------------------------------------


def test_a_threshold_is_set_and_taken_back(service: EmbeddedService, key: GalleryKey) -> None:
    with GalleryClient.create(service, key, dimension=8, threshold=0.5) as client:
        client.store_calibration(FOUND)

        now = client.set_threshold(0.25)

        assert (now.value, now.source) == (0.25, ThresholdSource.SET)
        assert now.origin.startswith("set for the gallery on ")
        assert client.calibration() is None
        client.reset_threshold()
        assert client.threshold().value == 0.5
        assert client.calibration() is None
        assert client.store_calibration(FOUND).serial == 4


def test_what_is_set_looks_like_a_calibration_to_the_server(
    client: GalleryClient, service: EmbeddedService
) -> None:
    stored = []
    for change in (
        lambda: client.store_calibration(FOUND),
        lambda: client.set_threshold(0.25),
        client.reset_threshold,
    ):
        change()
        stored.append(service.describe("default").calibration)

    assert len(set(stored)) == 3
    assert len({len(item) for item in stored}) == 1


def test_one_that_was_taken_back_is_not_put_back_unseen(
    client: GalleryClient, database: str, service: EmbeddedService, key: GalleryKey, seen: StateFile
) -> None:
    with GalleryClient(service, key, states=seen) as owner:
        owner.set_threshold(0.9)
        former = owner.description
        owner.reset_threshold()

    put_back(database, former)

    with GalleryClient(service, key, states=seen) as owner:
        with pytest.raises(RolledBackError, match="older threshold"):
            owner.threshold()


def test_what_is_set_is_kept_when_the_key_is_renewed(
    service: EmbeddedService, key: GalleryKey, other_key: GalleryKey
) -> None:
    with GalleryClient.create(service, key, dimension=8, threshold=0.5) as client:
        client.set_threshold(0.25)

    renew_gallery(service, key, other_key)

    with GalleryClient(service, other_key) as client:
        assert client.threshold().value == 0.25
        client.reset_threshold()
        assert client.threshold().value == 0.5
