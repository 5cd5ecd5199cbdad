"""One gallery while the desk is unlocked, and what is remembered of it meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gallery.client import GalleryClient
from gallery.desk.errors import LockedError
from gallery.errors import IntegrityError


@dataclass(frozen=True)
class LastEnrollment:
    """What was enrolled last, so that it can be undone.

    Attributes
    ----------
    label
        Under which label.
    reference_ids
        The references, 32 hexadecimal digits each.
    """

    label: str
    reference_ids: tuple[str, ...]


class OpenGallery:
    """A gallery that is kept open: one piece of work at a time.

    Attributes
    ----------
    client
        Its client, with references and check sums warm.
    last_enrollment
        What can be undone, or None.
    alarm
        What the server or the database got wrong, in words; None while all was well.
    """

    def __init__(self, client: GalleryClient) -> None:
        self.client = client
        self.last_enrollment: LastEnrollment | None = None
        self.alarm: str | None = None
        self._one_at_a_time = threading.RLock()
        self._closed = False

    @property
    def name(self) -> str:
        """Its name."""
        return self.client.description.name

    @contextmanager
    def working(self) -> Iterator[None]:
        """Hold the gallery for one piece of work, and keep an alarm that it raises."""
        with self._one_at_a_time:
            if self._closed:
                raise LockedError("the desk was locked meanwhile: unlock it")
            try:
                yield
            except IntegrityError as error:
                self.alarm = str(error)
                raise

    def close(self) -> None:
        """Close the gallery when what is under way has ended."""
        with self._one_at_a_time:
            self._closed = True
            self.client.close()
