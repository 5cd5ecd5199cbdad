"""Renewals of galleries: begun, continued, and discarded by the name of the copy."""

from __future__ import annotations

import os
from dataclasses import replace

from gallery.backends import Backend, find_backend
from gallery.client.cache import CacheFolder
from gallery.client.editing.creation import new_seed
from gallery.client.gallery_names import find_description
from gallery.client.integrity.authentication import Authenticator, check_description
from gallery.client.integrity.rollback import SeenStates, TransientStates
from gallery.client.keys.secrets import GalleryKey
from gallery.client.progress import Progress
from gallery.client.renewal.copying import Renewal, Renewer
from gallery.client.scheme_selection import check_backend, check_key
from gallery.client.session import GallerySession
from gallery.deprecation import renamed_arguments
from gallery.errors import (
    ErasurePendingError,
    GalleryError,
    GalleryExistsError,
    GalleryNotFoundError,
    KeyMismatchError,
)
from gallery.hints import Hint
from gallery.messages import ID_SIZE, GalleryDescription
from gallery.messages.description import MAC_SIZE
from gallery.messages.naming import copy_name
from gallery.parameters import ParameterSet
from gallery.protocol import GalleryService


@renamed_arguments(
    {"memory": "states", "new_memory": "new_states", "engine": "backend"},
    {"tenseal": Backend.SEAL},
)
def renew_gallery(
    service: GalleryService,
    old_key: GalleryKey,
    new_key: GalleryKey,
    gallery: str = "default",
    *,
    parameters: ParameterSet | None = None,
    states: SeenStates | None = None,
    new_states: SeenStates | None = None,
    backend: str = Backend.NATIVE,
    cache: CacheFolder | None = None,
    progress: Progress | None = None,
) -> Renewal:
    """Move a gallery to a new key; in the end the old one is erased.

    Until then the gallery can be searched and enrolled into under the old key. A run that was
    interrupted is finished by another with the same arguments.

    Parameters
    ----------
    service, gallery
        As for opening a gallery.
    old_key, new_key
        The key that the gallery is under, and the one that it shall be under. They may be the same
        if the parameter set changes.
    parameters
        Parameter set of the renewed gallery; by default the one that it has. On the way to
        ``compact`` or ``light`` templates lose precision, which the way back does not restore.
    states, new_states
        The newest states seen of galleries of the old and of the new key; by default the second are
        the first.
    backend
        The backend that encrypts and decrypts, as for opening a gallery.
    cache
        Where this machine keeps what was read of the old gallery, which goes with it.
    progress
        Called with the number of blocks that were just finished.

    Returns
    -------
    Renewal
        The outcome, with the numbers of references and blocks.

    Raises
    ------
    GalleryNotFoundError, KeyMismatchError, IntegrityError
        If the gallery cannot be opened with the old key, or is not as its owner wrote it.
    GalleryExistsError
        If a gallery with the name of the copy is in the way.
    GalleryError
        If neither key nor parameter set would change.
    WriteConflictError
        If other processes keep changing the gallery; what is finished is kept.
    ErasurePendingError
        If the renewal is done, but traces of the old gallery could not be removed from the
        database's files yet.
    """
    found = find_description(service, gallery)
    gallery = found.name
    states = states or TransientStates()
    new_states = new_states or states
    if found.key_id == new_key.key_id != old_key.key_id:
        return _finished(service, new_key, found, parameters, new_states)
    with GallerySession(service, old_key, gallery, states, backend, cache=cache) as old:
        wanted = parameters or old.parameters
        if new_key.key_id == old_key.key_id and wanted == old.parameters:
            raise GalleryError(
                f"gallery {gallery!r} is under this key and has parameter set {wanted.name!r} "
                "already; a renewal needs a new key, or another parameter set"
            )
        # A key or backend that does not fit the parameter set is refused before anything is made.
        check_key(new_key, wanted)
        check_backend(find_backend(backend), wanted)
        copy = _copy_of(old.description, new_key, wanted)
        with _open_copy(service, copy, new_key, new_states, backend) as new:
            done = Renewer(old, new).run(progress)
        if old.embeddings is not None and new_key.key_id != old_key.key_id:
            try:
                old.embeddings.clear()
            except OSError as error:
                raise ErasurePendingError(
                    f"the gallery is renewed, but {old.embeddings.path} still holds embeddings of "
                    f"photos, sealed with the former key ({error.strerror or error}): remove them"
                ) from error
        return done


