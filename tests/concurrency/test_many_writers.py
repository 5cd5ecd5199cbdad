"""Processes that enroll into one gallery at the same time lose nothing of each other.

A run takes 8 processes of 25 references each; `GALLERY_LONG=1` takes 500 each. The same is done on
SQLite and on PostgreSQL.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gallery.client import GalleryClient, GalleryKey, write_key_file
from gallery.parameters import STANDARD, SWIFT
from gallery.server import open_service
from tests.concurrency.workers import DIMENSION, SAME, Place, Work, embedding, enroll, label, search
from tests.crashes.processes import PATIENCE_S, warm

WRITERS = 8


@pytest.fixture(params=[STANDARD, SWIFT], ids=lambda parameters: parameters.name)
def place(request: pytest.FixtureRequest, empty_database: str, tmp_path: Path) -> Place:
    """An empty gallery of each scheme."""
    key = GalleryKey.generate()
    place = Place(empty_database, tmp_path / "owner.key", tmp_path / "owner.seen")
    write_key_file(place.key_file, key, None)
    with open_service(place.url, create=True) as service:
        GalleryClient.create(service, key, dimension=DIMENSION, parameters=request.param).close()
    return place


def test_nothing_is_lost_when_many_enroll_while_another_searches(
    place: Place, long: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    each, batch = (500, 50) if long else (25, 5)
    everybody = WRITERS * each

    writers, searcher = work_together(place, each, batch)

    with capsys.disabled():
        print(f"\n{summary(writers, searcher)}")
    assert [trouble for work in (*writers, searcher) for trouble in work.wrong] == []
    assert searcher.refused == []
    if long:
        refused = [trouble for work in writers for trouble in work.refused]
        assert refused == [], "a writer was told to run its command again"
    assert sorted(number for work in writers for number in work.enrolled) == [*range(everybody)]
    with open_service(place.url) as service, place.client(service) as client:
        assert Counter(item.label for item in client.references()) == Counter(
            label(number) for number in range(everybody)
        )
        assert client.verify(deep=True).findings == ()
        asked = range(0, everybody, 8 if long else 1)
        found = client.identify(np.stack([embedding(number) for number in asked]), threshold=SAME)
        assert [*found.labels[:, 0]] == [label(number) for number in asked]
        assert found.decisions.all()


def work_together(place: Place, each: int, batch: int) -> tuple[list[Work], Work]:
    """Let all writers and one searcher start at once; return what they did."""
    start, stop = warm.Barrier(WRITERS + 1), warm.Event()
    shares = [[*range(at, WRITERS * each, WRITERS)] for at in range(WRITERS)]
    tasks: list[tuple[Callable[..., None], tuple[object, ...]]] = [
        (enroll, (place, share, batch, start)) for share in shares
    ]
    tasks.append((search, (place, WRITERS * each, start, stop)))
    running = []
    for target, arguments in tasks:
        pipe, far_end = warm.Pipe(duplex=False)
        process = warm.Process(target=target, args=(*arguments, far_end))
        process.start()
        far_end.close()
        running.append((process, pipe))
    results: list[Work] = []
    try:
        for number, (_, pipe) in enumerate(running):
            if number == WRITERS:
                stop.set()
            assert pipe.poll(4 * PATIENCE_S), "a process hangs"
            results.append(pipe.recv())
    finally:
        for process, pipe in running:
            process.join(1) if len(results) == len(running) else process.kill()
            process.join()
            process.close()
            pipe.close()
    return results[:-1], results[-1]


def summary(writers: list[Work], searcher: Work) -> str:
    attempts = [tries for work in writers for tries in work.attempts]
    return (
        f"{len(attempts)} writes by {len(writers)} processes in "
        f"{max(work.seconds for work in writers):.1f} s, {sum(attempts)} tries, "
        f"{max(attempts)} at most for one; {sum(len(work.refused) for work in writers)} refused; "
        f"{searcher.searches} searches, {len(searcher.refused)} refused"
    )
