"""Searches for a live source: when they are made, and what a server that fails makes of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from gallery.client import FaceQuality, Frame, GalleryClient, GalleryKey, Sighting
from gallery.client.photos.faces import EmbeddedFace, FaceBox
from gallery.client.video import live_searches
from gallery.client.video.live_searches import LiveSearches
from gallery.client.video.tracks import Step, Tracker
from gallery.errors import ServerError, WrongResultError
from gallery.parameters import STANDARD, SWIFT, ParameterSet
from gallery.server import EmbeddedService
from tests.support.galleries import random_embeddings
from tests.support.interception import InterceptedService
from tests.support.lies import random_result
from tests.support.lying import Answer, LyingService
from tests.support.videos import plain

PEOPLE = random_embeddings(6, 16)
NAMES = ["Ada", "Bea", "Cleo"]
"""Of the first three; the others are strangers."""


def step(tracker: Tracker, at: float, *shown: int, used: int = 100) -> Step:
    """Take in a frame that shows some of the people, each at a place of its own."""
    quality = FaceQuality(used, used, 1.0, 0.1, 200, 0.0, None)
    faces = [EmbeddedFace(PEOPLE[n], quality, FaceBox(200 * n, 0, 100, 100)) for n in shown]
    return tracker.advance(Frame(at, plain(0)), faces)


@dataclass
class Watched:
    """Searches of a gallery, and how many faces each had."""

    client: GalleryClient
    checked_first: bool = True
    asked: list[int] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    tracker: Tracker = field(default_factory=lambda: Tracker(0.07, 0.5))

    def __post_init__(self) -> None:
        self.searches = LiveSearches(
            self.search, checked_first=self.checked_first, told=self.told.append
        )

    def search(self, embeddings: np.ndarray) -> Any:
        self.asked.append(len(embeddings))
        return self.client.identify(embeddings, threshold=0.01)

    def see(self, at: float, *shown: int, used: int = 100) -> list[str]:
        return list(map(said, self.searches.follow(step(self.tracker, at, *shown, used=used))))

    def finish(self) -> list[str]:
        return list(map(said, self.searches.finish(self.tracker.end())))


def said(item: Sighting) -> str:
    who = "failed" if item.found is None else item.label or "stranger"
    return f"{item.track} {who}{' gone' if item.ended else ''}"


@pytest.fixture
def make(service: EmbeddedService, key: GalleryKey) -> Callable[..., GalleryClient]:
    """Make a gallery of the people with names, and open it over another service."""

    def gallery(
        over: Callable[[EmbeddedService], Any] = lambda service: service,
        parameters: ParameterSet = SWIFT,
    ) -> GalleryClient:
        with GalleryClient.create(service, key, dimension=16, parameters=parameters) as client:
            client.enroll(PEOPLE[:3], NAMES)
        return GalleryClient(over(service), key)

    return gallery


def test_a_face_is_searched_with_when_it_appears_and_told_of_when_it_goes(
    make: Callable[..., GalleryClient],
) -> None:
    watched = Watched(make())

    assert watched.see(0.0, 0) == ["1 Ada"]
    assert watched.see(0.5, 0) == []
    assert sorted(watched.see(1.0, 0, 1, 4)) == ["2 Bea", "3 stranger"]
    assert watched.see(5.0, 4) == ["1 Ada gone", "2 Bea gone", "3 stranger gone", "4 stranger"]
    assert watched.finish() == ["4 stranger gone"]
    assert watched.asked == [1, 2, 1]


def test_a_better_face_is_searched_with_once(make: Callable[..., GalleryClient]) -> None:
    watched = Watched(make())
    for at, used in enumerate((100, 130, 170, 230)):
        watched.see(at / 2.0, 0, used=used)

    assert watched.finish() == ["1 Ada gone"]
    assert watched.asked == [1, 1]


def test_faces_wait_for_a_server_that_is_away(
    make: Callable[..., GalleryClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    away = [True]

    def answer(call: Callable[[], Any]) -> Any:
        if away[0]:
            raise ServerError("the server does not answer")
        return call()

    watched = Watched(make(lambda service: InterceptedService(service, ["search"], answer)))
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    assert watched.see(0.0, 0) == []
    assert watched.see(0.5, 0, 1) == []
    assert watched.see(5.0, 2) == []  # Ada and Bea are gone, and wait all the same
    assert watched.asked == [1]
    now[0] += 5.0
    assert watched.see(5.5, 2) == []
    away[0] = False
    now[0] += 9.0
    assert watched.see(6.0, 2) == []
    now[0] += 1.0

    assert watched.see(6.5, 2) == ["1 Ada gone", "2 Bea gone", "3 Cleo"]
    assert watched.asked == [1, 3, 3]
    assert watched.told == [
        "the server does not answer; faces wait until the server answers",
        "the server answers again",
    ]


def test_no_more_faces_wait_than_there_is_room_for(
    make: Callable[..., GalleryClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(call: Callable[[], Any]) -> Any:
        raise ServerError("the server does not answer")

    monkeypatch.setattr(live_searches, "_WAITING", 2)
    monkeypatch.setattr(live_searches, "_FIRST_PAUSE", 0.0)
    watched = Watched(make(lambda service: InterceptedService(service, ["search"], refuse)))

    assert watched.see(0.0, 0, 1, 2) == ["1 failed"]
    assert watched.see(5.0, 3) == ["1 failed gone", "2 failed gone"]
    assert sorted(watched.finish()) == ["3 failed gone", "4 failed gone"]
    assert watched.asked == [2, 2, 2]


def garbage(request: object, answer: Answer) -> Answer:
    random = np.random.default_rng(1)
    return answer.with_residues(
        [[random_result(random, STANDARD) for _ in row] for row in answer.residues()]
    )


def test_what_is_sent_does_not_depend_on_a_result_that_was_found_wrong_by_decryption(
    make: Callable[..., GalleryClient], key: GalleryKey
) -> None:
    services: list[LyingService] = []

    def lying(service: EmbeddedService) -> LyingService:
        services.append(LyingService(service))
        return services[0]

    make(lying, STANDARD).close()
    asked = []
    for lie in (None, garbage):
        services[0].begin(lie, at={1})
        watched = Watched(GalleryClient(services[0], key), checked_first=False)
        seen = watched.see(0.0, 0) + watched.see(0.5, 0, 1) + watched.see(1.0, 0, 1, 2)
        if lie is None:
            watched.finish()
        else:
            with pytest.raises(WrongResultError):
                watched.finish()
        asked.append(services[0].asked)
        assert seen == ["1 Ada", "2 failed" if lie else "2 Bea", "3 Cleo"]

    assert [name for name, _ in asked[0]].count("search") == 3
    assert asked[0] == asked[1]


def test_a_wrong_result_that_is_noticed_before_decryption_ends_it(
    make: Callable[..., GalleryClient],
) -> None:
    services: list[LyingService] = []

    def lying(service: EmbeddedService) -> LyingService:
        services.append(LyingService(service))
        return services[0]

    watched = Watched(make(lying))
    services[0].begin(
        lambda request, answer: answer.with_residues(
            [[item ^ np.uint32(1) for item in row] for row in answer.residues()]
        )
    )
    with pytest.raises(WrongResultError):
        watched.see(0.0, 0)
