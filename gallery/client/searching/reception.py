"""The reception of a search's answer: each part is checked before the next one is taken."""

from __future__ import annotations

from collections.abc import Sequence

from gallery.client.session import GallerySession
from gallery.errors import MissingBlockError, WrongResultError
from gallery.hints import Hint
from gallery.messages import (
    BlockResult,
    EncryptedProbe,
    Manifest,
    ReferenceTable,
    SearchResult,
)


class Reception:
    """Receives the answer to one request, and checks each part before the next one is taken.

    So a server can make nobody keep what is not its gallery's. It is the observer of the answer,
    where it comes from elsewhere; what was checked then is not checked again. All of this depends
    on what the server did alone: nothing is decrypted.

    Parameters
    ----------
    session
        The session with the gallery.
    probes
        The probes that are asked about.

    Attributes
    ----------
    floor
        The newest state that was seen before; no answer may be older.
    """

    def __init__(self, session: GallerySession, probes: Sequence[EncryptedProbe]) -> None:
        self._session, self._probes = session, probes
        self.floor = session.newest_seen()
        self._manifest: Manifest | None = None
        self._parts: list[tuple[BlockResult, ReferenceTable]] = []

    def manifest(self, manifest: Manifest) -> None:
        """Check the manifest; an answer that broke off begins with it anew."""
        self._session.accept_manifest(manifest, self.floor)
        self._manifest, self._parts = manifest, []

    def block(self, block: BlockResult) -> None:
        """Check the result of the next block that the manifest names."""
        entries = self._manifest.entries if self._manifest else ()
        number = len(self._parts)
        if number >= len(entries):
            raise MissingBlockError(
                f"the server compared the probe with more than the {len(entries)} blocks there are",
                hint=Hint.SEARCH_AGAIN,
            )
        table = self._session.accept_references(block.header, block.references, entries[number])
        self._parts.append((block, table))

    def all_of(
        self, result: SearchResult
    ) -> tuple[Manifest, tuple[BlockResult, ...], tuple[ReferenceTable, ...]]:
        """Return manifest, results and tables of the whole answer, all of it checked."""
        if result.manifest is not self._manifest:
            self.manifest(result.manifest)
        seen, self._parts = self._parts, []
        for number, block in enumerate(result.blocks):
            if number < len(seen) and seen[number][0] is block:
                self._parts.append(seen[number])  # read from bytes, which checks residues
            else:
                self.block(block)
                for found in block.distances:
                    found.check()
        count = len(result.manifest.entries)
        if len(self._parts) != count:
            raise MissingBlockError(
                f"the server compared the probe with {len(self._parts)} of {count} blocks",
                hint=Hint.SEARCH_AGAIN,
            )
        for block, _ in self._parts:
            _check_answers(block, self._probes)
        blocks, tables = zip(*self._parts, strict=True) if self._parts else ((), ())
        return result.manifest, blocks, tables


def _check_answers(block: BlockResult, probes: Sequence[EncryptedProbe]) -> None:
    """Check that a block's results answer the probes, in their order."""
    if len(block.distances) != len(probes):
        raise WrongResultError("the server answered another number of probes than it was sent")
    header = block.header
    for probe, found in zip(probes, block.distances, strict=True):
        stated = (found.probe_id, found.block_index, found.block_version, found.parameters)
        if stated != (probe.probe_id, header.index, header.version, probe.parameters):
            raise WrongResultError(
                f"the result for block {header.index} does not belong to this probe or block; "
                "nothing of it was used",
                hint=Hint.SEARCH_AGAIN,
            )
