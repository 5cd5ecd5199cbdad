"""Tracks: the faces of a video that are one person's, from the first frame to the last.

Nothing of a gallery is in here: the faces of a track, and the best one among them, depend on the
video alone, and so do the probes of its search.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from gallery.arrays import Floats
from gallery.client.photos.faces import EmbeddedFace, FaceBox
from gallery.client.video.frames import Frame, decode_frame, encode_frame

LEAST_OVERLAP: Final = 0.3
"""Of two boxes' common area in that of both together: from there on they may be one face that has
moved on a little."""

BETTER: Final = 1.25
"""The factor by which a face must be larger to be better than another one of the same flaws."""

LEAST_GAP: Final = 2.0
"""Seconds without a face after which its track is over, at least."""


@dataclass(frozen=True, eq=False)
class Shot:
    """A face in a frame.

    Attributes
    ----------
    face
        The face.
    seconds
        The moment of the frame.
    kept
        The frame, a JPEG of it once the track is over, or None if it is not kept.
    """

    face: EmbeddedFace
    seconds: float
    kept: npt.NDArray[np.uint8] | bytes | None

    @property
    def pixels(self) -> npt.NDArray[np.uint8] | None:
        """The frame, as for `Frame`, or None if it is not kept."""
        return decode_frame(self.kept) if isinstance(self.kept, bytes) else self.kept

    def jpeg(self) -> bytes | None:
        """Return the frame as the bytes of a JPEG file, or None if it is not kept."""
        return encode_frame(self.kept) if isinstance(self.kept, np.ndarray) else self.kept

    def is_better(self, other: Shot) -> bool:
        """Whether the face is fitter to be recognised: fewer warnings, or clearly larger."""
        mine, theirs = (len(shot.face.quality.warnings()) for shot in (self, other))
        if mine != theirs:
            return mine < theirs
        size = self.face.quality.face_size_used
        return size >= BETTER * other.face.quality.face_size_used


class Track:
    """One person's faces, over consecutive frames.

    Attributes
    ----------
    number
        From 1, in the order in which tracks begin.
    first, last
        Moments of the first and the last frame, seconds.
    frames
        How many frames show the face.
    best
        The best shot of it.
    """

    def __init__(self, number: int, shot: Shot) -> None:
        self.number = number
        self.first = self.last = shot.seconds
        self.frames = 1
        self.best = shot
        self._newest = shot.face

    def distance(self, face: EmbeddedFace) -> float:
        """Return the cosine distance to the closer of its newest face and its best one."""
        return min(_cosine(face.embedding, own.embedding) for own in (self._newest, self.best.face))

    def overlap(self, face: EmbeddedFace) -> float:
        """Return the share of the common area of a face's box and that of the newest one."""
        return overlap(face.box, self._newest.box)

    def extend(self, shot: Shot) -> bool:
        """Take in a face; return whether it is better than the best one before."""
        self.last, self._newest = shot.seconds, shot.face
        self.frames += 1
        if better := shot.is_better(self.best):
            self.best = shot
        return better

    def end(self) -> None:
        """Have the best frame take little: of a long video there may be thousands of them."""
        self.best = replace(self.best, kept=self.best.jpeg())


@dataclass(frozen=True, eq=False)
class Step:
    """A step of tracking: the changes that one frame brought.

    Attributes
    ----------
    begun, improved, ended
        Tracks that began with it, have a better shot since, or were over before it.
    """

    begun: tuple[Track, ...]
    improved: tuple[Track, ...]
    ended: tuple[Track, ...]


class Tracker:
    """Follows faces from frame to frame.

    Parameters
    ----------
    near
        The cosine distance up to which two faces that overlap are one person's; faces that do not
        must be half as far apart.
    every
        Seconds between frames.
    keep_pixels
        Whether the frames of best shots are kept.
    """

    def __init__(self, near: float, every: float, *, keep_pixels: bool = False) -> None:
        self._near = near
        self._gap = max(LEAST_GAP, 2.5 * every)
        self._keep_pixels = keep_pixels
        self._open: list[Track] = []
        self._count = 0

    def advance(self, frame: Frame, faces: Sequence[EmbeddedFace]) -> Step:
        """Take in the faces of the next frame."""
        ended = [track for track in self._open if frame.seconds - track.last > self._gap]
        self._open = [track for track in self._open if track not in ended]
        for over in ended:
            over.end()
        pixels = frame.pixels if self._keep_pixels else None
        assigned = self._assign(faces)
        begun, improved = [], []
        for number, face in enumerate(faces):
            shot = Shot(face, frame.seconds, pixels)
            track = assigned.get(number)
            if track is None:
                self._count += 1
                begun.append(Track(self._count, shot))
            elif track.extend(shot):
                improved.append(track)
        self._open += begun
        return Step(tuple(begun), tuple(improved), tuple(ended))

    def end(self) -> tuple[Track, ...]:
        """End what is still open, and return it."""
        ended, self._open = tuple(self._open), []
        for over in ended:
            over.end()
        return ended

    def _assign(self, faces: Iterable[EmbeddedFace]) -> dict[int, Track]:
        """Return the track that each face continues, by the face's number; close pairs go first."""
        pairs = sorted(
            (
                (distance, number, track)
                for number, face in enumerate(faces)
                for track in self._open
                if (distance := track.distance(face)) <= self._limit(track, face)
            ),
            key=lambda pair: (pair[0], pair[1], pair[2].number),
        )
        found: dict[int, Track] = {}
        for _, number, track in pairs:
            if number not in found and track not in found.values():
                found[number] = track
        return found

    def _limit(self, track: Track, face: EmbeddedFace) -> float:
        return self._near if track.overlap(face) >= LEAST_OVERLAP else self._near / 2.0


def overlap(one: FaceBox | None, other: FaceBox | None) -> float:
    """Return the common area of two boxes divided by that of both together, 0 to 1.

    Without boxes the face is all of the frame.
    """
    if one is None or other is None:
        return 1.0
    across = min(one.right, other.right) - max(one.left, other.left)
    down = min(one.bottom, other.bottom) - max(one.top, other.top)
    common = max(0, across) * max(0, down)
    return common / (one.area + other.area - common)


def _cosine(one: Floats, other: Floats) -> float:
    norms = float(np.linalg.norm(one) * np.linalg.norm(other))
    return 1.0 - float(one @ other) / norms
