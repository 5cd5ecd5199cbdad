"""What an owner does with a gallery besides enrolling and searching."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from gallery.client.backup import write_backup
from gallery.client.editing.removal import Compactor, Remover
from gallery.client.facade.opened import OpenGallery
from gallery.client.integrity.audit import Auditor, AuditReport
from gallery.client.integrity.labels import normalize_label
from gallery.errors import ReferenceNotFoundError

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Reference:
    """One enrolled reference, as its owner sees it."""

    reference_id: str
    label: str
    block_index: int
    position: int


@dataclass(frozen=True)
class Summary:
    """How much a gallery holds: references, blocks, and the version of its manifest."""

    references: int
    blocks: int
    version: int


class UpkeepMethods(OpenGallery):
    """Looks after one gallery: lists, erases, compacts, backs up, audits."""

    def summary(self) -> Summary:
        """Return the counts and the version of the gallery."""
        state = self._view.state()
        return Summary(len(state), len(state.blocks), state.manifest.version)

    def block_count(self) -> int:
        """Return the number of blocks that the manifest names, without reading any of them."""
        return len(self._view.manifest().entries)

    def references(self) -> Iterator[Reference]:
        """Yield all references by block and position, with their labels opened."""
        for index, block in enumerate(self._view.state().blocks):
            for item in block.table:
                label = self._view.labels.open(item.sealed_label, item.reference_id)
                yield Reference(item.reference_id.hex(), label, index, item.position)

    def find(self, names: Sequence[str]) -> tuple[Reference, ...]:
        """Return the references that labels and reference identifiers name.

        Raises
        ------
        ReferenceNotFoundError
            If one of the names is neither.
        """
        found: dict[str, Reference] = {}
        everything = list(self.references())
        for name in names:
            label = normalize_label(name)
            meant = [item for item in everything if item.reference_id == name]
            meant = meant or [item for item in everything if item.label == label]
            if not meant:
                raise ReferenceNotFoundError(
                    f"gallery {self.description.name!r} holds no reference named {name!r}; "
                    "gallery list shows what it holds"
                )
            found |= {item.reference_id: item for item in meant}
        return tuple(found.values())

    def remove(
        self, names: Sequence[str], *, progress: Progress | None = None
    ) -> tuple[Reference, ...]:
        """Erase references.

        Parameters
        ----------
        names
            Labels, which stand for all references that have them, and reference identifiers.
        progress
            Called with the number of references that were just erased.

        Returns
        -------
        tuple of Reference
            What was erased. It is in no row, free page or log of the database any more.

        Raises
        ------
        ReferenceNotFoundError
            If one of the names is neither; nothing is erased then.
        ErasurePendingError
            If the references are erased from the tables, but other processes that read the
            database keep traces of them in its files; `compact` tries again.
        """
        chosen = self.find(names)
        identifiers = {bytes.fromhex(item.reference_id) for item in chosen}
        Remover(self._view).remove(identifiers, progress)
        return chosen

    def excess_blocks(self) -> int:
        """Return how many blocks `compact` would drop."""
        return Compactor(self._view).excess()

    def compact(self, *, progress: Progress | None = None) -> int:
        """Move references into the holes that removals left; return the number of blocks dropped.

        Every step leaves a whole gallery. Traces of what was removed before are cleared as well
        (`ErasurePendingError` as in `remove`).
        """
        return Compactor(self._view).run(progress)

    def export(self, path: str | os.PathLike[str], progress: Progress | None = None) -> None:
        """Write a backup of the gallery into a new file, from which `restore` makes it again.

        Parameters
        ----------
        path
            The file. It holds what the database holds, nothing more in clear, and opens with the
            owner's key alone.
        progress
            Called with the number of blocks that were just finished.

        Raises
        ------
        BackupExistsError
            If there is such a file already.
        BackupError
            If the file cannot be written.
        IntegrityError
            If anything in the gallery is not what its owner wrote.
        WriteConflictError
            If the gallery keeps changing while it is read.
        """
        write_backup(self._view, path, progress)

    def accept_rollback(self) -> None:
        """Take the present state of the database for the newest, though a newer one was seen.

        For an owner who put a backup back on purpose.
        """
        self._view.forget()

    def verify(self, *, deep: bool = False, progress: Progress | None = None) -> AuditReport:
        """Audit the gallery: every statement, digest and label, and if ``deep`` every template."""
        return Auditor(self._view).run(deep=deep, progress=progress)

    def _erase_former(self, labels: Iterable[str], kept: Iterable[str]) -> None:
        """Erase the references of labels but those to keep."""
        renewed, staying = set(labels), set(kept)
        former = [
            item.reference_id
            for item in self.references()
            if item.label in renewed and item.reference_id not in staying
        ]
        if former:
            self.remove(former)
