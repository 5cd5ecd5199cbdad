"""An open gallery of the desk, and its state between requests while the desk is unlocked."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from gallery.client import GalleryClient, Reference
from gallery.desk.carried_texts import CarriedTexts
from gallery.desk.errors import LockedError
from gallery.desk.folders.folder_batches import Batches
from gallery.desk.measuring import Measuring
from gallery.desk.thumbnails import Thumbnails
from gallery.errors import ErasurePendingError


@dataclass(frozen=True)
class LastEnrollment:
    """The latest enrollment, which can be undone.

    Attributes
    ----------
    label
        Its label.
    reference_ids
        The references, 32 hexadecimal digits each.
    holder
        Identity of the holder who enrolled them.
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
    thumbnails
        Its thumbnails, or None where none were ever kept.
    last_enrollment
        The enrollment that can be undone, or None.
    batches
        Folders that are being sent.
    carried
        Texts that one page leaves for the next.
    measuring
        The labelled set at hand, and its measurements.
    looked
        Set when `look` has ended, whatever it found.
    """

    def __init__(self, client: GalleryClient, thumbnails: Thumbnails | None = None) -> None:
        self.client, self.thumbnails = client, thumbnails
        self.last_enrollment: LastEnrollment | None = None
        self.batches, self.measuring = Batches(), Measuring()
        self.carried = CarriedTexts()
        self._one_at_a_time = threading.Lock()
        self._closing = False
        self.looked, self._looking = threading.Event(), threading.Lock()

    @property
    def name(self) -> str:
        """Its name."""
        return self.client.description.name

    def takes_look(self) -> bool:
        """Tell whether the caller is the one who has to `look`; true once."""
        return self._looking.acquire(blocking=False)

    def look(self) -> None:
        """Read what the gallery holds, and erase thumbnails that belong to nothing any more."""
        try:
            with self.working():
                self.client.summary()
                self.sweep_thumbnails()
        finally:
            self.looked.set()

    def remove(
        self, *, labels: Sequence[str] = (), reference_ids: Sequence[str] = ()
    ) -> tuple[Reference, ...]:
        """Erase references, and their thumbnails; raises what `GalleryClient.remove` raises.

        Raises
        ------
        ThumbnailError
            If the references are erased, and a thumbnail cannot be.
        """
        chosen = self.client.find(labels=labels, reference_ids=reference_ids)
        identifiers = [item.reference_id for item in chosen]
        try:
            removed = self.client.remove(reference_ids=identifiers)
        except ErasurePendingError:  # they are gone from the gallery all the same
            self._erase_thumbnails(identifiers)
            raise
        self._erase_thumbnails(identifiers)
        return removed

    def sweep_thumbnails(self) -> None:
        """Erase thumbnails whose references are gone, such as by a command (`ThumbnailError`)."""
        if self.thumbnails is not None:
            self.thumbnails.sweep([item.reference_id for item in self.client.references()])

    def keep_thumbnails(self, pictures: Mapping[str, bytes | None]) -> None:
        """Keep the pictures of new references, as far as there are some."""
        if self.thumbnails is not None:
            for reference_id, picture in pictures.items():
                if picture is not None:
                    self.thumbnails.keep(reference_id, picture)

    def _erase_thumbnails(self, reference_ids: Sequence[str]) -> None:
        if self.thumbnails is not None:
            self.thumbnails.erase(reference_ids)

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
