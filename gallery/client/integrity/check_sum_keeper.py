"""The keeper of a gallery's check sums: sealed for the server, bound to the blocks they are of."""

from __future__ import annotations

import hashlib

from gallery.client.integrity.sealing import Sealer
from gallery.client.keys.secrets import GalleryKey, Secret
from gallery.client.scheme import ResultCheck, Scheme
from gallery.errors import AuthenticationError
from gallery.messages import NO_CHECK_SUMS, Manifest, SealedCheckSums


class CheckSumKeeper(Secret):
    """Opens the check sums that the server keeps, and seals new ones.

    Check sums are bound to what a manifest names, version and authentication code of each block: an
    older state of them, or another gallery's, does not open.

    Parameters
    ----------
    key
        The owner's key.
    gallery_id
        The gallery.
    scheme
        The gallery's scheme.

    Attributes
    ----------
    newest
        The sealed check sums that were opened, sealed or offered last; none before.
    """

    def __init__(self, key: GalleryKey, gallery_id: bytes, scheme: Scheme) -> None:
        self._sealer = Sealer(key.subkey("check sums", gallery_id), gallery_id)
        self._scheme = scheme
        self._place: bytes | None = None
        self._opened: ResultCheck | None = None
        self.newest = NO_CHECK_SUMS

    @property
    def known(self) -> bytes:
        """Digest of the newest check sums, by which a server need not send them; empty before."""
        return self.newest.digest() if self.newest else b""

    def offer(self, sealed: SealedCheckSums) -> None:
        """Take check sums that were kept, and are looked at when the server has the same."""
        self.newest = sealed

    @property
    def are_kept(self) -> bool:
        """Whether the gallery's scheme has check sums."""
        return self._scheme.open_check(b"") is not None

    def opened(self, manifest: Manifest, sealed: SealedCheckSums) -> ResultCheck | None:
        """Return the check of the results of the blocks that a manifest names.

        Parameters
        ----------
        manifest
            The manifest, checked.
        sealed
            The check sums that came with it; none if they are those that are `known`.

        Returns
        -------
        ResultCheck or None
            None if the scheme has no check sums.

        Raises
        ------
        AuthenticationError
            If the check sums are not those of these blocks, or were left out.
        """
        if not self.are_kept:
            return None
        place = _place(manifest)
        if self._opened is not None and self._place == place:
            return self._opened
        if not manifest.entries:
            return self._scheme.open_check(b"")
        sealed = sealed or self.newest
        found = self._scheme.open_check(self.unsealed(manifest, sealed))
        self._place, self._opened, self.newest = place, found, sealed
        return found

    def unsealed(self, manifest: Manifest, sealed: SealedCheckSums) -> bytes:
        """Return the bytes that `ResultCheck.seal` gave for the blocks that a manifest names.

        Nothing is taken for known: this tells what the server has. Raises what `opened` raises.
        """
        if not manifest.entries:
            if sealed:
                raise AuthenticationError("there are check sums, and the gallery has no blocks")
            return b""
        if not sealed:
            raise AuthenticationError("the check sums of the gallery were left out")
        try:
            return self._sealer.open(sealed.sealed, _place(manifest))
        except AuthenticationError as error:
            raise AuthenticationError(
                "the check sums of the gallery are not those of its blocks: they were changed, or "
                "put back from an older state; restore the database from a backup"
            ) from error

    def copy(self, check: ResultCheck) -> ResultCheck:
        """Return a copy, to be changed."""
        found = self._scheme.open_check(check.seal())
        assert found is not None
        return found

    def seal(self, manifest: Manifest, check: ResultCheck) -> SealedCheckSums:
        """Seal check sums for the blocks that a new manifest names; none if it names none."""
        if not manifest.entries:
            return NO_CHECK_SUMS
        return SealedCheckSums(self._sealer.seal(check.seal(), _place(manifest)))

    def accept(self, manifest: Manifest, sealed: SealedCheckSums, check: ResultCheck) -> None:
        """Take check sums for known that were just written."""
        self._place, self._opened, self.newest = _place(manifest), check, sealed


def _place(manifest: Manifest) -> bytes:
    """Return the place that check sums are bound to: a manifest's entries, but not its version.

    A writer that claims a turn makes a new version of the same entries, and has no check sums.
    """
    digest = hashlib.sha256()
    for entry in manifest.entries:
        digest.update(entry.index.to_bytes(4, "little") + entry.version.to_bytes(8, "little"))
        digest.update(entry.block_mac)
    return digest.digest()
