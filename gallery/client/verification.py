"""The verification of a gallery: a check that everything in it is what its owner wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gallery.ciphertexts.blocks import canary_positions
from gallery.client.progress import Progress
from gallery.client.session import GallerySession
from gallery.errors import AuthenticationError, GalleryError
from gallery.messages import (
    BlockReferences,
    EncryptedBlock,
    Manifest,
    ManifestEntry,
    ReferenceTable,
    StoredReference,
)

_UNLISTED = 100
"""Findings of blocks that no manifest names, beyond which they are counted."""


@dataclass(frozen=True)
class Finding:
    """One damaged thing: what it is, and what is wrong with it."""

    subject: str
    problem: str


@dataclass(frozen=True)
class VerificationReport:
    """The outcome of a verification: how much was checked, and the findings.

    Attributes
    ----------
    blocks, references
        How many of each were looked at.
    deep
        Whether the blocks were decrypted.
    findings
        Everything that is wrong; empty for a sound gallery.
    """

    blocks: int
    references: int
    deep: bool
    findings: tuple[Finding, ...]


class SummedBlocks:
    """Sums up blocks that were read and checked, to compare with a gallery's check sums."""

    def __init__(self, session: GallerySession) -> None:
        self._sums = session.scheme.open_check(b"")
        self._entries: list[ManifestEntry] = []

    def add(self, block: EncryptedBlock) -> None:
        """Add a block."""
        header = block.header
        self._entries.append(ManifestEntry(header.index, header.version, header.mac))
        if self._sums is not None:
            self._sums.add(header, block.columns)

    def are_of(self, manifest: Manifest, plain: bytes) -> bool:
        """Tell whether these are the sums of a manifest's blocks, as far as can be told.

        If other blocks were read than the manifest names, nothing can: one was damaged, and is a
        finding, or another process has changed it since.
        """
        if self._sums is None or not self._entries or tuple(self._entries) != manifest.entries:
            return True
        return self._sums.seal() == plain


