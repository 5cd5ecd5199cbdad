"""The demo's gallery: which model it takes, and what it measures."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import cast

import pytest

from gallery.client import GalleryClient, GalleryKey
from gallery.demo.embeddings import make_embeddings
from gallery.demo.samples import Samples
from gallery.demo.story import DemoGallery, best_embedder
from gallery.demo.timing import TimedService
from gallery.protocol import GalleryService
from gallery.server import open_service

needs_deepface = pytest.mark.skipif(
    importlib.util.find_spec("deepface") is None, reason="the photos extra is not installed"
)


@pytest.mark.photos
@needs_deepface
def test_without_facenets_weights_it_takes_the_model_that_needs_no_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))

    assert best_embedder().model.name == "Dlib"


@pytest.mark.photos
@needs_deepface
def test_every_decision_of_the_demo_is_right(
    samples: Samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    with DemoGallery.made_in(tmp_path, best_embedder()) as gallery:
        done = gallery.enroll(samples)
        searches = list(gallery.searches(samples))

    assert (done.photos, done.people) == (3, 2)
    assert [search.expected for search in searches] == ["obama"] * 3 + [None]
    assert all(search.is_right for search in searches)
    assert all(0 < search.server_ms <= search.search_ms for search in searches)
    assert (tmp_path / "demo.key").is_file()


def test_the_time_of_the_server_is_that_of_its_searches_alone(tmp_path: Path) -> None:
    samples = make_embeddings()
    with open_service(f"sqlite:///{tmp_path / 'gallery.db'}", create=True) as embedded:
        service = TimedService(embedded)
        with GalleryClient.create(
            cast(GalleryService, service), GalleryKey.generate(), dimension=128, threshold=0.4
        ) as client:
            client.enroll(samples.people.embeddings[:3], samples.people.labels[:3])
            before = service.take_search_ms()
            client.identify(samples.probes.embeddings[0])
            first, again = service.take_search_ms(), service.take_search_ms()

    assert before == 0.0
    assert first > 0.0
    assert again == 0.0
