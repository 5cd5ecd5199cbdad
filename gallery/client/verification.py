"""The verification of a gallery: whether everything in it is what its owner wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gallery.arrays import Floats
from gallery.ciphertexts.blocks import canary_positions, empty_columns, place
from gallery.client.embeddings.templates import round_to_grid
from gallery.client.progress import Progress
from gallery.client.session import GallerySession
from gallery.errors import AuthenticationError, GalleryError
from gallery.messages import (
    BlockHeader,
    BlockReferences,
    Manifest,
    ManifestEntry,
    StoredReference,
)


@dataclass(frozen=True)
class Finding:
    """One damaged thing: what it is, and what is wrong with it."""

    subject: str
    problem: str


@dataclass(frozen=True)
class VerificationReport:
    """What a verification looked at and what it found.

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


class Verifier:
    """Checks every statement, digest and label of one gallery, and on request every template."""

    def __init__(self, session: GallerySession) -> None:
        self._session = session

    def run(self, *, deep: bool, progress: Progress | None = None) -> VerificationReport:
        """Verify the gallery.

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
        references = 0
        for entry in manifest.entries:
            count, found = self.check(entry, deep=deep)
            references += count
            findings += found
            if progress is not None:
                progress(1)
        return VerificationReport(len(manifest.entries), references, deep, tuple(findings))

    def check(self, entry: ManifestEntry, *, deep: bool) -> tuple[int, list[Finding]]:
        """Verify a block of a checked manifest; return its references' number, and the findings.

        A block that another process has changed or dropped meanwhile is verified as it is now.
        """
        findings: list[Finding] = []
        try:
            return self._check_current(entry, deep, findings), findings
        except GalleryError as error:
            return 0, [*findings, Finding(f"block {entry.index}", error.message)]

    def _check_current(self, entry: ManifestEntry, deep: bool, findings: list[Finding]) -> int:
        """Check a block; if another process has changed or dropped it meanwhile, as it is now."""
        try:
            return self._check(entry, deep, findings)
        except GalleryError:
            entries = self._session.manifest().entries
            if entry.index >= len(entries):
                return 0
            if entries[entry.index] == entry:
                raise
            return self._check_current(entries[entry.index], deep, findings)

    def _check(self, entry: ManifestEntry, deep: bool, findings: list[Finding]) -> int:
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
            self._check_templates(block.header, session.codec.decrypt_columns(block.columns))
        return len(table)

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

    def _check_templates(self, header: BlockHeader, columns: Floats) -> None:
        """Check that columns decrypt to templates, canaries and sentinels, within their noise."""
        session, parameters, dimension = self._session, self._session.parameters, header.dimension
        templates = round_to_grid(columns[:dimension].T, parameters)
        occupied = header.occupied()
        reserved = canary_positions(parameters)
        canaries = session.canaries.templates(header.index, header.version, dimension)
        if not np.array_equal(templates[reserved], canaries):
            raise AuthenticationError("its canaries do not decrypt to what was encrypted")
        norms = np.linalg.norm(templates[occupied], axis=1)
        tolerance = 100.0 * parameters.grid
        if not np.all(norms <= 1.0 + tolerance):
            raise AuthenticationError("a template is longer than the gallery's bound")
        if session.description.metric.normalizes and not np.all(norms >= 1.0 - tolerance):
            raise AuthenticationError("a template does not have norm 1")
        occupied[reserved] = True
        expected = empty_columns(dimension, parameters)
        place(expected, np.flatnonzero(occupied), templates[occupied])
        if templates[~occupied].any() or not np.allclose(columns, expected, rtol=0, atol=tolerance):
            raise AuthenticationError(
                "its empty positions, norms or occupancy are not as encrypted"
            )


def _unlisted(stored: Sequence[int], manifest: Manifest) -> list[Finding]:
    """Find blocks that are stored and that the manifest does not name: erased ones, say."""
    return [
        Finding(f"block {index}", "it is stored, and the gallery's manifest does not name it")
        for index in stored
        if index >= len(manifest.entries)
    ]
