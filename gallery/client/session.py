"""The key owner's session with a gallery, which checks all that the server says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cached_property

from gallery.backends import Backend, find_backend
from gallery.client.cache import CacheFolder, EmbeddingCache, GalleryCache, KnownParts
from gallery.client.gallery_names import find_description
from gallery.client.gallery_state import GalleryState
from gallery.client.integrity import clock
from gallery.client.integrity.authentication import check_description
from gallery.client.integrity.canaries import Canaries
from gallery.client.integrity.check_sum_keeper import CheckSumKeeper
from gallery.client.integrity.labels import LabelSealer
from gallery.client.integrity.rollback import (
    GalleryStates,
    NewestState,
    SeenStates,
    TransientStates,
    check_newer,
    wrong_results_id,
)
from gallery.client.keys.secrets import GalleryKey, Secret
from gallery.client.scheme import Scheme
from gallery.client.scheme_selection import check_backend, make_scheme
from gallery.closing import Closing
from gallery.errors import (
    AuthenticationError,
    ErasurePendingError,
    GalleryError,
    MissingBlockError,
    WriteConflictError,
    WrongResultError,
)
from gallery.hints import Hint
from gallery.messages import (
    NO_CHECK_SUMS,
    BlockHeader,
    BlockReferences,
    EncryptedBlock,
    GalleryUpdate,
    Manifest,
    ManifestEntry,
    ReferenceTable,
)
from gallery.messages.naming import normal_name
from gallery.messages.sizes import MessageSizes
from gallery.parameters import find_parameters
from gallery.protocol import GalleryService

_ATTEMPTS = 10


class GallerySession(Closing, Secret):
    """The owner's session with one gallery, which reads from it only what the owner wrote.

    Parameters
    ----------
    service
        The keyless side.
    key
        The owner's key.
    name
        The gallery's name.
    states
        The newest states of galleries that were seen; by default those since this session began.
    backend
        Name of the backend; see `gallery.client.scheme_selection.make_scheme`.
    max_age
        How long ago the gallery's state may have been signed; by default any time.
    cache
        The cache that keeps references and check sums for other sessions; by default none.

    Attributes
    ----------
    seen
        The states seen of this gallery, among the ``states``.
    claimed
        Whether the newest manifest that was read differs from the one before in its version only:
        another writer has claimed the next write, see `gallery.client.editing.conflicts`.

    Raises
    ------
    GalleryError
        If there is no such backend.
    GalleryNotFoundError, KeyMismatchError, AuthenticationError
        If there is no such gallery, or it is not the owner's.
    """

    def __init__(
        self,
        service: GalleryService,
        key: GalleryKey,
        name: str,
        states: SeenStates | None = None,
        backend: str = Backend.NATIVE,
        max_age: timedelta | None = None,
        cache: CacheFolder | None = None,
    ) -> None:
        self._backend = find_backend(backend)
        self.service = service
        self.key = key
        self.description = find_description(service, name)
        self.authenticator = check_description(self.description, key)
        if normal_name(self.description.name) != normal_name(name):
            raise AuthenticationError(
                f"the database gives gallery {self.description.name!r} as {name!r}; "
                "restore the database from a backup"
            )
        self.parameters = find_parameters(self.description.parameters)
        check_backend(self._backend, self.parameters)
        self.labels = LabelSealer(key, self.gallery_id)
        self.canaries = Canaries(key, self.gallery_id, self.parameters)
        self.states = states or TransientStates()
        self.seen = GalleryStates(
            self.states,
            self.gallery_id,
            self.description.name,
            restored=self.authenticator.is_restored,
        )
        self._max_age = max_age
        self.claimed = False
        self._newest: Manifest | None = None
        self._parts = KnownParts(None if cache is None else self._cache_in(cache))
        self.embeddings = None if cache is None else EmbeddingCache(cache, key)

    def _cache_in(self, folder: CacheFolder) -> GalleryCache:
        sizes = MessageSizes.of(self.description)
        return GalleryCache(folder, self.seen.place, self.authenticator, sizes)

    @property
    def gallery_id(self) -> bytes:
        """The gallery's 16-byte identifier."""
        return self.description.gallery_id

    @cached_property
    def scheme(self) -> Scheme:
        """The gallery's scheme, which encrypts and decrypts; made when it is first needed."""
        return make_scheme(self._backend, self.key, self.description)

    @cached_property
    def check_sums(self) -> CheckSumKeeper:
        """The keeper of the gallery's check sums, which opens and seals them."""
        keeper = CheckSumKeeper(self.key, self.gallery_id, self.scheme)
        keeper.offer(self._parts.check_sums())
        return keeper

    def close(self) -> None:
        """Give up what `scheme` holds, and keep what was read for other sessions."""
        self._keep()
        if "scheme" in self.__dict__:
            self.scheme.close()

    def manifest(self) -> Manifest:
        """Return the newest manifest, checked."""
        floor = self.newest_seen()
        manifest = self.service.manifest(self.gallery_id)
        self.accept_manifest(manifest, floor)
        return manifest

    def newest_seen(self) -> NewestState | None:
        """Return the newest manifest seen so far; ask before a request whose answer is checked.

        A state that another process of the owner sees while the request is under way may be newer
        than its answer, which is then no sign of a rollback.
        """
        return self.seen.newest()

    def accept_manifest(self, manifest: Manifest, floor: NewestState | None) -> None:
        """Check a manifest, that it is not older than ``floor``, and remember it.

        Raises
        ------
        AuthenticationError
            If it is not the owner's.
        RolledBackError
            If it is older than one seen before, or of another lineage.
        StaleManifestError
            If it was signed too long ago.
        """
        self.authenticator.check_manifest(manifest)
        check_newer(manifest, floor)
        if self._max_age is not None:
            clock.check_age(manifest, self._max_age)
        former = self._newest
        self.remember(manifest)
        if former is not None and former.version < manifest.version:
            self.claimed = replace(manifest, version=former.version, mac=former.mac) == former

    def remember(self, manifest: Manifest) -> None:
        """Remember a manifest that was checked or written."""
        former = self._newest
        if former is None or former.version < manifest.version:
            self._newest, self.claimed = manifest, False
        self.seen.remember(manifest)
        if former is None or former.version < manifest.version:
            self._parts.drop_all_but(manifest)

    def write(self, update: GalleryUpdate, written: Sequence[BlockReferences]) -> None:
        """Write an update, whose blocks have these references, and remember its manifest.

        Raises
        ------
        WriteConflictError, ErasurePendingError
            As `GalleryService.write`.
        """
        try:
            self.service.write(self.gallery_id, update)
        except ErasurePendingError:
            # It is written, and what was read before must not be kept when this closes.
            self._parts.drop_all_but(update.manifest)
            self._parts.keep_nothing()
            raise
        self.remember(update.manifest)
        self._parts.wrote(update, written)

    def accept_present(self) -> None:
        """Accept the present state as the newest, because an older one was put back on purpose.

        Raises
        ------
        AuthenticationError
            If it is not the owner's.
        """
        manifest = self.service.manifest(self.gallery_id)
        self.authenticator.check_manifest(manifest)
        self.seen.accept(manifest)
        self._parts.forget()
        self._newest, self.claimed = manifest, False

    def check_trust(self) -> None:
        """Check that the server has given no wrong results before, or that this was accepted.

        Raises
        ------
        WrongResultError
            If it has.
        """
        if self.is_distrusted:
            raise WrongResultError(
                "the server has given results that the gallery's blocks do not give; nothing is "
                "searched until its owner has looked into that",
                hint=Hint.ACCEPT_WRONG_RESULTS,
            )

    @property
    def is_distrusted(self) -> bool:
        """Whether the server has given wrong results, and that was not accepted since."""
        return self.states.newest(wrong_results_id(self.gallery_id)) is not None

    def distrust(self) -> None:
        """Remember that the server has given wrong results."""
        self.states.remember(wrong_results_id(self.gallery_id), NewestState(1, b""))

    def trust_again(self) -> None:
        """Forget that the server has given wrong results."""
        self.states.forget(wrong_results_id(self.gallery_id))

    def refresh_description(self) -> None:
        """Read the description again, of which other processes may have changed a part.

        Raises
        ------
        WriteConflictError
            If another gallery has taken this one's place.
        AuthenticationError, KeyMismatchError
            As at the opening.
        """
        found = self.service.describe(self.description.name)
        check_description(found, self.key)
        if self.description.differs_in_properties(found):
            raise WriteConflictError(
                "another gallery has taken this one's place", hint=Hint.TRY_AGAIN
            )
        self.description = found

    def state(self, manifest: Manifest | None = None) -> GalleryState:
        """Return a consistent state of the gallery.

        Blocks that have not changed since they were last read are not asked for again.

        Parameters
        ----------
        manifest
            A checked manifest that was just read, to begin with; by default one is read.

        Raises
        ------
        IntegrityError
            If anything in it is not what the owner wrote.
        WriteConflictError
            If the gallery keeps changing while it is read.
        """
        for _ in range(_ATTEMPTS):
            manifest = self.manifest() if manifest is None else manifest
            blocks = [self._references(entry) for entry in manifest.entries]
            if all(block is not None for block in blocks):
                return GalleryState(manifest, tuple(block for block in blocks if block))
            manifest = None
        raise WriteConflictError("other processes keep changing the gallery", hint=Hint.TRY_AGAIN)

    def known_versions(self, seen: NewestState | None = None) -> dict[int, int]:
        """Return the versions of the references that need not be sent, by block index.

        They are those read so far, and those that the cache has of the newest manifest: whole
        blocks, whatever was found in them.

        Parameters
        ----------
        seen
            The newest state, if it was looked up just now. Where it is not as new as what was read
            here, an older one was put back on purpose and accepted in another process: what was
            read before is of a history that has ended, and another one may have its versions.
        """
        newest = self._newest
        if (
            newest is not None
            and seen is not None
            and seen.version <= newest.version
            and seen != NewestState.of(newest)
        ):
            self._parts.forget()
            self._newest, self.claimed = None, False
        if self._newest is None and self._parts.may_hold_references():
            self.manifest()
        return self._parts.versions(self._newest)

    def block(self, header: BlockHeader) -> EncryptedBlock:
        """Return the block that a checked header states, or what the server has in its place.

        The one that was written last need not be asked for again. Raises `MissingBlockError`.
        """
        found = self._parts.block(header)
        return self.service.block(self.gallery_id, header.index) if found is None else found

    def is_superseded(self, entry: ManifestEntry) -> bool:
        """Tell whether the gallery no longer has a block as an earlier manifest names it."""
        entries = self.manifest().entries
        return entry.index >= len(entries) or entries[entry.index] != entry

    def accept_references(
        self, header: BlockHeader, table: ReferenceTable | None, entry: ManifestEntry
    ) -> ReferenceTable:
        """Check a block's header and references against a checked manifest; return the references.

        ``table`` is None where the version read earlier still holds.
        """
        known = self._parts.references_of(header)
        if known is None or (header.version, header.mac) != (entry.version, entry.block_mac):
            # One that is known was checked when it came.
            self.authenticator.check_header(header, entry)
        if table is None:
            if known is None:
                raise AuthenticationError(f"the references of block {entry.index} were left out")
            return known.table
        if table.digest() != header.references_digest:
            what = "references or the hint" if table.hint else "references"
            raise AuthenticationError(
                f"the {what} of block {entry.index} are not the ones that were enrolled: some "
                "were changed, moved or dropped; restore the database from a backup"
            )
        self._parts.take(BlockReferences(header, table))
        return table

    def _references(self, entry: ManifestEntry) -> BlockReferences | None:
        """Return a block's references, or None if another version has superseded the block."""
        if (known := self._parts.references(entry)) is not None:
            return known
        try:
            found = self.service.references(self.gallery_id, entry.index)
        except MissingBlockError:
            if self.is_superseded(entry):
                return None
            raise
        if found.header.version > entry.version:
            return None
        self.accept_references(found.header, found.table, entry)
        return found

    def _keep(self) -> None:
        """Keep what was read and written here for other sessions."""
        newest, keeper = self._newest, self.__dict__.get("check_sums")
        if newest is None:
            return

        def is_newest() -> bool:
            try:
                return self.seen.newest() == NewestState.of(newest)
            except GalleryError:  # the state file cannot be read any more
                return False

        self._parts.keep(newest, NO_CHECK_SUMS if keeper is None else keeper.newest, is_newest)
