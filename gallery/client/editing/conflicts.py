"""Retries of writes that conflict with another writer's, in an order that serves every writer.

Every write names the state that it leads from, and the service refuses it if another write came
first: a compare-and-swap on the version of the manifest. With retries alone, a writer could lose
for ever whose attempts take longer than another's, or that meets one without pauses. So a writer
that has lost *claims* the next write, by a write of its own that changes nothing but the version.
Such a claim takes no encryption and next to no time, makes the attempts under way void, and every
writer that reads the manifest next recognises it and waits.

Claims are a courtesy between writers. The content is kept whole by the compare-and-swap alone, and
a writer without regard for claims costs the others time and nothing else.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from gallery.client.gallery_state import GalleryState
from gallery.client.session import GallerySession
from gallery.errors import WriteConflictError
from gallery.hints import Hint
from gallery.messages import GalleryUpdate

T = TypeVar("T")

_ATTEMPTS = 100
_CLAIM_SECONDS = 30.0
"""Time for which a claim is respected: enough to read, change and send a block on a slow line. The
writer that made the claim may have ended since."""

_POLL_SECONDS = 0.1
"""The longest pause between two readings of the manifest of a claimed gallery."""


class ConflictRetry:
    """One writer's attempts to change a gallery, repeated while other writers come first.

    Parameters
    ----------
    session
        The gallery.
    """

    def __init__(self, session: GallerySession) -> None:
        self._session = session
        self._met_others = False

    def run(self, attempt: Callable[[GalleryState], T], state: GalleryState | None = None) -> T:
        """Call an attempt until no other writer comes first; give up after many of them.

        Parameters
        ----------
        attempt
            Is given a state of the gallery, and writes what leads from there.
        state
            The state to begin with, if it was just read; by default it is read, once for each
            attempt.

        Returns
        -------
        object
            What the attempt returned that succeeded.

        Raises
        ------
        WriteConflictError
            If other writers come first again and again.
        """
        if self._met_others:
            # The others wait for now, and would make void what is begun without a pause.
            time.sleep(_POLL_SECONDS)
            self._met_others, state = False, None
        for lost in range(_ATTEMPTS):
            try:
                state = self._unclaimed(state, lost)
                return attempt(self.claim(state) if lost else state)
            except WriteConflictError:
                self._met_others, state = True, None
                if lost:  # in spite of a claim, which may have been another's just as well
                    time.sleep(random.SystemRandom().uniform(0.0, _POLL_SECONDS))
        raise WriteConflictError(
            "other processes keep changing the gallery; what was finished before is kept",
            hint=Hint.TRY_AGAIN,
        )

    def _unclaimed(self, state: GalleryState | None, lost: int) -> GalleryState:
        """Return the given state, or the newest; wait first while another writer has a claim.

        A writer that has not read the state before a claim does not recognise the claim, and at
        worst makes it void.
        """
        session, version, until = self._session, -1, 0.0
        manifest = session.manifest() if state is None else state.manifest
        while session.claimed:
            self._met_others = True
            if manifest.version != version:
                version, until = manifest.version, time.monotonic() + _CLAIM_SECONDS
            elif time.monotonic() >= until:
                break
            # Random, so that waiting writers do not come all at once, and sooner for a writer that
            # has waited longer.
            time.sleep(random.SystemRandom().uniform(0.1, 1.0) * _POLL_SECONDS / (1 + lost / 4))
            manifest = session.manifest()
        if state is not None and state.manifest == manifest:
            return state
        return session.state(manifest)

    def claim(self, state: GalleryState) -> GalleryState:
        """Write a state as another version of itself, and return that.

        Raises
        ------
        WriteConflictError
            If the state is no longer the newest.
        """
        session, former = self._session, state.manifest
        # Of the former date, by which a claim is told from a refresh.
        signed = session.authenticator.sign(replace(former, version=former.version + 1))
        session.service.write(session.gallery_id, GalleryUpdate(former.version, signed, ()))
        session.remember(signed)
        return GalleryState(signed, state.blocks)