def discard_renewal(service: GalleryService, new_key: GalleryKey, gallery: str = "default") -> None:
    """Erase the copy of a renewal that was not finished; the gallery itself stays as it is.

    Parameters
    ----------
    service, gallery
        As for opening a gallery.
    new_key
        The key that the renewal goes to.

    Raises
    ------
    GalleryNotFoundError
        If there is no unfinished renewal of the gallery to this key.
    GalleryExistsError
        If what has the copy's name is not the owner's.
    ErasurePendingError
        If it is erased, but traces could not be removed from the database's files yet.
    """
    try:
        name = copy_name(find_description(service, gallery).name, new_key.key_id)
        found = service.describe(name)
    except GalleryNotFoundError as error:
        raise GalleryNotFoundError(
            f"there is no unfinished renewal of gallery {gallery!r} to key {new_key.key_id.hex()}"
        ) from error
    try:
        check_description(found, new_key)
    except KeyMismatchError as error:
        raise _in_the_way(name) from error
    service.delete(found.gallery_id)


def _copy_of(
    description: GalleryDescription, key: GalleryKey, parameters: ParameterSet
) -> GalleryDescription:
    """Return the description of a new copy, without its MAC."""
    return replace(
        description,
        gallery_id=os.urandom(ID_SIZE),
        key_id=key.key_id,
        name=copy_name(description.name, key.key_id),
        parameters=parameters.name,
        seed=new_seed(parameters),
        calibration=b"",
        mac=bytes(MAC_SIZE),
    )


def _open_copy(
    service: GalleryService,
    wanted: GalleryDescription,
    key: GalleryKey,
    states: SeenStates,
    backend: str,
) -> GallerySession:
    """Open the copy that an earlier run began, or make one."""
    authenticator = Authenticator(key, wanted.gallery_id)
    try:
        found = service.describe(wanted.name)
    except GalleryNotFoundError:
        service.create_gallery(authenticator.sign(wanted), authenticator.first_manifest())
        found = service.describe(wanted.name)
    if found.key_id != key.key_id:
        raise _in_the_way(wanted.name)
    session = GallerySession(service, key, wanted.name, states, backend)
    found = session.description
    if replace(wanted, gallery_id=found.gallery_id, seed=found.seed).differs_in_properties(found):
        raise GalleryExistsError(
            f"an unfinished renewal is there that goes to parameter set "
            f"{session.description.parameters!r}, or began before the gallery was made anew",
            hint=Hint.DISCARD_RENEWAL,
        )
    return session


def _in_the_way(name: str) -> GalleryExistsError:
    return GalleryExistsError(
        f"a gallery named {name!r} is in the way that is not a copy of a renewal to this key"
    )


def _finished(
    service: GalleryService,
    key: GalleryKey,
    found: GalleryDescription,
    parameters: ParameterSet | None,
    states: SeenStates,
) -> Renewal:
    """Clean up after a renewal that had come to its end, and say what there is."""
    if parameters is not None and parameters.name != found.parameters:
        raise GalleryError(
            f"gallery {found.name!r} is under the new key already, with parameter set "
            f"{found.parameters!r}; to change that, give the new key as the key"
        )
    state = GallerySession(service, key, found.name, states).state()
    service.purge()
    return Renewal(len(state), len(state.blocks), found.parameters, finished_before=True)
