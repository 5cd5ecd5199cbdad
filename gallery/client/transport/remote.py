"""The keyless side on another machine, reached over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from gallery.client.keys.secrets import Secret
from gallery.client.transport.access_token import AccessToken
from gallery.client.transport.http_connection import LARGEST_MESSAGE, Connection, quoted
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
from gallery.messages.stream import Readable, read_stream, write_stream
from gallery.messages.wire import MessageType, message_type


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
        What the server admits its holder for.
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

    def close(self) -> None:
        """Close all connections."""
        self._connection.close()

    def create_gallery(self, description: GalleryDescription, manifest: Manifest) -> None:
        """Make an empty gallery; `GalleryExistsError` if its name is taken."""
        self._connection.send("POST", "galleries", GalleryContent(description, manifest).to_bytes())

    def gallery_names(self) -> list[str]:
        """Return the names of all galleries that the token is for, sorted."""
        return list(GalleryNames.from_bytes(self._connection.get("galleries")).names)

    def describe(self, name: str) -> GalleryDescription:
        """Return the description of the gallery of that name."""
        return GalleryDescription.from_bytes(self._connection.get(f"descriptions/{quoted(name)}"))

    def manifest(self, gallery_id: bytes) -> Manifest:
        """Return the newest manifest."""
        return Manifest.from_bytes(self._connection.get(f"galleries/{gallery_id.hex()}/manifest"))

    def block(self, gallery_id: bytes, index: int) -> EncryptedBlock:
        """Return the newest version of a block; `MissingBlockError` if there is none."""
        return EncryptedBlock.from_bytes(
            self._connection.get(f"galleries/{gallery_id.hex()}/blocks/{index}")
        )

    def stored_blocks(self, gallery_id: bytes) -> tuple[int, ...]:
        """Return the indices of all blocks that are stored, ascending, named or not."""
        return BlockIndices.from_bytes(
            self._connection.get(f"galleries/{gallery_id.hex()}/blocks")
        ).indices

    def references(self, gallery_id: bytes, index: int) -> BlockReferences:
        """Return the references of the newest version of a block; `MissingBlockError` likewise."""
        address = f"galleries/{gallery_id.hex()}/blocks/{index}/references"
        return BlockReferences.from_bytes(self._connection.get(address))

    def check_sums(self, gallery_id: bytes) -> SealedCheckSums:
        """Return the newest check sums; none for a gallery that has none."""
        address = f"galleries/{gallery_id.hex()}/check-sums"
        return SealedCheckSums.from_bytes(self._connection.get(address))

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
        # Who names a gallery has seen it: if it is gone at the second try, it is erased.
        self._connection.change("DELETE", address, b"", lambda: True, erases=True)

    def search(self, request: SearchRequest) -> SearchResult:
        """Compare probes with every position of every block, as of one manifest."""
        address, body = f"galleries/{request.gallery_id.hex()}/search", request.to_bytes()
        return self._connection.ask(address, body, _read_result)

    def _is_described_so(self, description: GalleryDescription) -> bool:
        return self.describe(description.name) == description


def _read_result(answer: Readable) -> SearchResult:
    """Read the whole answer to a search, so that nobody learns what its reader makes of it."""
    messages = read_stream(answer, LARGEST_MESSAGE)
    manifest = Manifest.from_bytes(next(messages, b""))
    blocks: list[BlockResult] = []
    check_sums = NO_CHECK_SUMS
    for message in messages:
        if not blocks and not check_sums and message_type(message) == MessageType.CHECK_SUMS:
            check_sums = SealedCheckSums.from_bytes(message)
            continue
        if len(blocks) == len(manifest.entries):
            raise MalformedMessageError("the server answered more blocks than there are")
        blocks.append(BlockResult.from_bytes(message))
    return SearchResult(manifest, iter(blocks), check_sums)
