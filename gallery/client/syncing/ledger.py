"""Ledgers: the owner's records of the references that came into a gallery from each folder.

A ledger holds, for each photo of a folder, the content tags of what was or was to be enrolled of
it. It is written *before* anything is enrolled or relabelled, so that whatever an interruption
leaves in the gallery is known to be the folder's. Tags are keyed hashes; names of photos and all
else is sealed with the owner's key.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from gallery.client.atomic_file import atomic_write
from gallery.client.integrity.sealing import Sealer
from gallery.client.session import GallerySession
from gallery.errors import AuthenticationError, LedgerError, WriteConflictError
from gallery.hints import Hint
from gallery.messages.naming import normal_name

_FORMAT: Final = b"EFG folder ledger "
_HEAD: Final = _FORMAT + b"1\n"
_SUFFIX: Final = ".ledger"
_NAME_SIZE: Final = 16


@dataclass(frozen=True)
class Claim:
    """A claim of a ledger: a reference that was enrolled from a photo, or was to be.

    Attributes
    ----------
    tag
        The content tag, 16 bytes.
    reference_id
        The reference, by which it is known although it was relabelled since, 16 bytes; empty as
        long as it is not known.
    """

    tag: bytes
    reference_id: bytes = b""


@dataclass(frozen=True)
class Stamp:
    """The stamp of a file: its size and times, and the digest of the content that it had then.

    Attributes
    ----------
    size, modified, changed, inode
        As `os.stat` has them; times in nanoseconds.
    digest
        Digest of the content, 32 bytes.
    """

    size: int
    modified: int
    changed: int
    inode: int
    digest: bytes

    def holds_for(self, found: os.stat_result) -> bool:
        """Whether a file is still the one that had this content."""
        return (self.size, self.modified, self.changed, self.inode) == (
            found.st_size,
            found.st_mtime_ns,
            found.st_ctime_ns,
            found.st_ino,
        )


@dataclass
class Ledger:
    """The ledger of one folder: the references that came from it.

    Attributes
    ----------
    claims
        By the name of a photo within the folder, with slashes.
    stamps
        Contents that need not be read again, by name.
    """

    claims: dict[str, tuple[Claim, ...]] = field(default_factory=dict)
    stamps: dict[str, Stamp] = field(default_factory=dict)

    def tags(self) -> set[bytes]:
        """Return all content tags."""
        return {claim.tag for claims in self.claims.values() for claim in claims}

    def reference_ids(self) -> set[bytes]:
        """Return all references that are known."""
        known = {claim.reference_id for claims in self.claims.values() for claim in claims}
        return known - {b""}

    def claim(self, name: str, tag: bytes) -> None:
        """Claim a content of a photo, beside what is claimed of it already."""
        before = self.claims.get(name, ())
        if all(claim.tag != tag for claim in before):
            self.claims[name] = (*before, Claim(tag))

    def pack(self) -> bytes:
        """Return it as bytes, not sealed yet."""
        claims = {
            name: [[claim.tag.hex(), claim.reference_id.hex()] for claim in some]
            for name, some in self.claims.items()
        }
        stamps = {
            name: [item.size, item.modified, item.changed, item.inode, item.digest.hex()]
            for name, item in self.stamps.items()
        }
        # In ASCII: the bytes of a name that is no UTF-8 are lone surrogates.
        return json.dumps({"claims": claims, "stamps": stamps}).encode("ascii")

    @classmethod
    def unpack(cls, packed: bytes) -> Ledger:
        """Return the ledger that `pack` packed."""
        found: dict[str, dict[str, Any]] = json.loads(packed)
        claims = {
            name: tuple(Claim(bytes.fromhex(tag), bytes.fromhex(known)) for tag, known in some)
            for name, some in found["claims"].items()
        }
        stamps = {
            name: Stamp(size, modified, changed, inode, bytes.fromhex(digest))
            for name, (size, modified, changed, inode, digest) in found["stamps"].items()
        }
        return cls(claims, stamps)


class LedgerFile:
    """The ledger of one folder and one gallery, in a file of its own.

    Parameters
    ----------
    session
        The gallery.
    place
        The folder of ledgers; made when it is first needed, for its owner alone.
    folder
        The folder of photos.
    """

    def __init__(self, session: GallerySession, place: Path, folder: Path) -> None:
        # Restored galleries have the identifier of what was backed up, and another name.
        of_gallery = session.gallery_id + normal_name(session.description.name).encode("utf-8")
        names = session.key.subkey("folder ledger names", session.gallery_id)
        real = os.path.realpath(folder)
        self._gallery = names.mac(of_gallery)[:_NAME_SIZE].hex()
        own = names.mac(of_gallery + b"\0" + os.fsencode(real))[:_NAME_SIZE].hex()
        self._sealer = Sealer(session.key.subkey("folder ledgers", session.gallery_id), of_gallery)
        self._place, self._folder = place, folder
        self.path = place / f"{self._gallery}-{own}{_SUFFIX}"
        self.damaged = False

    def read(self) -> Ledger:
        """Return the ledger, which is empty if there is none or it is damaged; see ``damaged``.

        Raises
        ------
        LedgerError
            If there is one that cannot be read, or of a newer version of this program.
        """
        self.damaged = False
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return Ledger()
        except OSError as error:
            raise self._unusable("read", error) from error
        found = self._opened(content, self.path)
        self.damaged = found is None
        return found or Ledger()

    def write(self, ledger: Ledger) -> None:
        """Write the ledger in the place of the former (`LedgerError`)."""
        sealed = self._sealer.seal(ledger.pack(), _bound_to(self.path))
        try:
            self._make_place()
            with atomic_write(self.path, overwrite=True) as file:
                file.write(_HEAD + sealed)
        except OSError as error:
            raise self._unusable("written", error) from error

    def claimed_by_others(self) -> set[bytes]:
        """Return the content tags that other folders of the same gallery claim."""
        claimed = set[bytes]()
        with suppress(OSError):
            for path in sorted(self._place.glob(f"{self._gallery}-*{_SUFFIX}")):
                if path != self.path:
                    found = self._opened(path.read_bytes(), path)
                    claimed |= set() if found is None else found.tags()
        return claimed

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from bringing the same folder and gallery in step meanwhile.

        Raises
        ------
        WriteConflictError
            If one does it just now.
        LedgerError
            If nothing can be written here.
        """
        import fcntl  # not on every system

        try:
            self._make_place()
            handle = os.open(self.path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise self._unusable("written", error) from error
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise WriteConflictError(
                    f"another process is bringing the gallery in step with {self._folder}",
                    hint=Hint.TRY_AGAIN,
                ) from None
            except OSError:  # a file system without locks
                pass
            yield
        finally:
            os.close(handle)

    def _opened(self, content: bytes, path: Path) -> Ledger | None:
        """Return the content of a file, or None if it is damaged."""
        if content.startswith(_FORMAT) and not content.startswith(_HEAD):
            raise LedgerError(f"{path} was written by a newer version of this program")
        try:
            return Ledger.unpack(self._sealer.open(content.removeprefix(_HEAD), _bound_to(path)))
        except AuthenticationError:
            return None

    def _make_place(self) -> None:
        self._place.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _unusable(self, what: str, error: OSError) -> LedgerError:
        return LedgerError(
            f"{self.path}, which remembers what came from {self._folder}, cannot be {what}: "
            f"{error.strerror or error}"
        )


def _bound_to(path: Path) -> bytes:
    """Return the place that a ledger is sealed for: its file's name, for gallery and folder."""
    return path.name.encode("ascii")
