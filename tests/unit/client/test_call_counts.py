"""Calls of an operation to the service, and its uses of the key: each thing once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from gallery.ciphertexts.blocks import capacity
from gallery.client import Calibration, GalleryClient, GalleryKey, TransientStates, open_embeddings
from gallery.client.integrity.labels import LabelSealer
from gallery.client.integrity.rollback import restored_id, wrong_results_id
from gallery.client.integrity.sealing import Sealer
from gallery.client.searching.stored_thresholds import CalibrationSealer
from gallery.messages import GalleryUpdate, SearchRequest, SearchResult
from gallery.parameters import STANDARD, SWIFT
from gallery.protocol import SearchObserver
from gallery.server import EmbeddedService
from tests.support.counting import CountingService, count_calls
from tests.support.galleries import names, random_embeddings

DIMENSION = 8


@pytest.fixture
def counting(service: EmbeddedService) -> CountingService:
    return CountingService(service)


@pytest.fixture
def client(counting: CountingService, key: GalleryKey) -> Iterator[GalleryClient]:
    """A client of an empty gallery whose calls are counted."""
    with GalleryClient.create(counting, key, dimension=DIMENSION, parameters=STANDARD) as opened:
        counting.calls.clear()
        yield opened


# --- enrolling ------------------------------------------------------------------------------------


def test_an_enrollment_reads_one_manifest_for_each_block(
    client: GalleryClient, counting: CountingService
) -> None:
    count = capacity(STANDARD) + 10
    client.enroll(random_embeddings(count, DIMENSION), names(count))

    assert (counting.calls["write"], counting.calls["manifest"]) == (2, 2)


def test_what_is_enrolled_already_takes_one_manifest_and_nothing_else(
    client: GalleryClient, counting: CountingService
) -> None:
    client.enroll(random_embeddings(3, DIMENSION), names(3))
    client.summary()
    counting.calls.clear()

    client.enroll(random_embeddings(3, DIMENSION), names(3))

    assert counting.calls == {"manifest": 1}


class OvertakenService(CountingService):
    """Lets something happen once, before the first write."""

    def __init__(self, service: EmbeddedService, happens: Callable[[], object]) -> None:
        super().__init__(service)
        self._happens: list[Callable[[], object]] = [happens]

    def write(self, gallery_id: bytes, update: GalleryUpdate) -> None:
        if self._happens:
            self._happens.pop()()
        self.__getattr__("write")(gallery_id, update)


def test_a_writer_that_comes_second_reads_one_manifest_for_each_attempt(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey
) -> None:
    overtaken = OvertakenService(
        service, lambda: client.enroll(random_embeddings(1, DIMENSION, seed=1), ["first"])
    )
    with GalleryClient(overtaken, key) as second:
        second.enroll(random_embeddings(1, DIMENSION, seed=2), ["second"])

    # The refused write, the claim, and the write.
    assert (overtaken.calls["write"], overtaken.calls["manifest"]) == (3, 2)
    assert [item.label for item in client.references()] == ["first", "second"]
    assert client.verify(deep=True).findings == ()


# --- replacing, finding and removing --------------------------------------------------------------


def calls_of_replacing(
    client: GalleryClient, counting: CountingService, enrolled: int, replaced: int
) -> tuple[Counter[str], dict[str, int]]:
    """Enroll some people, and others anew; return the calls of the latter, and what was opened."""
    client.enroll(random_embeddings(enrolled, DIMENSION), names(enrolled))
    client.summary()
    counting.calls.clear()
    with pytest.MonkeyPatch.context() as patch:
        opened = count_calls(patch, Sealer, "open")
        hashed = count_calls(patch, LabelSealer, "pseudonym")
        newer = random_embeddings(replaced, DIMENSION, seed=1)
        client.enroll(newer, names(replaced), replace=True)
    assert len(list(client.references())) == enrolled
    # Each new reference has its pseudonym computed as well.
    return Counter(counting.calls), {"opened": len(opened), "hashed": len(hashed) - replaced}


@pytest.mark.parametrize("enrolled", [10, 300])
@pytest.mark.parametrize("replaced", [1, 10])
def test_replacing_opens_one_label_a_person_and_reads_the_gallery_once(
    client: GalleryClient, counting: CountingService, enrolled: int, replaced: int
) -> None:
    calls, counts = calls_of_replacing(client, counting, enrolled, replaced)

    # What is known of a person goes to the new reference, whose label has to be hashed to find it.
    assert counts == {"opened": replaced, "hashed": 2 * replaced}
    calls["manifest"] -= 1  # of the list of the check
    assert calls == {"manifest": 2, "write": 2}  # the block that was written last is known


def test_replacing_from_a_file_opens_one_label_a_person(
    client: GalleryClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.enroll(random_embeddings(30, DIMENSION), names(30))
    newer = random_embeddings(20, DIMENSION, seed=1)
    np.savez(tmp_path / "newer.npz", embeddings=newer, labels=np.array(names(20)))
    opened = count_calls(monkeypatch, Sealer, "open")

    with open_embeddings(tmp_path / "newer.npz", need_labels=True) as source:
        client.enroll_file(source, replace=True)

    assert len(opened) == 20
    assert sorted(item.label for item in client.references()) == sorted(names(30))
    found = client.identify(newer, threshold=0.001)
    assert [*found.labels[:, 0]] == names(20)


@pytest.mark.parametrize("enrolled", [10, 300])
def test_only_the_labels_of_what_is_found_are_opened(
    client: GalleryClient,
    counting: CountingService,
    enrolled: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client.enroll(random_embeddings(enrolled, DIMENSION), names(enrolled))
    client.summary()
    counting.calls.clear()
    opened = count_calls(monkeypatch, Sealer, "open")

    found = client.find(["person 3", "person 7"])

    assert [item.label for item in found] == ["person 3", "person 7"]
    assert len(opened) == 2
    assert counting.calls == {"manifest": 1}


def test_removing_opens_what_it_removes_and_reads_the_gallery_once(
    client: GalleryClient, counting: CountingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.enroll(random_embeddings(100, DIMENSION), names(100))
    client.summary()
    counting.calls.clear()
    opened = count_calls(monkeypatch, Sealer, "open")

    client.remove(["person 3", "person 7"])

    assert len(opened) == 2
    assert counting.calls == {"manifest": 1, "write": 1}


# --- searching ------------------------------------------------------------------------------------

FOUND = Calibration(0.1875, 0.01, non_mated=1234, mated=567, gallery_size=89, made=1_795_435_200)


class CountingStates(TransientStates):
    """Counts what is asked of the newest states."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[bytes] = Counter()

    def newest(self, gallery_id: bytes):
        self.asked[gallery_id] += 1
        return super().newest(gallery_id)


