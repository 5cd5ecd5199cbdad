"""Small galleries to search, and an evaluator that can be watched and held up."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from gallery.evaluator import make_evaluator
from gallery.messages import (
    BlockResult,
    BlockUpdate,
    EncryptedBlock,
    EncryptedProbe,
    GalleryUpdate,
    Manifest,
    ReferenceTable,
    SearchRequest,
)
from gallery.parameters import COMPACT, LIGHT, ParameterSet, find_parameters
from gallery.server import EmbeddedService
from gallery.server.scanning.scanner import LocalScanner
from gallery.store import Database, GalleryStore
from tests.support.builders import (
    check_sums,
    description,
    entry_of,
    header_of,
    hinted_description,
    probe,
    random_columns,
    random_hint,
    reference,
    stamped,
)

BLOCK_BYTES = random_columns().nbytes
PATIENCE = 60
"""Seconds after which a test gives up waiting for what should have happened long ago."""


class WatchedEvaluator:
    """The kernel, which tells what it is given, and waits while it is held.

    Attributes
    ----------
    calls
        Number of blocks and of probes of each call.
    columns
        Weak references to all residues of blocks that were scanned.
    """

    def __init__(self) -> None:
        self._kernel = make_evaluator(threads=1)
        self._free = threading.Event()
        self._free.set()
        self.reset()

    def reset(self) -> None:
        """Forget the calls so far."""
        self._entered = threading.Semaphore(0)
        self.calls: list[tuple[int, int]] = []
        self.columns: list[weakref.ref[np.ndarray]] = []

    def distances(
        self, columns: np.ndarray, probe: np.ndarray, parameters: ParameterSet
    ) -> np.ndarray:
        return self._kernel.distances(columns, probe, parameters)

    def distances_many(
        self, columns: np.ndarray, probes: Sequence[np.ndarray], parameters: ParameterSet
    ) -> np.ndarray:
        return self._kernel.distances_many(columns, probes, parameters)

    def distances_of_blocks(
        self,
        blocks: Sequence[np.ndarray],
        probes: Sequence[np.ndarray],
        parameters: ParameterSet,
    ) -> list[list[np.ndarray]]:
        self.calls.append((len(blocks), len(probes)))
        self.columns += [weakref.ref(columns) for columns in blocks]
        self._entered.release()
        assert self._free.wait(PATIENCE)
        return self._kernel.distances_of_blocks(blocks, probes, parameters)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold up whoever computes until the end of the block."""
        self._free.clear()
        try:
            yield
        finally:
            self._free.set()

    def wait_for_a_call(self) -> None:
        assert self._entered.acquire(timeout=PATIENCE)


@contextmanager
def watched_service(
    url: str, cache_size: int = 0
) -> Iterator[tuple[EmbeddedService, WatchedEvaluator]]:
    """Open a service on a database that is there already."""
    database, evaluator = Database(url), WatchedEvaluator()
    store = GalleryStore(database)
    service = EmbeddedService(store, LocalScanner(store, evaluator, cache_size))
    try:
        yield service, evaluator
    finally:
        service.close()
        database.close()


def gallery_id(number: int) -> bytes:
    return bytes([number]) * 16


def block_of(
    gallery: int,
    index: int,
    version: int,
    references: int = 2,
    parameters: ParameterSet = COMPACT,
) -> BlockUpdate:
    """Return a block with references that no other block has."""
    positions = range(100 * gallery + 5 * index, 100 * gallery + 5 * index + references)
    number = 10_000 * gallery + 100 * index + version
    columns, hint = random_columns(parameters, seed=number), random_hint(parameters, number)
    table = ReferenceTable.of(
        gallery_id(gallery), index, version, [reference(at) for at in positions], hint
    )
    header = header_of(columns, table, positions, parameters)
    return BlockUpdate(EncryptedBlock(header, columns), table)


def manifest_of(gallery: int, version: int, blocks: Sequence[BlockUpdate]) -> Manifest:
    entries = tuple(entry_of(item.block.header) for item in blocks)
    return stamped(Manifest(gallery_id(gallery), version, entries))


