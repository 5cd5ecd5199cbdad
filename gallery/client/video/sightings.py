"""A sighting: a person in a video, with the moments of the first and the last frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gallery.arrays import Floats
from gallery.client.searching.candidates import Identification
from gallery.client.video.tracks import Shot, Track

FaceSearch = Callable[[Floats], Identification]
"""Searches a gallery with embeddings of shape (n, d)."""

Answer = tuple[Identification, int]
"""The outcome of a search, and the row of a face in it."""


@dataclass(frozen=True, eq=False)
class Sighting:
    """A person who was seen in a video.

    Attributes
    ----------
    track
        The number of the track, from 1.
    first, last
        Moments of the first and the last frame that show the face: seconds from the beginning of a
        file, or since 1970 UTC of a live source.
    frames
        How many frames were looked at that show it.
    best
        The best shot so far. Of a file it was searched with; of a live source it may be better
        than the second one, after which no more is asked.
    ended
        Whether the track is over; a live source has a sighting before, and one when it is.
    found
        The outcome of the search, or None if there was none or it failed.
    row
        The row of the face in `found`.
    """

    track: int
    first: float
    last: float
    frames: int
    best: Shot
    ended: bool
    found: Identification | None
    row: int

    @property
    def is_match(self) -> bool:
        """Whether the face matches somebody."""
        return self.found is not None and bool(self.found.decisions[self.row])

    @property
    def label(self) -> str | None:
        """The label of whom it matches."""
        if self.found is None or not self.is_match:
            return None
        return str(self.found.labels[self.row, 0])


def sighting(track: Track, answer: Answer | None, *, ended: bool) -> Sighting:
    """Return that of a track, with what was found of its face."""
    found, row = answer or (None, 0)
    return Sighting(
        track.number, track.first, track.last, track.frames, track.best, ended, found, row
    )