def test_a_search_opens_the_calibration_once(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey
) -> None:
    client.enroll(random_embeddings(3, DIMENSION), names(3))
    client.store_calibration(FOUND)
    counting, states = CountingService(service), CountingStates()
    with GalleryClient(counting, key, states=states) as opened:
        counting.calls.clear()
        with pytest.MonkeyPatch.context() as patch:
            calls = count_calls(patch, CalibrationSealer, "open")
            found = opened.identify(random_embeddings(3, DIMENSION))
        gallery_id = opened.description.gallery_id

    assert found.threshold == FOUND.threshold
    assert len(calls) == 1
    assert counting.calls == {"manifest": 1, "search": 1}
    others = {gallery_id, restored_id(gallery_id, "default"), wrong_results_id(gallery_id)}
    (calibration_id,) = states.asked.keys() - others
    assert states.asked[calibration_id] == 1


def test_a_look_for_duplicates_reads_the_manifest_once(
    client: GalleryClient, counting: CountingService
) -> None:
    client.enroll(random_embeddings(3, DIMENSION), names(3))
    client.summary()
    counting.calls.clear()

    (found,) = client.find_duplicates(random_embeddings(1, DIMENSION), ["another"], 0.1)

    assert found.found_label == names(1)[0]
    assert counting.calls == {"manifest": 1, "search": 1}


def test_a_verification_reads_the_manifest_once(
    client: GalleryClient, counting: CountingService
) -> None:
    client.enroll(random_embeddings(3, DIMENSION), names(3))
    counting.calls.clear()

    client.verify(deep=True)

    assert counting.calls == {"stored_blocks": 1, "manifest": 1, "block": 1, "references": 1}


# --- check sums -----------------------------------------------------------------------------------


@pytest.fixture
def hinted(counting: CountingService, key: GalleryKey) -> Iterator[GalleryClient]:
    """A client of a gallery of three references with check sums, which it has not read yet."""
    with GalleryClient.create(
        counting,
        key,
        dimension=DIMENSION,
        parameters=SWIFT,
    ) as client:
        client.enroll(random_embeddings(3, DIMENSION), names(3))
    with GalleryClient(counting, key) as opened:
        counting.calls.clear()
        yield opened


def test_a_writer_asks_for_check_sums_once(
    hinted: GalleryClient, counting: CountingService
) -> None:
    for seed in range(1, 4):
        hinted.enroll(random_embeddings(1, DIMENSION, seed=seed), ["one more"])

    assert counting.calls == {
        "manifest": 3,
        "references": 1,
        "block": 1,
        "check_sums": 1,
        "write": 3,
    }


def test_a_search_brings_check_sums_with_it_and_only_those_that_are_not_known(
    hinted: GalleryClient,
    counting: CountingService,
    service: EmbeddedService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    brought = list[bool]()
    search = service.search

    def keep(request: SearchRequest, observer: SearchObserver | None = None) -> SearchResult:
        result = search(request, observer)
        brought.append(bool(result.check_sums))
        return result

    monkeypatch.setattr(service, "search", keep)
    for seed in (1, 2):
        hinted.identify(random_embeddings(1, DIMENSION), threshold=0.1)
        hinted.identify(random_embeddings(1, DIMENSION), threshold=0.1)
        hinted.enroll(random_embeddings(1, DIMENSION, seed=seed), ["one more"])

    assert brought == [True, False, False, False]
    assert "check_sums" not in counting.calls


def test_a_search_of_one_probe_is_one_request(
    hinted: GalleryClient, counting: CountingService
) -> None:
    hinted.identify(random_embeddings(1, DIMENSION), threshold=0.1)

    assert counting.calls == {"search": 1}


def test_a_verification_of_check_sums_asks_for_them_once(
    hinted: GalleryClient, counting: CountingService
) -> None:
    hinted.verify(deep=True)

    assert counting.calls == {
        "stored_blocks": 1,
        "manifest": 1,
        "block": 1,
        "references": 1,
        "check_sums": 1,
    }
