"""The refresh of a gallery: its newest state, signed anew with the date of today."""

from __future__ import annotations

from gallery.client.session import GallerySession
from gallery.errors import WriteConflictError
from gallery.hints import Hint
from gallery.messages import GalleryUpdate, Manifest

_ATTEMPTS = 20


def refresh_manifest(session: GallerySession) -> Manifest:
    """Write the newest manifest of a gallery as the next version, with the date of today.

    A writer that comes first has signed a date of its own, and there is nothing left to do; only a
    claim (see `gallery.client.editing.conflicts`) has none.

    Returns
    -------
    Manifest
        The newest manifest.

    Raises
    ------
    IntegrityError
        If the manifest that is there is not the newest, or not what the owner wrote.
    WriteConflictError
        If other processes keep changing the gallery.
    """
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
