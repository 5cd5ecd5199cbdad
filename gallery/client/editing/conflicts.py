"""Taking turns with others who write to a gallery, so that nobody loses again and again.

Every write names the state that it leads from, and is refused if somebody else came first. Who has
lost would begin anew at a random moment of the other's next attempt, and who takes longer than the
others, or meets one who never pauses, would lose for ever. So who has lost *claims* the next turn:
by a write that changes nothing but the version. It takes no encryption and so no time to speak of,
it makes the attempts under way void, and whoever looks at the gallery next sees it and waits.

A claim is a matter of politeness between writers. What keeps their work whole is that a write is
refused if it does not lead from the newest state, and a claim that nobody respects costs time only.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from gallery.client.session import GallerySession
from gallery.errors import WriteConflictError
from gallery.messages import GalleryUpdate, Manifest

T = TypeVar("T")

_ATTEMPTS = 100
_PATIENCE_S = 30.0
"""How long a claim is respected: it takes as long to read, change and send a block on a slow line,
and whoever claimed a turn may have ended before it came."""

_GLANCE_S = 0.1
"""The longest pause between two looks at a gallery that somebody else has claimed."""


class ConflictRetry:
    """A writer's turns at one gallery.

    Parameters
    ----------
    session
        The gallery, as this writer sees it.
    """

    def __init__(self, session: GallerySession) -> None:
        self._session = session
        self._met_others = False

    def take(self, attempt: Callable[[], T]) -> T:
        """Call until no other process comes first; after many tries give up.

        Parameters
        ----------
        attempt
            Reads the gallery, and writes what leads from there.

        Raises
        ------
        WriteConflictError
            If other processes come first again and again.
        """
        if self._met_others:
            # They wait, and would make void what is begun now.
            time.sleep(_GLANCE_S)
            self._met_others = False
        for lost in range(_ATTEMPTS):
            try:
                state = self._give_way(lost)
                if lost:
                    self._claim(state)
                return attempt()
            except WriteConflictError:
                self._met_others = True
                if lost:  # in spite of a claim, which may have been another's just as well
                    time.sleep(random.SystemRandom().uniform(0.0, _GLANCE_S))
        raise WriteConflictError(
            "other processes keep changing the gallery; run the command again, "
            "what it has finished is kept"
        )

    def _give_way(self, lost: int) -> Manifest:
        """Wait while the turn is somebody else's; return the state after that.

        Who has not seen the state before a claim does not know it as one, and at worst makes it
        void.
        """
        session, version, until = self._session, -1, 0.0
        while True:
            manifest = session.manifest()
            if not session.claimed:
                return manifest
            self._met_others = True
            if manifest.version != version:
                version, until = manifest.version, time.monotonic() + _PATIENCE_S
            elif time.monotonic() >= until:
                return manifest
            # Random, so that those who wait do not come all at once, and the sooner the longer
            # they have waited.
            time.sleep(random.SystemRandom().uniform(0.1, 1.0) * _GLANCE_S / (1 + lost / 4))

    def _claim(self, manifest: Manifest) -> None:
        """Make a state another version of itself (`WriteConflictError` if it is not the newest)."""
        session = self._session
        claim = Manifest(manifest.gallery_id, manifest.version + 1, manifest.entries)
        signed = session.authenticator.sign(claim)
        session.service.write(session.gallery_id, GalleryUpdate(manifest.version, signed, ()))
        session.remember(signed)
