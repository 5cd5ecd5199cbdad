"""The searches for a live source: a face as soon as it appears, and once more with a better one.

The requests, and their times, depend on the video and on whether the server can be reached, and on
nothing that was decrypted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np

from gallery.client.video.sightings import Answer, FaceSearch, Sighting, sighting
from gallery.client.video.tracks import Step, Track
from gallery.errors import IntegrityError, ServerError

_WAITING: Final = 256
"""Most faces that wait for a server that does not answer; the oldest are given up."""

_FIRST_PAUSE: Final = 5.0
_LONGEST_PAUSE: Final = 300.0
"""Seconds until a server that did not answer is asked again: the first time, and at most."""


class LiveSearches:
    """The searches for the tracks of a live source, in spite of a server that comes and goes.

    Parameters
    ----------
    search
        Searches the gallery.
    checked_first
        Whether a wrong answer of the server is noticed before anything of it is decrypted. Where
        it is not, a wrong answer must not end what is sent.
    told
        Called with a line about what goes wrong on the way and does not end it.
    """

    def __init__(
        self, search: FaceSearch, *, checked_first: bool, told: Callable[[str], None]
    ) -> None:
        self._search = search
        self._checked_first = checked_first
        self._told = told
        self._answers: dict[int, Answer] = {}
        """The newest of each track that is not over."""
        self._improved: set[int] = set()
        """Tracks that were searched for twice."""
        self._waiting: dict[int, Track] = {}
        self._over: set[int] = set()
        """Tracks that wait and are over."""
        self._ask_at, self._pause = 0.0, _FIRST_PAUSE
        self._wrong: IntegrityError | None = None

    def follow(self, step: Step) -> Iterator[Sighting]:
        """Take in what a frame has changed; yield what is known by now."""
        yield from self._take(step)
        if time.monotonic() >= self._ask_at:
            yield from self._ask()

    def finish(self, ended: Sequence[Track]) -> Iterator[Sighting]:
        """Search with what waits, and yield the last sightings.

        Raises
        ------
        IntegrityError
            If an answer before was not what the owner enrolled.
        """
        yield from self._take(Step((), (), tuple(ended)))
        yield from self._ask()
        for track in tuple(self._waiting.values()):
            yield self._given_up(track)
        if self._wrong is not None:
            raise self._wrong

    def _take(self, step: Step) -> Iterator[Sighting]:
        """Have better and new faces wait; yield what is over and waits for nothing."""
        better = [track for track in step.improved if track.number not in self._improved]
        self._improved.update(track.number for track in better)
        self._waiting.update({track.number: track for track in (*step.begun, *better)})
        for track in step.ended:
            if track.number in self._waiting:
                self._over.add(track.number)
            else:
                yield self._last(track)

    def _ask(self) -> Iterator[Sighting]:
        """Search with the faces that wait."""
        for track in tuple(self._waiting.values())[:-_WAITING]:
            yield self._given_up(track)
        tracks = tuple(self._waiting.values())
        if not tracks:
            return
        try:
            found = self._search(np.stack([track.best.face.embedding for track in tracks]))
        except ServerError as error:
            self._postpone(error)
            return
        except IntegrityError as error:
            if self._checked_first:
                raise
            # That it failed came out of a decryption: the server must not see it by silence, nor
            # by a search that is repeated.
            if self._wrong is None:
                self._told(error.message)
            self._wrong = self._wrong or error
            for track in tracks:
                yield self._given_up(track)
            return
        if self._pause > _FIRST_PAUSE:
            self._told("the server answers again")
        self._ask_at, self._pause = 0.0, _FIRST_PAUSE
        self._waiting.clear()
        for row, track in enumerate(tracks):
            self._answers[track.number] = found, row
            if track.number in self._over:
                yield self._last(track)
            else:
                yield sighting(track, self._answers[track.number], ended=False)

    def _postpone(self, error: ServerError) -> None:
        if self._pause == _FIRST_PAUSE:
            self._told(f"{error.message}; faces wait until the server answers")
        self._ask_at = time.monotonic() + self._pause
        self._pause = min(_LONGEST_PAUSE, 2.0 * self._pause)

    def _given_up(self, track: Track) -> Sighting:
        """Return the sighting of a track whose face waited too long."""
        del self._waiting[track.number]
        if track.number in self._over:
            return self._last(track)
        return sighting(track, self._answers.get(track.number), ended=False)

    def _last(self, track: Track) -> Sighting:
        self._improved.discard(track.number)
        self._over.discard(track.number)
        return sighting(track, self._answers.pop(track.number, None), ended=True)