class Verifier:
    """Checks every statement, digest and label of one gallery, and on request every template."""

    def __init__(self, session: GallerySession) -> None:
        self._session = session

    def run(self, *, deep: bool, progress: Progress | None = None) -> VerificationReport:
        """Verify the gallery.

        The check sums of results must open, and with ``deep`` they must be those of the blocks. The
        second check is left to the next verification if another process changes a block meanwhile.

        Parameters
        ----------
        deep
            Whether to decrypt every block as well.
        progress
            Called with the number of blocks that were just finished.

        Raises
        ------
        IntegrityError
            If the manifest itself does not verify: nothing else can be checked then.
        """
        # Listed before the manifest is read, so that a block written meanwhile is in the manifest.
        stored = self._session.service.stored_blocks(self._session.gallery_id)
        manifest = self._session.manifest()
        findings = _unlisted(stored, manifest)
        references, summed = 0, SummedBlocks(self._session) if deep else None
        for entry in manifest.entries:
            count, found = self.check(entry, deep=deep, summed=summed)
            references += count
            findings += found
            if progress is not None:
                progress(1)
        findings += self._check_sums(manifest, summed)
        return VerificationReport(len(manifest.entries), references, deep, tuple(findings))

    def check(
        self, entry: ManifestEntry, *, deep: bool, summed: SummedBlocks | None = None
    ) -> tuple[int, list[Finding]]:
        """Verify a block of a checked manifest; return its references' number, and the findings.

        A block that another process has changed or dropped meanwhile is verified as it is now.
        """
        findings: list[Finding] = []
        try:
            references, block = self._check_current(entry, deep, findings)
        except GalleryError as error:
            return 0, [*findings, Finding(f"block {entry.index}", error.message)]
        if summed is not None and block is not None:
            summed.add(block)
        return references, findings

    def _check_current(
        self, entry: ManifestEntry, deep: bool, findings: list[Finding]
    ) -> tuple[int, EncryptedBlock | None]:
        """Check a block, or its present version if another process has changed it meanwhile."""
        while True:
            try:
                return self._check(entry, deep, findings)
            except GalleryError:
                entries = self._session.manifest().entries
                if entry.index >= len(entries):
                    return 0, None
                if entries[entry.index] == entry:
                    raise
                # No recursion: a server may have kept thousands of states to show one by one.
                entry = entries[entry.index]

    def _check(
        self, entry: ManifestEntry, deep: bool, findings: list[Finding]
    ) -> tuple[int, EncryptedBlock]:
        """Check a block; return its references' number, and the block."""
        session = self._session
        block = session.service.block(session.gallery_id, entry.index)
        block.check()
        stored = session.service.references(session.gallery_id, entry.index)
        table = session.accept_references(block.header, stored.table, entry)
        for reference in table:
            try:
                self._check_label(reference)
            except GalleryError as error:
                subject = f"reference {reference.reference_id.hex()}"
                findings.append(Finding(subject, error.message))
        self._check_places(BlockReferences(block.header, table))
        if deep:
            self._check_templates(block, table)
        return len(table), block

    def _check_sums(self, manifest: Manifest, summed: SummedBlocks | None) -> list[Finding]:
        """Check the check sums of the blocks that a checked manifest names, if there are any."""
        session, keeper = self._session, self._session.check_sums
        if not keeper.are_kept:
            return []
        while True:
            sealed = session.service.check_sums(session.gallery_id)
            try:
                plain = keeper.unsealed(manifest, sealed)
                break
            except AuthenticationError as error:
                newest = session.manifest()
                if newest.entries == manifest.entries:
                    return [Finding("check sums", error.message)]
                manifest = newest
        if summed is None or summed.are_of(manifest, plain):
            return []
        return [Finding("check sums", "they open, but are not the sums of the gallery's blocks")]

    def _check_label(self, reference: StoredReference) -> None:
        labels = self._session.labels
        label = labels.open(reference.sealed_label, reference.reference_id)
        if labels.pseudonym(label) != reference.pseudonym:
            raise AuthenticationError("its pseudonym is not the one of its label")

    def _check_places(self, block: BlockReferences) -> None:
        listed = np.zeros(len(block.header.occupied()), dtype=bool)
        listed[[reference.position for reference in block.table]] = True
        if not np.array_equal(listed, block.header.occupied()):
            raise AuthenticationError("its references do not match its occupancy")

    def _check_templates(self, block: EncryptedBlock, table: ReferenceTable) -> None:
        """Check that a block decrypts to templates and canaries, and to nothing else."""
        session, parameters, header = self._session, self._session.parameters, block.header
        occupied, reserved = header.occupied(), canary_positions(parameters)
        filled = occupied.copy()
        filled[reserved] = True
        templates = session.scheme.check_block(block, table, filled)
        version = header.encryption_version
        canaries = session.canaries.templates(header.index, version, header.dimension)
        if not np.array_equal(templates[reserved], canaries):
            raise AuthenticationError("its canaries do not decrypt to what was encrypted")
        norms = np.linalg.norm(templates[occupied], axis=1)
        tolerance = 100.0 * parameters.template_grid
        if not np.all(norms <= 1.0 + tolerance):
            raise AuthenticationError("a template is longer than the gallery's bound")
        if session.description.metric.normalizes and not np.all(norms >= 1.0 - tolerance):
            raise AuthenticationError("a template does not have norm 1")


def _unlisted(stored: Sequence[int], manifest: Manifest) -> list[Finding]:
    """Find blocks that are stored and that the manifest does not name: erased ones, say.

    The list is the server's word, so that only the first are named one by one.
    """
    unlisted = [index for index in stored if index >= len(manifest.entries)]
    problem = "it is stored, and the gallery's manifest does not name it"
    found = [Finding(f"block {index}", problem) for index in unlisted[:_UNLISTED]]
    if more := len(unlisted) - len(found):
        found.append(Finding(f"{more} more blocks", "they are stored and not named, too"))
    return found