def fill(service: EmbeddedService, gallery: int, blocks: int) -> None:
    """Make a gallery with as many blocks."""
    made = description(gallery_id=gallery_id(gallery), name=f"gallery {gallery}")
    content = [block_of(gallery, index, 2) for index in range(blocks)]
    service.restore(made, manifest_of(gallery, 2, content), content)


def fill_hinted(service: EmbeddedService, gallery: int, blocks: int) -> None:
    """Make a gallery of a hinted set with as many blocks."""
    made = hinted_description(LIGHT, gallery_id=gallery_id(gallery), name=f"gallery {gallery}")
    content = [block_of(gallery, index, 2, parameters=LIGHT) for index in range(blocks)]
    service.restore(made, manifest_of(gallery, 2, content), content, check_sums(LIGHT))


def rewrite(service: EmbeddedService, gallery: int, index: int, *, purge: bool = False) -> None:
    """Write a new version of one block, with one reference fewer."""
    current = service.manifest(gallery_id(gallery))
    version = current.version + 1
    item = block_of(gallery, index, version, references=1)
    entries = list(current.entries)
    entries[index] = entry_of(item.block.header)
    manifest = stamped(Manifest(gallery_id(gallery), version, tuple(entries)))
    service.write(
        gallery_id(gallery), GalleryUpdate(current.version, manifest, (item,), purge=purge)
    )


def request_of(
    gallery: int,
    *seeds: int,
    known: dict[int, int] | None = None,
    parameters: ParameterSet = COMPACT,
) -> SearchRequest:
    """Return a search with a probe for each seed."""
    probes = tuple(
        replace(probe(seed, parameters=parameters), probe_id=seed.to_bytes(16, "little"))
        for seed in seeds or (1,)
    )
    return SearchRequest(gallery_id(gallery), probes, known or {})


def search(service: EmbeddedService, request: SearchRequest) -> list[BlockResult]:
    return list(service.search(request).blocks)


def search_together(
    service: EmbeddedService, evaluator: WatchedEvaluator, requests: Sequence[SearchRequest]
) -> list[list[BlockResult] | BaseException]:
    """Search with all at once, so that the others wait, in order, for the first's pass."""
    with ThreadPoolExecutor(len(requests)) as pool:
        with evaluator.held():
            first = pool.submit(search, service, requests[0])
            evaluator.wait_for_a_call()
            outcomes = [first]
            for request in requests[1:]:
                outcomes.append(pool.submit(search, service, request))
                wait_until_waiting(service, len(outcomes) - 1)
        return [item.exception(PATIENCE) or item.result() for item in outcomes]


def wait_until_waiting(service: EmbeddedService, count: int) -> None:
    pause = threading.Event()
    for _ in range(1000 * PATIENCE):
        if service.waiting_searches() == count:
            return
        pause.wait(0.001)
    raise AssertionError(f"{service.waiting_searches()} searches wait, not {count}")


def assert_right(
    service: EmbeddedService, request: SearchRequest, results: Sequence[BlockResult]
) -> None:
    """Check each result against the kernel on the block and on the probe alone."""
    manifest = service.manifest(request.gallery_id)
    assert [entry_of(result.header) for result in results] == list(manifest.entries)
    kernel = make_evaluator(threads=1)
    for index, result in enumerate(results):
        block = service.block(request.gallery_id, index)
        table = service.references(request.gallery_id, index).table
        known = request.known.get(index) == block.header.version
        assert result.references == (None if known else table)
        for one, found in zip(request.probes, result.distances, strict=True):
            _assert_distances(kernel.distances, block, one, found)


def _assert_distances(distances, block, one: EncryptedProbe, found) -> None:
    stated = (found.probe_id, found.block_index, found.block_version)
    assert stated == (one.probe_id, block.header.index, block.header.version)
    np.testing.assert_array_equal(
        found.residues,
        distances(block.columns, one.constants, find_parameters(one.parameters)).reshape(
            found.residues.shape
        ),
    )
