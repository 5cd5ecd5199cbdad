"""Methods of an open gallery that keep it: its state, checks, compaction and backups."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gallery.client.integrity.clock import age
from gallery.client.methods.opened_gallery import OpenedGallery
from gallery.client.progress import Progress
from gallery.messages import Manifest

if TYPE_CHECKING:
    from gallery.client.editing.removal import Compactor
    from gallery.client.verification import VerificationReport


@dataclass(frozen=True)
class Summary:
    """The size of a gallery, and the state that it is in.

    Attributes
    ----------
    references, blocks
        How many of each there are.
    version
        Number of the state.
    signed
        When the owner signed it, seconds since 1970 UTC; None if an earlier version of this program
        did, which signed no date.
    lineage
        16 random bytes, drawn when the gallery was restored from a backup; empty if it never was.
    """

    references: int
    blocks: int
    version: int
    signed: int | None = None
    lineage: bytes = b""

    @property
    def age(self) -> int | None:
        """The seconds since it was signed, by the clock of this machine.

        Below 0 if the clock of the one that signed it is ahead, None if there is no date.
        """
        return age(self.signed)


class UpkeepMethods(OpenedGallery):
    """The methods that check a gallery, compact it and back it up."""

    def summary(self) -> Summary:
        """Return the counts, the version and the age of the gallery."""
        state = self._session.state()
        manifest = state.manifest
        return Summary(
            len(state),
            len(state.blocks),
            manifest.version,
            manifest.signed,
            manifest.lineage,
        )

    def block_count(self) -> int:
        """Return the number of blocks that the manifest names, without reading any of them."""
        return len(self._session.manifest().entries)

    def check_newest(self) -> None:
        """Check what can be without reading a block: that searches would not be refused at once.

        Raises
        ------
        RolledBackError, StaleManifestError, AuthenticationError
            If the state is not the newest that was seen, too old, or not what the owner wrote.
        WrongResultError
            If the server has given wrong results before, and that was not accepted since.
        """
        self._session.manifest()
        self._session.check_trust()

    def verify(self, *, deep: bool = False, progress: Progress | None = None) -> VerificationReport:
        """Check the gallery: every statement, digest and label, and if ``deep`` every template.

        Parameters
        ----------
        deep
            Whether every block is decrypted, and every template checked.
        progress
            Called with the number of blocks that were just finished.

        Returns
        -------
        VerificationReport
            The counts, and a finding for everything that is damaged.
        """
        from gallery.client.verification import Verifier

        return Verifier(self._session).run(deep=deep, progress=progress)

    def refresh(self, *, accept_unseen: bool = False) -> Manifest:
        """Sign the newest state of the gallery anew, with the date of today and no other change.

        Readers of the gallery with a ``max_age`` then take it for new. Call it where the newest
        state is known. With a ``max_age``, an older state is not signed anew.

        Parameters
        ----------
        accept_unseen
            Whether to sign what the server shows, whatever it is, where no state of the gallery was
            seen before (``states``).

        Returns
        -------
        Manifest
            The newest: the new one, or what another process has written meanwhile.

        Raises
        ------
        UnseenStateError
            If no state of the gallery was seen before, and that is not accepted.
        StaleManifestError, RolledBackError, AuthenticationError
            If the state is not the newest, or not what the owner wrote.
        WriteConflictError
            If other processes keep changing the gallery.
        """
        from gallery.client.editing.refresh import refresh_manifest

        return refresh_manifest(self._session, accept_unseen=accept_unseen)

    def accept_rollback(self) -> None:
        """Take the present state of the database for the newest, though a newer one was seen.

        For an owner who put a backup back on purpose.

        Raises
        ------
        AuthenticationError
            If the present state is not what the owner wrote.
        """
        self._session.accept_present()

    def accept_wrong_results(self) -> None:
        """Search again although the server has given wrong results.

        For an owner who knows what was wrong, and has put it right: such as faulty memory.
        """
        self._session.trust_again()

    def excess_blocks(self) -> int:
        """Return the number of blocks that `compact` would drop."""
        return self._compactor().excess()

    def compact(self, *, progress: Progress | None = None) -> int:
        """Move references into the holes that removals left; return the number of blocks dropped.

        Every step leaves a whole gallery. Traces of what was removed before are cleared as well
        (`ErasurePendingError` as in `remove`).

        Parameters
        ----------
        progress
            Called with the number of blocks that were just dropped.

        Returns
        -------
        int
            The number of blocks that were dropped.
        """
        return self._compactor().run(progress)

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
        from gallery.client.backup import write_backup

        write_backup(self._session, path, progress)

    def _compactor(self) -> Compactor:
        from gallery.client.editing.removal import Compactor

        return Compactor(self._session)
