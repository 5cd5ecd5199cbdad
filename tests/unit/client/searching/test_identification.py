"""A search of many probes: the same results as one by one, in bounded memory, and a clean end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import gallery.client.searching.exchange as exchange
from gallery.arrays import residue_bytes
from gallery.client import GalleryClient, GalleryKey, Identification
from gallery.client.integrity.labels import LabelContent, LabelSealer
from gallery.errors import (
    DatabaseError,
    MissingBlockError,
    RequestTooLargeError,
    WrongResultError,
)
from gallery.forwarding import ForwardingService
from gallery.messages import BlockResult, SearchRequest, SearchResult
from gallery.parameters import STANDARD, SWIFT, ParameterSet, find_parameters
from gallery.protocol import SearchObserver
from gallery.server import EmbeddedService
from tests.support.galleries import client_of_each_scheme, names, random_embeddings

__all__ = ["client_of_each_scheme"]


class Watched(ForwardingService):
    """A service that counts requests, and can spoil or refuse one of them."""

    def __init__(self, service: EmbeddedService) -> None:
        super().__init__(service)
        self.sizes: list[int] = []
        self.answered = self.taken = self.most_untaken = 0
        self.begun = threading.Condition()
        self.refused: int | None = None
        self.spoiled: int | None = None
        self.dropped: int | None = None

    def search(
        self, request: SearchRequest, observer: SearchObserver | None = None
    ) -> SearchResult:
        number = len(self.sizes)
        self.sizes.append(len(request.probes))
        self.most_untaken = max(self.most_untaken, len(self.sizes) - self.taken)
        with self.begun:
            self.begun.notify_all()
        if number == self.refused:
            raise DatabaseError("out of order")
        found = super().search(request, observer)
        return replace(found, blocks=self._blocks(found.blocks, number))

    def _blocks(self, blocks: Iterator[BlockResult], number: int) -> Iterator[BlockResult]:
        for block in blocks:
            if number == self.spoiled:
                first, *rest = block.distances
                block = replace(block, distances=(_spoiled(first), *rest))
            if number != self.dropped:
                yield block
        self.answered += 1

    def progress(self, done: int) -> None:
        self.taken += 1


def _spoiled(distances: Any) -> Any:
    residues = distances.residues.copy()
    residues[0, 0, 0] ^= 1
    return replace(distances, residues=residues)


def searching_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name in ("encrypt", "search")]


@pytest.fixture(autouse=True)
def four_probes_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "REQUEST_PROBES", 4)


@pytest.fixture
def watched(service: EmbeddedService) -> Watched:
    return Watched(service)


@pytest.fixture
def filled(client: GalleryClient, watched: Watched, key: GalleryKey) -> Iterator[GalleryClient]:
    """A client of thirty references whose searches are watched."""
    client.enroll(random_embeddings(30, 8), names(30))
    with GalleryClient(watched, key) as opened:
        yield opened


def probes(count: int) -> np.ndarray:
    return random_embeddings(30, 8)[:count] + 0.05 * random_embeddings(count, 8, seed=1)


def rows(found: Identification) -> list[tuple[object, ...]]:
    """Return what was found, row by row, without distances, for these have noise."""
    return [
        (
            found.labels[row].tolist(),
            found.reference_ids[row].tolist(),
            bool(found.decisions[row]),
            int(found.searched[row]),
        )
        for row in range(len(found))
    ]


def test_one_probe_is_searched_for_in_its_callers_thread_so_that_an_interrupt_ends_it(
    filled: GalleryClient, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> SearchResult:
        assert threading.current_thread() is threading.main_thread()
        raise KeyboardInterrupt

    monkeypatch.setattr(watched, "search", interrupted)

    with pytest.raises(KeyboardInterrupt):
        filled.identify(probes(1), threshold=0.05)


# --- the same results -----------------------------------------------------------------------------


def test_many_probes_give_what_they_give_one_by_one_in_their_order(filled: GalleryClient) -> None:
    together = filled.identify(probes(10), k=3, threshold=0.05)
    single = [filled.identify(probe, k=3, threshold=0.05) for probe in probes(10)]

    assert rows(together) == [row for found in single for row in rows(found)]
    alone = np.concatenate([found.distances for found in single])
    np.testing.assert_allclose(together.distances, alone, rtol=0, atol=1e-5)


def test_the_backend_seal_finds_what_the_native_one_finds(
    service: EmbeddedService, key: GalleryKey
) -> None:
    with GalleryClient.create(service, key, dimension=8, parameters=STANDARD) as native:
        native.enroll(random_embeddings(30, 8), names(30))
        expected = native.identify(probes(10), k=3, threshold=0.05)
    with GalleryClient(service, key, backend="seal") as seal:
        found = seal.identify(probes(10), k=3, threshold=0.05)

    assert rows(found) == rows(expected)
    np.testing.assert_allclose(found.distances, expected.distances, rtol=0, atol=1e-5)


def test_lists_longer_than_the_gallery_and_those_of_several_blocks_agree_with_plain_sorting(
    client: GalleryClient,
) -> None:
    embeddings = random_embeddings(4094 + 200, 8)
    client.enroll(embeddings, names(len(embeddings)))
    wanted = probes(6)

    found = client.identify(wanted, k=4500, threshold=0.05)

    units = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    plain = 1.0 - wanted / np.linalg.norm(wanted, axis=1, keepdims=True) @ units.T
    assert np.allclose(found.distances[:, :4294], np.sort(plain, axis=1), atol=1e-6)
    assert np.isinf(found.distances[:, 4294:]).all()
    assert (found.labels[:, 4294:] == "").all()
    closest = [f"person {number}" for number in plain.argmin(axis=1)]
    assert found.labels[:, 0].tolist() == closest
    assert all(len(set(row[:4294].tolist())) == 4294 for row in found.labels)


def test_only_labels_of_candidates_are_opened_and_each_once_a_request(
    filled: GalleryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, original = [], LabelSealer.open_content

    def open_and_count(sealer: LabelSealer, sealed: bytes, reference_id: bytes) -> LabelContent:
        opened.append(reference_id)
        return original(sealer, sealed, reference_id)

    monkeypatch.setattr(LabelSealer, "open_content", open_and_count)
    probe = probes(1)[0]

    found = filled.identify([probe, probe, probe], k=2, threshold=0.05)

    assert sorted(reference_id.hex() for reference_id in opened) == sorted(found.reference_ids[0])


# --- requests -------------------------------------------------------------------------------------


def test_probes_are_sent_in_requests_of_a_bounded_size(
    filled: GalleryClient, watched: Watched
) -> None:
    filled.identify(probes(10), threshold=0.05)

    assert watched.sizes == [4, 4, 2]


def test_a_request_and_its_answer_stay_below_a_number_of_bytes(
    filled: GalleryClient, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    description = filled.description
    parameters = find_parameters(description.parameters)
    largest = max(
        residue_bytes(parameters.probe_shape(description.columns)),
        residue_bytes(parameters.result_shape),
    )
    monkeypatch.setattr(exchange, "REQUEST_BYTES", 3 * largest)
    filled.identify(probes(5), threshold=0.05)
    monkeypatch.setattr(exchange, "REQUEST_BYTES", 1)
    filled.identify(probes(2), threshold=0.05)

    assert watched.sizes == [3, 2, 1, 1]


def test_at_most_two_requests_are_sent_that_are_not_finished(
    filled: GalleryClient, watched: Watched
) -> None:
    def progress(done: int) -> None:
        # However fast it was decrypted, the next one is sent meanwhile, if there is one.
        with watched.begun:
            sent = min(watched.taken + 2, 8)
            assert watched.begun.wait_for(lambda: len(watched.sizes) >= sent, 60)
        watched.progress(done)

    filled.identify(probes(30), threshold=0.05, progress=progress)

    assert len(watched.sizes) == 8
    assert watched.taken == 8
    assert watched.most_untaken == 2, "one that is scanned, one that is decrypted"


def test_references_are_asked_for_once(filled: GalleryClient, watched: Watched) -> None:
    asked: list[dict[int, int]] = []
    search = watched.search

    def keep(request: SearchRequest, observer: SearchObserver | None = None) -> SearchResult:
        asked.append(dict(request.known))
        return search(request, observer)

    watched.search = keep  # type: ignore[method-assign]
    filled.identify(probes(12), threshold=0.05)

    assert [len(known) for known in asked] == [0, 1, 1]


def test_progress_counts_probes_as_they_are_finished(filled: GalleryClient) -> None:
    done: list[int] = []

    filled.identify(probes(10), threshold=0.05, progress=done.append)

    assert done == [4, 4, 2]


# --- errors ---------------------------------------------------------------------------------------


def test_an_error_in_the_middle_is_raised_and_leaves_no_thread(
    filled: GalleryClient, watched: Watched
) -> None:
    watched.refused = 2

    with pytest.raises(DatabaseError, match="out of order"):
        filled.identify(probes(30), threshold=0.05)

    assert len(watched.sizes) == 3
    assert searching_threads() == []


def watched_search(
    service: EmbeddedService, key: GalleryKey, watched: Watched, parameters: ParameterSet
) -> GalleryClient:
    """Return a client of thirty references whose searches are watched."""
    with GalleryClient.create(service, key, dimension=8, parameters=parameters) as client:
        client.enroll(random_embeddings(30, 8), names(30))
    return GalleryClient(watched, key)


def test_a_result_that_decrypts_to_nonsense_stops_no_request(
    service: EmbeddedService, key: GalleryKey, watched: Watched
) -> None:
    watched.spoiled = 1

    with watched_search(service, key, watched, STANDARD) as client:
        with pytest.raises(WrongResultError, match="block 0"):
            client.identify(probes(30), threshold=0.05)

    assert watched.sizes == [4, 4, 4, 4, 4, 4, 4, 2], "a server that sees an abort learns of it"
    assert watched.answered == len(watched.sizes)
    assert searching_threads() == []


def test_a_spoiled_result_of_the_hinted_scheme_stops_nothing_that_was_planned(
    service: EmbeddedService, key: GalleryKey, watched: Watched
) -> None:
    watched.spoiled = 1

    with watched_search(service, key, watched, SWIFT) as client:
        with pytest.raises(WrongResultError, match="nothing of it was decrypted"):
            client.identify(probes(30), threshold=0.05, progress=watched.progress)
        assert (len(watched.sizes), watched.answered, watched.taken) == (8, 8, 8)
        with pytest.raises(WrongResultError, match="until its owner has looked"):
            client.identify(probes(1), threshold=0.05)
        assert len(watched.sizes) == 8, "nothing is sent"
        client.accept_wrong_results()
        assert client.identify(probes(1), threshold=0.05).labels[0, 0] == "person 0"
    assert searching_threads() == []


def test_the_first_error_is_the_one_that_is_raised(filled: GalleryClient, watched: Watched) -> None:
    watched.dropped, watched.refused = 1, 2

    with pytest.raises(MissingBlockError, match="0 of 1 blocks"):
        filled.identify(probes(30), threshold=0.05)

    assert searching_threads() == []


def test_an_interrupt_leaves_no_thread_and_the_client_usable(
    filled: GalleryClient, watched: Watched
) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        filled.identify(probes(30), threshold=0.05, progress=interrupt)

    assert searching_threads() == []
    assert len(watched.sizes) < 8
    assert filled.identify(probes(1), threshold=0.05).labels[0, 0] == "person 0"


class Narrow(ForwardingService):
    """A service that has room for results, and not for references as well."""

    def __init__(self, service: EmbeddedService) -> None:
        super().__init__(service)
        self.asked: list[int] = []

    def search(
        self, request: SearchRequest, observer: SearchObserver | None = None
    ) -> SearchResult:
        self.asked.append(len(request.known))
        if not request.known:
            raise RequestTooLargeError("the answer needs more memory than there is")
        return super().search(request, observer)


def test_references_are_fetched_before_where_they_do_not_fit_into_an_answer(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey
) -> None:
    embeddings = random_embeddings(5, 8)
    client.enroll(embeddings, names(5))
    narrow = Narrow(service)
    with GalleryClient(narrow, key) as other:
        found = other.identify(embeddings, threshold=0.01)

    assert found.labels[:, 0].tolist() == names(5)
    assert narrow.asked[:2] == [0, 1]
    assert all(narrow.asked[1:])


def test_a_search_that_never_fits_is_asked_for_twice_at_most(
    client: GalleryClient,
    service: EmbeddedService,
    key: GalleryKey,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client.enroll(random_embeddings(5, 8), names(5))
    calls: list[int] = []

    def refuse(
        self: ForwardingService, request: SearchRequest, observer: SearchObserver | None = None
    ) -> SearchResult:
        calls.append(len(request.known))
        raise RequestTooLargeError("the answer needs more memory than there is")

    monkeypatch.setattr(Narrow, "search", refuse)
    with GalleryClient(Narrow(service), key) as other:
        for _ in range(2):
            with pytest.raises(RequestTooLargeError):
                other.identify(random_embeddings(1, 8), threshold=0.01)

    assert calls == [0, 1, 1]
