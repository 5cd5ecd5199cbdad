"""The enrollment of one folder in pieces: its progress, and the faces that wait for an answer."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from gallery.arrays import Floats
from gallery.desk.errors import BadRequestError
from gallery.desk.folders.sent_folder import SentFolder
from gallery.desk.folders.tally import Tally
from gallery.desk.texts import english

_MOST_BATCHES = 4
"""Folders that one holder has under way in a gallery; the oldest gives way."""

_MOST_HELD = 1000
"""Faces that wait for an answer; each takes some KiB."""


@dataclass(frozen=True, eq=False)
class HeldFace:
    """A face that matches another person, kept until somebody says that they are two.

    Attributes
    ----------
    path, label
        The photo's path in the folder, and whom the folder says that it shows.
    embedding, digest
        The face, and the SHA-256 of its photo.
    distance, threshold
        From the other person, rounded, and the largest distance of a match.
    picture
        A thumbnail, if these are kept.
    """

    path: str
    label: str
    embedding: Floats
    digest: bytes
    distance: float
    threshold: float
    picture: bytes | None = None


@dataclass(eq=False)
class HeldPair:
    """Two people whose faces match, and the faces of the first that were not enrolled for that."""

    label: str
    other: str
    faces: list[HeldFace] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Its name in forms, which stays when others come before it."""
        both = f"{self.label}\0{self.other}".encode()
        return f"pair-{hashlib.sha256(both).hexdigest()[:16]}"

    @property
    def closest(self) -> HeldFace:
        """The face that is closest to the other person."""
        return min(self.faces, key=lambda face: face.distance)

    @property
    def farthest(self) -> HeldFace:
        """The face that is farthest from the other person."""
        return max(self.faces, key=lambda face: face.distance)


class SentBatch:
    """A folder that is being sent.

    Attributes
    ----------
    identifier
        Random, so that nobody else goes on with it.
    holder
        Identity of the holder who sends it.
    name
        Of the folder.
    folder
        The part of it that was sent so far.
    """

    def __init__(self, holder: str, name: str) -> None:
        self.identifier = secrets.token_urlsafe(16)
        self.holder, self.name, self.folder = holder, name, SentFolder()


class FolderBatch(SentBatch):
    """A folder that is being enrolled.

    Attributes
    ----------
    added
        The references that are new, 32 hexadecimal digits each.
    people
        Labels of those who have one of them.
    present
        Photos that were enrolled before.
    poor
        Path of each photo that is poor, and what is poor about it, in words.
    outliers
        Paths of photos that are unlike the others of their label.
    unheld
        Faces that match another person and were not kept, since too many wait already.
    undo
        The identifier that names all of it to an undo, once something was added.
    """

    def __init__(self, holder: str, name: str) -> None:
        super().__init__(holder, name)
        self.undo = secrets.token_urlsafe(16)
        self.added: list[str] = []
        self.people: set[str] = set()
        self.present = self.unheld = 0
        self.poor: Tally[tuple[str, str]] = Tally()
        self.outliers: Tally[str] = Tally()
        self._held: dict[tuple[str, str], HeldPair] = {}

    @property
    def held(self) -> tuple[HeldPair, ...]:
        """Pairs of people that wait for an answer, in the order of their names."""
        return tuple(self._held[key] for key in sorted(self._held))

    def hold(self, face: HeldFace, other: str) -> None:
        """Keep a face that matches another person."""
        if sum(len(pair.faces) for pair in self._held.values()) >= _MOST_HELD:
            self.unheld += 1
            return
        self._held.setdefault((face.label, other), HeldPair(face.label, other)).faces.append(face)

    def release(self, keys: Iterable[tuple[str, str]]) -> list[HeldPair]:
        """Give out pairs of those labels, and keep them no longer."""
        return [self._held.pop(key) for key in keys if key in self._held]

    def put_back(self, pairs: Iterable[HeldPair]) -> None:
        """Keep pairs again that were given out."""
        self._held |= {(pair.label, pair.other): pair for pair in pairs}


AnyBatch = TypeVar("AnyBatch", bound=SentBatch)


class Batches:
    """The folders that are under way in a gallery."""

    def __init__(self) -> None:
        self._batches: dict[str, SentBatch] = {}

    def add(self, batch: AnyBatch) -> AnyBatch:
        """Keep a folder that is begun with."""
        own = [item for item in self._batches.values() if item.holder == batch.holder]
        for oldest in own[: max(0, len(own) + 1 - _MOST_BATCHES)]:
            self.end(oldest)
        self._batches[batch.identifier] = batch
        return batch

    def find(self, kind: type[AnyBatch], identifier: str, holder: str) -> AnyBatch:
        """Return a folder that somebody has begun (`BadRequestError` if there is none)."""
        found = self._batches.get(identifier)
        if not isinstance(found, kind) or found.holder != holder:
            raise BadRequestError(english()("folder.gone"))
        return found

    def end(self, batch: SentBatch) -> None:
        """Forget a folder."""
        self._batches.pop(batch.identifier, None)

    def undone(self, undo: str) -> None:
        """Take note that what a folder added was erased again."""
        for batch in self._batches.values():
            if isinstance(batch, FolderBatch) and batch.undo == undo:
                batch.added.clear()
                batch.people.clear()
