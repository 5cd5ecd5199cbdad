"""Tracks: which faces of consecutive frames are one person's."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.client import FaceQuality, Frame
from gallery.client.photos.faces import EmbeddedFace, FaceBox
from gallery.client.video.tracks import Track, Tracker, overlap
from tests.support.galleries import random_embeddings
from tests.support.videos import blocks, plain

GOOD = FaceQuality(100, 100, 1.0, 0.1, 200, 0.0, None)
ADA, EVE, BEA = random_embeddings(3, 128)
NOISE = 0.1 * random_embeddings(1, 128, seed=9)[0]
"""What moves a face by a cosine distance of 0.005, and opposite ones by 0.02."""


def face(embedding: np.ndarray, left: int = 0, size: int = 100, used: int = 100) -> EmbeddedFace:
    quality = dataclasses.replace(GOOD, face_size_used=used)
    return EmbeddedFace(embedding, quality, FaceBox(left, 0, size, size))


def run(frames: list[list[EmbeddedFace]], every: float = 0.5) -> list[tuple[float, float, int]]:
    """Return first moment, last moment and number of frames of each track, in order."""
    tracker = Tracker(0.07, every)
    ended: list[Track] = []
    for number, faces in enumerate(frames):
        ended += tracker.advance(Frame(number * every, plain(0)), faces).ended
    tracks = sorted((*ended, *tracker.end()), key=lambda track: track.number)
    return [(track.first, track.last, track.frames) for track in tracks]


def test_a_face_that_stays_is_one_track() -> None:
    assert run([[face(ADA + k * NOISE / 5)] for k in range(5)]) == [(0.0, 2.0, 5)]


def test_a_face_that_moves_is_one_track_by_its_embedding() -> None:
    assert run([[face(ADA, 150 * k)] for k in range(5)]) == [(0.0, 2.0, 5)]


def test_people_who_change_places_keep_their_tracks() -> None:
    frames = [[face(ADA, 0), face(EVE, 300)], [face(EVE, 0), face(ADA, 300)]] * 2
    assert run(frames) == [(0.0, 1.5, 4)] * 2


def test_a_cut_to_somebody_at_the_same_place_begins_a_track() -> None:
    assert run([[face(ADA)], [face(ADA)], [face(EVE)], [face(EVE)]]) == [
        (0.0, 0.5, 2),
        (1.0, 1.5, 2),
    ]


def test_two_faces_of_a_frame_are_never_one_track() -> None:
    assert run([[face(ADA, 0), face(ADA, 300)]] * 2) == [(0.0, 0.5, 2)] * 2


def test_a_face_that_is_away_for_a_moment_goes_on_and_for_longer_comes_anew() -> None:
    there = [face(ADA)]
    assert run([there, [], [], there]) == [(0.0, 1.5, 2)]
    assert run([there, *[[]] * 5, there]) == [(0.0, 0.0, 1), (3.0, 3.0, 1)]


def test_with_few_frames_a_track_bears_a_longer_gap() -> None:
    there = [face(ADA)]
    assert run([there, [], there], every=10.0) == [(0.0, 20.0, 2)]


def test_without_boxes_the_embedding_decides() -> None:
    whole = [EmbeddedFace(item, GOOD, None) for item in (ADA, ADA, EVE)]
    assert run([[item] for item in whole]) == [(0.0, 0.5, 2), (1.0, 1.0, 1)]


def test_the_best_shot_is_the_first_without_fault_or_the_clearly_larger() -> None:
    tracker = Tracker(0.07, 0.5, keep_pixels=True)
    sizes = [50, 100, 110, 130, 40, 200]
    improved = []
    for number, used in enumerate(sizes):
        frame = Frame(number / 2.0, plain(number))
        step = tracker.advance(frame, [face(ADA, used=used)])
        improved += [number for _ in step.improved]
    (track,) = tracker.end()

    assert improved == [1, 3, 5]
    assert (track.best.seconds, track.frames) == (2.5, 6)
    assert track.best.pixels is not None and track.best.pixels[0, 0, 0] == 5


def test_the_frame_of_a_track_that_is_over_takes_little() -> None:
    tracker, pixels = Tracker(0.07, 0.5, keep_pixels=True), blocks(1)
    (track,) = tracker.advance(Frame(0.0, pixels), [face(ADA)]).begun
    before = track.best
    (over,) = tracker.advance(Frame(60.0, blocks(2)), []).ended

    assert before.kept is pixels
    assert isinstance(over.best.kept, bytes)
    assert len(over.best.kept) < pixels.nbytes / 2
    shown = over.best.pixels
    assert shown is not None
    assert shown.shape == pixels.shape
    assert np.abs(shown.astype(int) - pixels).mean() < 8


def test_frames_are_not_kept_unless_they_are_wanted() -> None:
    tracker = Tracker(0.07, 0.5)
    tracker.advance(Frame(0.0, plain(0)), [face(ADA)])
    assert tracker.end()[0].best.pixels is None
    assert tracker.end() == ()


boxes = st.builds(
    FaceBox, st.integers(0, 50), st.integers(0, 50), st.integers(1, 50), st.integers(1, 50)
)


@given(boxes, boxes)
def test_the_overlap_is_the_share_of_common_pixels(one: FaceBox, other: FaceBox) -> None:
    canvas = np.zeros((2, 100, 100), bool)
    for layer, box in zip(canvas, (one, other), strict=True):
        layer[box.top : box.bottom, box.left : box.right] = True
    both, either = (canvas.all(axis=0).sum(), canvas.any(axis=0).sum())

    assert overlap(one, other) == pytest.approx(both / either)
    assert overlap(other, one) == overlap(one, other)


@given(st.lists(st.lists(st.sampled_from([ADA, EVE, BEA]), max_size=3), max_size=12))
def test_each_face_of_each_frame_is_in_one_track(frames: list[list[np.ndarray]]) -> None:
    tracks = run([[face(item, 200 * k) for k, item in enumerate(faces)] for faces in frames])

    assert sum(count for _, _, count in tracks) == sum(map(len, frames))
    assert all(first <= last for first, last, _ in tracks)
