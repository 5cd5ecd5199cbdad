"""The remote service: the keyless side on another machine, reached over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from gallery.client.keys.secrets import Secret
from gallery.client.transport.access_token import AccessToken
from gallery.client.transport.http_connection import Connection, quoted
from gallery.errors import MalformedMessageError
from gallery.messages import (
    NO_CHECK_SUMS,
    BlockIndices,
    BlockReferences,
    BlockResult,
    BlockUpdate,
    DescriptionUpdate,
    EncryptedBlock,
    GalleryContent,
    GalleryDescription,
    GalleryNames,
    GalleryReplacement,
    GalleryUpdate,
    Manifest,
    SealedCheckSums,
    SearchRequest,
    SearchResult,
)
from gallery.messages.description import MAX_DESCRIPTION
from gallery.messages.listings import MAX_INDICES, MAX_NAMES
from gallery.messages.manifest import MAX_MANIFEST
from gallery.messages.sizes import MessageSizes, largest_sizes
from gallery.messages.stream import Readable, read_stream, write_stream
from gallery.messages.wire import MessageType, message_type
from gallery.parameters import PARAMETER_SETS
from gallery.protocol import SearchObserver

_LARGEST_INDICES: Final = 16 + 4 * MAX_INDICES
"""Bytes of a listing of blocks."""


class RemoteService(Secret):
    """Implements `gallery.protocol.GalleryService` by asking a server.

    Requests that a broken connection or a busy server kept from being done, or whose answer was
    lost, are sent again for some seconds; only a restore is not. A write that comes twice is
    recognised by the server, by the manifest that it leads to; a gallery that is deleted, replaced
    or described anew is looked at before a second try is taken for a failure. The answer to a
    search is received whole before any of it is given out. May be shared between threads.

    Parameters
    ----------
    url
        Address of the server, such as ``https://faces.example.org``.
    token
        The access token, for which the server admits its holder.
    authorities
        PEM file of the certificates to trust instead of the usual ones.
    plain_http
        Whether plain HTTP to another machine is meant: whoever is in between reads the token.
    waiting
        Called with the reason when a request did not succeed and is sent again.

    Raises
    ------
    ServerError
        Here if the address is not one, and by every method if the server cannot be reached or
        answers something else than this program expects.
    AccessDeniedError
        By every method, if the token does not allow it.
    ServerBusyError
        By every method, if the server has been at one of its limits for too long.
    """

    def __init__(
        self,
        url: str,
        token: AccessToken,
        *,
        authorities: Path | None = None,
        plain_http: bool = False,
        waiting: Callable[[str], None] | None = None,
    ) -> None:
        self._connection = Connection(url, token, authorities, plain_http, waiting)
        self._sizes: dict[bytes, MessageSizes] = {}

    def close(self) -> None:
        """Close all connections."""
        self._connection.close()

    def create_gallery(self, description: GalleryDescription, manifest: Manifest) -> None:
        """Make an empty gallery; `GalleryExistsError` if its name is taken."""
        self._connection.send("POST", "galleries", GalleryContent(description, manifest).to_bytes())

    def gallery_names(self) -> list[str]:
        """Return the names of all galleries that the token is for, sorted."""
        return list(GalleryNames.from_bytes(self._connection.get("galleries", MAX_NAMES)).names)

    def describe(self, name: str) -> GalleryDescription:
        """Return the description of the gallery of that name."""
        data = self._connection.get(f"descriptions/{quoted(name)}", MAX_DESCRIPTION)
        found = GalleryDescription.from_bytes(data)
        if found.parameters in PARAMETER_SETS:  # else its reader refuses it by name
            self._sizes[found.gallery_id] = MessageSizes.of(found)
        return found

    def manifest(self, gallery_id: bytes) -> Manifest:
        """Return the newest manifest."""
        address = f"galleries/{gallery_id.hex()}/manifest"
        return Manifest.from_bytes(self._connection.get(address, MAX_MANIFEST))

    def block(self, gallery_id: bytes, index: int) -> EncryptedBlock:
        """Return the newest version of a block; `MissingBlockError` if there is none."""
        address = f"galleries/{gallery_id.hex()}/blocks/{index}"
        largest = self._sizes_of(gallery_id).relabelled_block
        return EncryptedBlock.from_bytes(self._connection.get(address, largest))

    def stored_blocks(self, gallery_id: bytes) -> tuple[int, ...]:
        """Return the indices of all blocks that are stored, ascending, named or not."""
        address = f"galleries/{gallery_id.hex()}/blocks"
        return BlockIndices.from_bytes(self._connection.get(address, _LARGEST_INDICES)).indices

    def references(self, gallery_id: bytes, index: int) -> BlockReferences:
        """Return the references of the newest version of a block; `MissingBlockError` likewise."""
        address = f"galleries/{gallery_id.hex()}/blocks/{index}/references"
        largest = self._sizes_of(gallery_id).references
        return BlockReferences.from_bytes(self._connection.get(address, largest))

    def check_sums(self, gallery_id: bytes) -> SealedCheckSums:
        """Return the newest check sums; none for a gallery that has none."""
        address = f"galleries/{gallery_id.hex()}/check-sums"
        largest = self._sizes_of(gallery_id).check_sums
        return SealedCheckSums.from_bytes(self._connection.get(address, largest))

    def write(self, gallery_id: bytes, update: GalleryUpdate) -> None:
        """Apply an update whole; `WriteConflictError` if the gallery is at another version."""
        self._connection.send("POST", f"galleries/{gallery_id.hex()}/updates", update.to_bytes())

    def purge(self) -> None:
        """Remove every trace of replaced and erased data from the database's files."""
        self._connection.send("POST", "purge", b"")

    def restore(
        self,
        description: GalleryDescription,
        manifest: Manifest,
        blocks: Iterable[BlockUpdate],
        check_sums: SealedCheckSums = NO_CHECK_SUMS,
    ) -> None:
        """Make a gallery with content, whole or not at all."""
        content = GalleryContent(description, manifest, check_sums).to_bytes()

        def messages() -> Iterator[bytes]:
            yield content
            yield from (item.to_bytes() for item in blocks)

        self._connection.send_stream("restore", write_stream(messages()))

    def replace(
        self,
        old_gallery_id: bytes,
        old_version: int,
        description: GalleryDescription,
        version: int,
    ) -> None:
        """Let a gallery take the place of an old one, which is erased, in one step."""
        message = GalleryReplacement(old_version, description, version).to_bytes()
        address = f"galleries/{old_gallery_id.hex()}/replacement"
        self._connection.change(
            "PUT", address, message, lambda: self._is_described_so(description), erases=True
        )

    def update_description(self, former_mac: bytes, description: GalleryDescription) -> None:
        """Put a new description in the place of the one that has the given MAC."""
        message = DescriptionUpdate(former_mac, description).to_bytes()
        address = f"galleries/{description.gallery_id.hex()}/description"
        self._connection.change(
            "PUT", address, message, lambda: self._is_described_so(description), erases=False
        )

    def delete(self, gallery_id: bytes) -> None:
        """Erase a gallery."""
        address = f"galleries/{gallery_id.hex()}"
        # A caller that names a gallery has seen it: if it is gone at the second try, it is erased.
        self._connection.change("DELETE", address, b"", lambda: True, erases=True)

    def search(
        self, request: SearchRequest, observer: SearchObserver | None = None
    ) -> SearchResult:
        """Compare probes with every position of every block, as of one manifest."""
        address, body = f"galleries/{request.gallery_id.hex()}/search", request.to_bytes()
        probes = request.probes
        sizes = MessageSizes.of(probes[0]) if probes else self._sizes_of(request.gallery_id)
        largest = sizes.answer(len(probes))
        return self._connection.ask(
            address, body, lambda answer: _read_result(answer, largest, observer)
        )

    def _sizes_of(self, gallery_id: bytes) -> MessageSizes:
        """Return the sizes of a gallery that was described; else those of the largest there is."""
        return self._sizes.get(gallery_id) or largest_sizes()

    def _is_described_so(self, description: GalleryDescription) -> bool:
        return self.describe(description.name) == description


def _read_result(answer: Readable, largest: int, observer: SearchObserver | None) -> SearchResult:
    """Read the whole answer to a search, so that nobody learns what its reader makes of it.

    The observer's checks depend on the answer alone, and on nothing that is decrypted of it.
    """
    messages = read_stream(answer, largest)
    manifest = Manifest.from_bytes(next(messages, b""))
    if observer is not None:
        observer.manifest(manifest)
    blocks: list[BlockResult] = []
    check_sums = NO_CHECK_SUMS
    for message in messages:
        if not blocks and not check_sums and message_type(message) == MessageType.CHECK_SUMS:
            check_sums = SealedCheckSums.from_bytes(message)
            continue
        if len(blocks) == len(manifest.entries):
            raise MalformedMessageError("the server answered more blocks than there are")
        block = BlockResult.from_bytes(message)
        if observer is not None:
            observer.block(block)
        blocks.append(block)
    return SearchResult(manifest, iter(blocks), check_sums)
