"""The refresh of a gallery: its newest state, signed anew with the date of today."""

from __future__ import annotations

from gallery.client.session import GallerySession
from gallery.errors import UnseenStateError, WriteConflictError
from gallery.hints import Hint
from gallery.messages import GalleryUpdate, Manifest

_ATTEMPTS = 20


def refresh_manifest(session: GallerySession, *, accept_unseen: bool = False) -> Manifest:
    """Write the newest manifest of a gallery as the next version, with the date of today.

    Where no state of the gallery was seen before, the one that is shown may be any that its owner
    ever signed. To sign that anew makes it new for everybody, so it must be asked for.

    A writer that comes first has signed a date of its own, and there is nothing left to do; only a
    claim (see `gallery.client.editing.conflicts`) has none.

    Returns
    -------
    Manifest
        The newest manifest.

    Raises
    ------
    UnseenStateError
        If no state of the gallery was seen before, and that is not accepted.
    IntegrityError
        If the manifest that is there is not the newest, or not what the owner wrote.
    WriteConflictError
        If other processes keep changing the gallery.
    """
    if session.newest_seen() is None and not accept_unseen:
        raise UnseenStateError(
            f"this machine has seen no state of gallery {session.description.name!r} yet: what is "
            "shown to it may be an old one, and is not signed with the date of today",
            hint=Hint.ACCEPT_UNSEEN,
        )
    manifest = session.manifest()
    for _ in range(_ATTEMPTS):
        signed = session.authenticator.successor(manifest, manifest.entries)
        if signed.signed == manifest.signed:  # in this very second
            return manifest
        try:
            session.service.write(session.gallery_id, GalleryUpdate(manifest.version, signed, ()))
        except WriteConflictError:
            former, manifest = manifest, session.manifest()
            if manifest.signed != former.signed:
                return manifest
        else:
            session.remember(signed)
            return signed
    raise WriteConflictError("other processes keep changing the gallery", hint=Hint.TRY_AGAIN)
