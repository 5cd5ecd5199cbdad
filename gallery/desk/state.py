"""The state that all handlers of a running desk share."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection

from gallery.client import FaceSelection
from gallery.desk.access.rate_limits import SearchRates
from gallery.desk.access.scopes import Holder
from gallery.desk.access.sessions import Sessions
from gallery.desk.access.tokens import TokenFile
from gallery.desk.beginning import Beginning
from gallery.desk.config import DeskConfig
from gallery.desk.decisions.entries import HowSearched
from gallery.desk.identifying import FaceDecision
from gallery.desk.jobs import Jobs
from gallery.desk.listeners import Listeners
from gallery.desk.measuring import Evaluate
from gallery.desk.owner import Owner
from gallery.desk.photo_faces import FaceReader, PhotoOfFaces, Upload
from gallery.desk.stages import STAGE_SECONDS
from gallery.web.statistics import RequestStatistics


def _statistics() -> RequestStatistics:
    statistics = RequestStatistics("gallery_desk")
    statistics.registry.register(STAGE_SECONDS)
    return statistics


@dataclass(frozen=True)
class DeskState:
    """The parts of a running desk.

    Attributes
    ----------
    config
        Settings and limits.
    owner
        The key and the galleries, locked or open.
    reader
        The reader of faces in photos.
    sessions, tokens, rates
        Sessions, tokens and their rate limits.
    needs_passphrase
        Whether the key file is sealed with one.
    evaluate
        The function that evaluates a labelled set, or None where that cannot be done here.
    beginning
        Makes the key file and the gallery, which were not there; None where they were.
    jobs
        Long work that pages follow.
    statistics
        Figures of requests.
    listeners
        The listeners to results.
    stopping
        Set when the desk ends.
    closed
        Set when it has ended: the key is dropped and all galleries are closed.
    """

    config: DeskConfig
    owner: Owner
    reader: FaceReader
    sessions: Sessions
    tokens: TokenFile
    rates: SearchRates
    needs_passphrase: bool
    evaluate: Evaluate | None = None
    beginning: Beginning | None = None
    jobs: Jobs = field(default_factory=Jobs)
    statistics: RequestStatistics = field(default_factory=_statistics)
    listeners: Listeners = field(default_factory=Listeners)
    stopping: threading.Event = field(default_factory=threading.Event)
    closed: threading.Event = field(default_factory=threading.Event)

    def log_decisions(
        self, gallery: str, holder: Holder, how: HowSearched, found: Iterable[FaceDecision]
    ) -> None:
        """Write a search into the owner's log, if there is one."""
        if self.owner.log is not None:
            self.owner.log.record(gallery, holder, how, found)

    @property
    def lacks_gallery(self) -> bool:
        """Whether the gallery is to be made first."""
        return self.beginning is not None and not self.beginning.is_over

    @property
    def cookie(self) -> str:
        """Name of the session's cookie; browsers keep cookies by host, whatever the port."""
        prefix = "__Host-" if self.config.tls else ""
        return f"{prefix}gallery-desk-{self.config.port}"

    def faces_in(
        self,
        gallery: str,
        uploads: list[Upload],
        holder: Holder,
        selection: FaceSelection = "all",
    ) -> tuple[PhotoOfFaces, ...]:
        """Return the faces in photos that are meant, by a gallery's model.

        Others use the gallery meanwhile. The faces are probes of the holder's and count as such,
        photos before they are looked at.

        Raises
        ------
        TooManySearchesError
            If the holder has searched too often.
        LockedError, UnknownGalleryError, BusyError, ModelMismatchError
            If the gallery cannot be used, or not with photos.
        """
        self.rates.take(holder, len(uploads))
        with self.owner.in_use():
            with self.owner.gallery(gallery) as opened:
                embedder = self.reader.embedder(opened.client)
            read = self.reader.read(embedder, uploads)
        photos = tuple(photo.chosen(selection) for photo in read)
        self.rates.take_faces(holder, [len(photo.faces) for photo in photos])
        return photos


def state_of(connection: HTTPConnection) -> DeskState:
    """Return the state of the desk that handles a request."""
    found: DeskState = connection.app.state.desk
    return found
