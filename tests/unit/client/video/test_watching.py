"""Videos searched with: who was seen from when to when, as the video's frames say it."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gallery.client import (
    Frame,
    GalleryClient,
    GalleryKey,
    LabelledPhoto,
    PhotoEmbedder,
    Sighting,
    TrustedWeights,
    VideoFile,
)
from gallery.errors import ModelMismatchError
from gallery.server import EmbeddedService
from tests.support.photos import LondonPerson
from tests.support.recording import RecordingService
from tests.support.videos import Picture, Pictures, blocks, write_video

# --- real photos ----------------------------------------------------------------------------------


def picture_of(path: Path) -> Picture:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((280, 280)))


def beside(*pictures: Picture | None) -> Picture:
    """Put pictures of one size beside each other, grey where there is none."""
    shown = next(picture for picture in pictures if picture is not None)
    grey = np.full_like(shown, 128)
    return np.hstack([grey if picture is None else picture for picture in pictures])


@pytest.mark.photos
def test_people_in_a_video_are_named_as_on_its_frames(
    london: list[LondonPerson],
    dlib_embedder: PhotoEmbedder,
    service: EmbeddedService,
    key: GalleryKey,
    tmp_path: Path,
) -> None:
    ada, bea, stranger = london[:3]
    smiling = {person: picture_of(person.smiling) for person in (ada, bea, stranger)}
    scenes = [
        beside(smiling[ada], None),
        beside(smiling[ada], smiling[bea]),
        beside(smiling[bea], smiling[ada]),
        beside(None, smiling[stranger]),
    ]
    clip = write_video(tmp_path / "clip.avi", scenes, 2.0)
    with GalleryClient.create(
        service, key, dimension=128, preprocessing=dlib_embedder.preprocessing
    ) as client:
        photos = [LabelledPhoto(ada.neutral, "Ada"), LabelledPhoto(bea.neutral, "Bea")]
        client.enroll_photos(photos, embedder=dlib_embedder)

        found = list(client.identify_video(VideoFile(clip, 0.5), embedder=dlib_embedder))

        frames = [
            (frame.seconds, face)
            for frame in VideoFile(clip, 0.5).frames()
            for face in dlib_embedder.faces(frame.pixels)
        ]
        alone = client.identify(np.stack([face.embedding for _, face in frames]))

    assert [(item.label, item.first, item.last, item.frames) for item in found] == [
        ("Ada", 0.0, 1.0, 3),
        ("Bea", 0.5, 1.0, 2),
        (None, 1.5, 1.5, 1),
    ]
    assert all(item.ended for item in found)
    by_label = {
        label: {
            row
            for row, item in enumerate(alone.labels[:, 0])
            if alone.decisions[row] and item == label
        }
        for label in ("Ada", "Bea")
    }
    assert [len(by_label["Ada"]), len(by_label["Bea"])] == [3, 2]
    assert not alone.decisions[-1]
    for item in found:
        assert item.found is not None
        row = next(
            row
            for row, (seconds, face) in enumerate(frames)
            if seconds == item.best.seconds and face.box == item.best.face.box
        )
        distance = item.found.distances[item.row, 0]
        assert distance == pytest.approx(alone.distances[row, 0], abs=1e-4)
        assert item.is_match == alone.decisions[row]


# --- a model of random weights, which is quick and tells patterns apart ---------------------------


@pytest.fixture
def embedder(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    deepface_home: Path,
    write_fake_facenet: Callable[[Path], None],
) -> PhotoEmbedder:
    """A fake Facenet, for which all of a picture is a face."""
    write_fake_facenet(deepface_home / ".deepface" / "weights" / "facenet_weights.onnx")
    trusted = TrustedWeights(tmp_path / "trusted.json", accept=True)
    return PhotoEmbedder("Facenet", "skip", download=False, trusted=trusted)


@pytest.fixture
def recorded(service: EmbeddedService) -> RecordingService:
    return RecordingService(service)


@pytest.fixture
def make(
    recorded: RecordingService, key: GalleryKey, embedder: PhotoEmbedder
) -> Callable[..., GalleryClient]:
    """Make a gallery of patterns by their seeds, called after them, over a service that records."""

    def gallery(name: str, seeds: Sequence[int]) -> GalleryClient:
        with GalleryClient.create(
            recorded, key, name, dimension=128, preprocessing=embedder.preprocessing
        ) as client:
            embeddings = np.stack([embedder.faces(blocks(seed))[0].embedding for seed in seeds])
            client.enroll(embeddings, [f"pattern {seed}" for seed in seeds])
        recorded.sent.clear()
        return GalleryClient(recorded, key, name)

    return gallery


def watch(client: GalleryClient, embedder: PhotoEmbedder, source: Pictures) -> list[Sighting]:
    return list(client.identify_video(source, embedder=embedder))


def sent(recorded: RecordingService) -> list[tuple[str, int]]:
    return [(call, len(data)) for call, data in recorded.sent]


@pytest.mark.parametrize("live", [False, True], ids=["file", "live"])
def test_what_is_sent_depends_on_the_video_alone(
    live: bool,
    make: Callable[..., GalleryClient],
    recorded: RecordingService,
    embedder: PhotoEmbedder,
) -> None:
    shown = [blocks(seed) for seed in (1, 1, 2, 3, 3)]
    shown.insert(1, blocks(1, side=320))
    labels, requests = [], []
    for name, seeds in (("knowns", (1, 2, 3)), ("others", (7, 8, 9))):
        with make(name, seeds) as client:
            found = watch(client, embedder, Pictures(shown, live))
            labels.append([item.label for item in found if item.ended])
            requests.append(sent(recorded))

    assert labels == [["pattern 1", "pattern 2", "pattern 3"], [None] * 3]
    assert requests[0] == requests[1]
    searches = [call for call, _ in requests[0] if call == "search"]
    assert len(searches) == (4 if live else 1)


def test_an_interruption_gives_what_was_seen(
    make: Callable[..., GalleryClient], embedder: PhotoEmbedder
) -> None:
    shown = [blocks(seed) for seed in (1, 1, 2, 3)]
    looked_at: list[int] = []

    def interrupt(count: int) -> None:
        looked_at.append(count)
        if len(looked_at) == 3:
            raise KeyboardInterrupt

    for live in (False, True):
        looked_at.clear()
        found = []
        with make(f"live {live}", (1, 2, 3)) as client:
            sightings = client.identify_video(
                Pictures(shown, live), embedder=embedder, progress=interrupt
            )
            with pytest.raises(KeyboardInterrupt):
                for item in sightings:
                    found.append(item)
        assert [item.label for item in found if item.ended] == ["pattern 1", "pattern 2"]


def test_of_a_live_source_hardly_a_frame_is_kept(
    make: Callable[..., GalleryClient], embedder: PhotoEmbedder
) -> None:
    frames: list[weakref.ref[Frame]] = []
    alive: list[int] = []

    class Camera(Pictures):
        def frames(self) -> Generator[Frame, None, None]:
            for number in range(25):
                frame = Frame(3.0 * number, blocks(number % 4))
                frames.append(weakref.ref(frame))
                alive.append(sum(item() is not None for item in frames))
                yield frame
                del frame

    with make("default", (1, 2, 3)) as client:
        source = Camera([], live=True)
        ended = 0
        for item in client.identify_video(source, embedder=embedder, keep_frames=True):
            ended += item.ended

    assert ended == 25
    assert max(alive) <= 3


def test_an_embedder_of_another_gallery_is_refused(
    make: Callable[..., GalleryClient], embedder: PhotoEmbedder
) -> None:
    with make("default", (1,)) as client, pytest.raises(ModelMismatchError):
        client.identify_video(Pictures([], live=False), embedder=PhotoEmbedder("Dlib"))


def test_a_video_without_a_face_sends_no_search(
    make: Callable[..., GalleryClient], recorded: RecordingService, embedder: PhotoEmbedder
) -> None:
    with make("default", (1,)) as client:
        assert watch(client, embedder, Pictures([], live=False)) == []
        assert "search" not in [call for call, _ in sent(recorded)]
