"""Thresholds with names: several for one gallery, sealed beside the one that searches use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gallery.client import Calibration, GalleryClient, GalleryKey, TransientStates, renew_gallery
from gallery.client.integrity.sealing import Sealer
from gallery.client.searching.stored_thresholds import (
    CalibrationSealer,
    ChosenThreshold,
    StoredThresholds,
)
from gallery.errors import (
    AuthenticationError,
    InvalidThresholdError,
    RolledBackError,
    ThresholdNotFoundError,
    WriteConflictError,
)
from gallery.messages import GalleryDescription
from gallery.server import EmbeddedService
from tests.support.galleries import random_embeddings
from tests.support.interception import InterceptedService, before

EMBEDDINGS = random_embeddings(2, 8)
CALIBRATION = Calibration(0.1, 0.01, non_mated=1234, mated=567, gallery_size=89, made=1_795_435_200)


@pytest.fixture
def client(service: EmbeddedService, key: GalleryKey) -> Iterator[GalleryClient]:
    """A gallery with a threshold of its own, and two with names."""
    with GalleryClient.create(service, key, dimension=8, threshold=0.2) as opened:
        opened.enroll(EMBEDDINGS, ["Ada", "Grace"])
        opened.set_threshold(1e-4, "door")
        opened.set_threshold(1.9, "watch list")
        yield opened


def test_searches_take_the_one_that_is_named(client: GalleryClient) -> None:
    probe = EMBEDDINGS[:1] + 0.05

    found = {name: client.identify(probe, threshold=name) for name in ("door", "watch list")}

    assert [bool(item.decisions[0]) for item in found.values()] == [False, True]
    assert [item.threshold for item in found.values()] == [1e-4, 1.9]
    assert found["door"].limit.origin.startswith("set as 'door' on 20")
    assert client.match(probe, "Ada", "watch list").decisions[0]
    assert client.identify(probe).threshold == client.threshold().value == 0.2


def test_they_are_listed_set_anew_and_taken_back(client: GalleryClient) -> None:
    assert {name: item.value for name, item in client.thresholds().items()} == {
        "door": 1e-4,
        "watch list": 1.9,
    }

    client.set_threshold(0.3, " door ")
    client.reset_threshold("watch list")

    assert {name: item.value for name, item in client.thresholds().items()} == {"door": 0.3}


def test_the_one_without_a_name_stays_as_it_is_and_leaves_the_others(client: GalleryClient) -> None:
    stored = client.store_calibration(CALIBRATION)

    client.set_threshold(0.3, "door")

    assert client.threshold().value == 0.1
    assert client.calibration() is not None
    assert stored.serial == 3
    client.reset_threshold()
    assert client.threshold().value == 0.2
    assert [*client.thresholds()] == ["door", "watch list"]


@pytest.mark.parametrize("name", ["", " ", "x" * 33, "0.4", "nan", "a\nb", "\u202edoor"])
def test_what_is_no_name_is_refused(client: GalleryClient, name: str) -> None:
    with pytest.raises(InvalidThresholdError):
        client.set_threshold(0.3, name)

    assert [*client.thresholds()] == ["door", "watch list"]


def test_a_name_that_nothing_has_is_refused_and_the_others_are_named(client: GalleryClient) -> None:
    for use in (client.threshold, client.reset_threshold):
        with pytest.raises(ThresholdNotFoundError, match=r"'gate': it has 'door', 'watch list'"):
            use("gate")
    with pytest.raises(ThresholdNotFoundError):
        client.identify(EMBEDDINGS[0], threshold="gate")


def test_a_value_that_is_none_for_the_metric_is_refused(client: GalleryClient) -> None:
    with pytest.raises(InvalidThresholdError):
        client.set_threshold(-1.0, "door")

    assert client.threshold("door").value == 1e-4


def test_there_are_not_more_than_there_is_room_for(client: GalleryClient) -> None:
    with pytest.raises(InvalidThresholdError, match="at most 640"):
        for number in range(40):
            client.set_threshold(0.3, f"{number} {'x' * 28}")

    assert 10 < len(client.thresholds()) < 40


def test_another_client_learns_of_a_newer_one(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey
) -> None:
    with GalleryClient(service, key) as other:
        client.set_threshold(0.3, "gate")

        assert other.threshold("gate").value == 0.3


def test_one_of_two_writers_is_told_that_the_other_came_first(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey
) -> None:
    meanwhile = before([lambda: client.set_threshold(0.3, "gate")])
    late = InterceptedService(service, ["update_description"], meanwhile)
    with GalleryClient(late, key) as other, pytest.raises(WriteConflictError):
        other.set_threshold(0.4, "lift")

    assert [*client.thresholds()] == ["door", "gate", "watch list"]


def test_an_older_one_that_is_put_back_is_noticed(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey
) -> None:
    states = TransientStates()
    former = service.describe("default")
    client.set_threshold(0.3, "door")
    with GalleryClient(service, key, states=states) as other:
        assert other.threshold("door").value == 0.3
    service.update_description(client.description.mac, former)

    with GalleryClient(service, key, states=states) as other, pytest.raises(RolledBackError):
        other.threshold("door")


def test_a_renewed_gallery_has_them(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey
) -> None:
    newer = GalleryKey.generate()

    renew_gallery(service, key, newer)

    with GalleryClient(service, newer) as renewed:
        assert {name: item.value for name, item in renewed.thresholds().items()} == {
            "door": 1e-4,
            "watch list": 1.9,
        }


# --- what is stored -------------------------------------------------------------------------------


def sealed(client: GalleryClient, service: EmbeddedService) -> bytes:
    found: GalleryDescription = service.describe(client.description.name)
    return found.calibration


def test_the_server_sees_whether_there_are_names_and_not_how_many(
    client: GalleryClient, service: EmbeddedService
) -> None:
    sizes = {len(sealed(client, service))}
    client.reset_threshold("door")
    sizes.add(len(sealed(client, service)))
    client.store_calibration(CALIBRATION)
    sizes.add(len(sealed(client, service)))
    assert sizes == {713}

    client.reset_threshold("watch list")
    assert len(sealed(client, service)) == 73, "as programs read it that know no names"


def test_what_a_newer_program_sealed_is_refused(key: GalleryKey) -> None:
    sealer = CalibrationSealer(key, bytes(16))
    stored = StoredThresholds(CALIBRATION, {"door": ChosenThreshold(0.3, 1_800_000_000)})
    assert sealer.open(sealer.seal(stored)) == stored
    inner = Sealer(key.subkey("calibration", bytes(16)), bytes(16))
    plain = inner.open(sealer.seal(stored))

    for other in (plain + b"\0", plain[:-1], plain[:45] + b"[1]".ljust(640, b"\0")):
        with pytest.raises(AuthenticationError, match="a newer program"):
            sealer.open(inner.seal(other))
