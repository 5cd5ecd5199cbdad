"""One gallery while the desk is unlocked, and what is remembered of it meanwhile."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from gallery.client import GalleryClient
from gallery.desk.accuracy.measuring import Measuring
from gallery.desk.errors import LockedError
from gallery.desk.folders.batch import Batches


@dataclass(frozen=True)
class LastEnrollment:
    """What was enrolled last, so that it can be undone.

    Attributes
    ----------
    label
        Under which label.
    reference_ids
        The references, 32 hexadecimal digits each.
    holder
        Name of who enrolled them.
    people
        How many people they are of; with several the label is the folder's name.
    identifier
        Random, so that an older page undoes nothing else.
    """

    label: str
    reference_ids: tuple[str, ...]
    holder: str
    people: int = 1
    identifier: str = field(default_factory=lambda: secrets.token_urlsafe(16))


class OpenGallery:
    """A gallery that is kept open: one piece of work at a time.

    Attributes
    ----------
    client
        Its client, with references and check sums warm.
    last_enrollment
        What can be undone, or None.
    batches
        Folders that are being sent.
    measuring
        The labelled set at hand, and what was found on it.
    """

    def __init__(self, client: GalleryClient) -> None:
        self.client = client
        self.last_enrollment: LastEnrollment | None = None
        self.batches, self.measuring = Batches(), Measuring()
        self._one_at_a_time = threading.Lock()
        self._closing = False

    @property
    def name(self) -> str:
        """Its name."""
        return self.client.description.name

    @contextmanager
    def working(self) -> Iterator[None]:
        """Hold the gallery for one piece of work."""
        with self._one_at_a_time:
            self.check_open()
            yield

    def check_open(self) -> None:
        """Stop long work that the desk's lock waits for (`LockedError`)."""
        if self._closing:
            raise LockedError("the desk was locked meanwhile: unlock it")

    def close(self) -> None:
        """Close the gallery when what is under way has ended; what waits for it is refused."""
        self._closing = True
        with self._one_at_a_time:
            self.client.close()
