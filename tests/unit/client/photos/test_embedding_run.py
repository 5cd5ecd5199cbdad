"""Many photos at once: in their order, in worker processes, and not twice."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from gallery.client import CacheFolder, EmbeddingCache, GalleryKey, PhotoEmbedder, hold
from gallery.client.cache import kept_embeddings
from gallery.client.photos import embedding_run
from gallery.client.photos.embedding_run import embed_all
from gallery.client.photos.faces import FaceOutcome
from gallery.errors import GalleryError, NoFaceError, PhotoError, UnreadablePhotoError
from tests.support.photos import LondonPerson

pytestmark = pytest.mark.photos


@pytest.fixture
def folder(tmp_path: Path, london: list[LondonPerson]) -> Path:
    """Return a folder of eight photos: six portraits, one that is damaged, one without a face."""
    for number, person in enumerate(london[:6]):
        shutil.copy(person.neutral, tmp_path / f"{number}.jpg")
    (tmp_path / "6.jpg").write_bytes(london[0].neutral.read_bytes()[:9000])
    from PIL import Image

    Image.new("RGB", (90, 70), "grey").save(tmp_path / "7.jpg")
    return tmp_path


@pytest.fixture
def parallel(deepface_home: Path) -> PhotoEmbedder:
    return PhotoEmbedder("Dlib", download=False, jobs=2)


def embedded(embedder: PhotoEmbedder, paths: Iterable[Path]) -> list[tuple[Path, FaceOutcome]]:
    return list(embed_all(embedder, ((path, hold(path)) for path in paths)))


def workers() -> list[int]:
    """Return the processes that embed photos for this one, which may have others as well."""
    tasks = Path("/proc/self/task").iterdir()
    children = [child for task in tasks for child in content(task / "children").split()]
    return [
        int(child)
        for child in children
        if b"embedding_worker" in content(Path("/proc", child.decode(), "cmdline"))
    ]


def content(path: Path) -> bytes:
    """Return a file of the system on a thread or process; nothing of one that has ended."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def test_workers_give_what_one_process_gives(
    folder: Path,
    parallel: PhotoEmbedder,
    dlib_embedder: PhotoEmbedder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embedding_run, "FEW", 2)
    paths = sorted(folder.iterdir())

    found = embedded(parallel, paths)

    assert [path for path, _ in found] == paths
    for path, outcome in found[:6]:
        (here,) = dlib_embedder.select(hold(path))
        assert isinstance(outcome, tuple)
        (there,) = outcome
        assert np.abs(there.embedding - here.embedding).max() <= 1e-12
        assert (there.quality, there.box) == (here.quality, here.box)
    assert [type(outcome) for _, outcome in found[6:]] == [UnreadablePhotoError, NoFaceError]
    assert str(folder / "6.jpg") in str(found[6][1])
    assert len(parallel.seconds) == 6
    assert not workers()


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
def test_a_worker_that_is_killed_loses_its_own_photo(
    folder: Path, parallel: PhotoEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding_run, "FEW", 2)
    paths = [folder / f"{number}.jpg" for number in (0, 1, 2, 3, 4, 5, 0, 1, 2, 3)]
    failed: list[GalleryError] = []
    while not failed:  # one that is killed while it still starts has no photo to lose
        run = embed_all(parallel, ((path, hold(path)) for path in paths))
        found = [next(run)]
        victim = workers()[0]
        os.kill(victim, signal.SIGKILL)
        found += run

        assert [path for path, _ in found] == paths
        failed = [outcome for _, outcome in found if isinstance(outcome, GalleryError)]
    assert len(failed) == 1
    assert isinstance(failed[0], PhotoError)
    assert f"the worker process {victim} that embedded {folder}" in failed[0].message
    assert "was killed" in failed[0].message
    assert not workers()


def test_a_run_that_is_broken_off_leaves_no_process(
    folder: Path, parallel: PhotoEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding_run, "FEW", 2)
    paths = sorted(folder.iterdir())
    # Nothing is to be done with the first one, so workers are still starting when it comes.
    run = embed_all(parallel, ((path, hold(path) if path != paths[0] else None) for path in paths))
    assert next(run) == (paths[0], ())
    run.close()
    assert sys.platform != "linux" or not workers()


def test_a_few_photos_are_embedded_without_workers(
    folder: Path, dlib_embedder: PhotoEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dlib_embedder, "jobs", 2)
    # A worker would not start.
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    dlib_embedder.seconds.clear()
    found = embedded(dlib_embedder, [folder / "0.jpg"])
    assert isinstance(found[0][1], tuple)
    assert len(dlib_embedder.seconds) == 1


def test_where_no_worker_starts_photos_are_embedded_all_the_same(
    folder: Path, dlib_embedder: PhotoEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding_run, "FEW", 2)
    monkeypatch.setattr(dlib_embedder, "jobs", 2)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    found = embedded(dlib_embedder, [folder / "0.jpg", folder / "7.jpg", folder / "1.jpg"])
    assert [isinstance(outcome, tuple) for _, outcome in found] == [True, False, True]


def test_photos_of_one_face_are_remembered(folder: Path, deepface_home: Path) -> None:
    cache = EmbeddingCache(CacheFolder(folder / "cache"), GalleryKey(b"k" * 32, {}))
    paths = [folder / "0.jpg", folder / "7.jpg", folder / "6.jpg"]
    first, second = (PhotoEmbedder("Dlib", download=False, jobs=1, memory=cache) for _ in range(2))
    # As of photos that are searched with.
    list(embed_all(second, [(0, hold(paths[0]))], remembering=False))
    assert kept_embeddings(CacheFolder(folder / "cache")) == (0, 0)
    second.seconds.clear()

    before, after = embedded(first, paths), embedded(second, paths)

    assert (len(first.seconds), len(second.seconds)) == (1, 0)
    assert isinstance(before[0][1], tuple)
    assert isinstance(after[0][1], tuple)
    assert before[0][1][0].embedding.tobytes() == after[0][1][0].embedding.tobytes()
    assert [type(outcome) for _, outcome in after[1:]] == [NoFaceError, UnreadablePhotoError]
