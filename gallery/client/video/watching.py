"""The watch over a video: faces of its frames, tracks of them, and a search for each track.

A file is looked at to its end, and then one search is made with the best face of each track; a live
source is searched for as it goes. Either way the requests depend on the video, and on nothing that
was decrypted.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Protocol

import numpy as np

from gallery.client.embeddings.templates import check_embeddings
from gallery.client.photos.compatibility import check_embedder
from gallery.client.photos.embedder import PhotoEmbedder
from gallery.client.photos.faces import EmbeddedFace
from gallery.client.progress import Progress
from gallery.client.video.frames import Frame
from gallery.client.video.live_searches import LiveSearches
from gallery.client.video.sightings import FaceSearch, Sighting, sighting
from gallery.client.video.tracks import Track, Tracker
from gallery.errors import InvalidEmbeddingError, PhotoError
from gallery.messages import GalleryDescription


class VideoSource(Protocol):
    """A file or a live source."""

    name: str
    every: float
    doubt: str

    @property
    def live(self) -> bool:
        """Whether it has no end."""

    def frames(self) -> Generator[Frame, None, None]:
        """Yield its frames."""

    def steps(self) -> int:
        """Return about how many frames it yields, or 0."""


class VideoWatch:
    """Watches one video.

    Parameters
    ----------
    source
        The video.
    embedder
        Makes embeddings of faces.
    description
        The gallery's.
    search
        Searches it.
    checked_first
        See `LiveSearches`.
    keep_frames
        Whether sightings have the pixels of their best frame.
    told
        Called with a line about what goes wrong on the way and does not end it.

    Raises
    ------
    ModelMismatchError
        If the embedder is not the gallery's.
    """

    def __init__(
        self,
        source: VideoSource,
        embedder: PhotoEmbedder,
        description: GalleryDescription,
        search: FaceSearch,
        *,
        checked_first: bool,
        keep_frames: bool = False,
        told: Callable[[str], None] | None = None,
    ) -> None:
        check_embedder(embedder, description)
        self._source = source
        self._embedder = embedder
        self._description = description
        self._tracker = Tracker(
            embedder.model.thresholds["cosine"], source.every, keep_pixels=keep_frames
        )
        self._told = told or (lambda text: None)
        self._searches = LiveSearches(search, checked_first=checked_first, told=self._told)
        self._search = search
        self._unread = 0

    def watch(self, progress: Progress | None = None) -> Iterator[Sighting]:
        """Yield sightings; after an interruption those so far, and then raise it again.

        Raises
        ------
        VideoError
            The video cannot be read, or the live source not be opened.
        IntegrityError
            The server's answer is not what the owner enrolled.
        """
        self._embedder.prepare()
        ended: list[Track] = []
        interruption: KeyboardInterrupt | None = None
        try:
            with closing(self._source.frames()) as frames:
                for frame in frames:
                    step = self._tracker.advance(frame, self._faces(frame))
                    if self._source.live:
                        yield from self._searches.follow(step)
                    else:
                        ended += step.ended
                    if progress is not None:
                        progress(1)
        except KeyboardInterrupt as error:
            interruption = error
        ended += self._tracker.end()
        if self._unread:
            self._told(f"{self._unread} frames, or faces in them, gave no embedding")
        if self._source.live:
            yield from self._searches.finish(tuple(ended))
        else:
            yield from self._all_at_once(ended)
        if interruption is not None:
            raise interruption

    def _faces(self, frame: Frame) -> list[EmbeddedFace]:
        """Return the faces of a frame that can be searched with."""
        try:
            faces = self._embedder.faces(frame.pixels)
        except PhotoError:
            self._unread += 1
            return []
        good = []
        for face in faces:
            try:
                check_embeddings(face.embedding, self._description)
            except InvalidEmbeddingError:
                self._unread += 1
            else:
                good.append(face)
        return good

    def _all_at_once(self, tracks: list[Track]) -> Iterator[Sighting]:
        if not tracks:
            return
        tracks.sort(key=lambda track: track.number)
        found = self._search(np.stack([track.best.face.embedding for track in tracks]))
        for row, track in enumerate(tracks):
            yield sighting(track, (found, row), ended=True)
