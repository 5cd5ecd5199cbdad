"""Moving a gallery to a new key, or to another parameter set, without enrolling again.

A copy is made block by block beside the gallery, under the new key: templates encrypted anew and in
a random order, labels sealed anew, identifiers, pseudonyms and content tags that have nothing in
common with the old ones. The gallery stays as it is and in use until the whole copy is verified;
then the copy takes its place in one step.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gallery.client.ckks import ENGINES
from gallery.client.editing.blocks import BlockEditor, OpenBlock, with_retries
from gallery.client.embeddings.templates import round_to_grid
from gallery.client.enrolling.enrollment import Enroller, NewReference
from gallery.client.integrity.audit import Auditor
from gallery.client.integrity.authentication import Authenticator, check_description
from gallery.client.integrity.memory import Memory, SessionMemory
from gallery.client.integrity.view import GalleryState, GalleryView
from gallery.client.keys.secrets import GalleryKey, Secret
from gallery.client.searching.calibration import sealed_anew
from gallery.errors import (
    AuthenticationError,
    ErasurePendingError,
    GalleryError,
    GalleryExistsError,
    GalleryNotFoundError,
    IntegrityError,
    KeyMismatchError,
    WriteConflictError,
)
from gallery.messages import ID_SIZE, GalleryDescription, Manifest
from gallery.messages.description import MAC_SIZE
from gallery.messages.naming import copy_name
from gallery.metrics import Metric
from gallery.parameters import ParameterSet
from gallery.protocol import GalleryService

Floats = npt.NDArray[np.float64]

_COPIES = 3
"""How often a block is copied before its copy must be equal."""


@dataclass(frozen=True)
class Renewal:
    """What a renewal did.

    Attributes
    ----------
    references, blocks
        How many the renewed gallery holds.
    parameters
        Name of its parameter set.
    finished_before
        Whether an earlier run had finished already, so that this one had nothing to do.
    """

    references: int
    blocks: int
    parameters: str
    finished_before: bool = False


def renew_gallery(
    service: GalleryService,
    old_key: GalleryKey,
    new_key: GalleryKey,
    gallery: str = "default",
    *,
    parameters: ParameterSet | None = None,
    memory: Memory | None = None,
    new_memory: Memory | None = None,
    engine: str = ENGINES[0],
    progress: Callable[[int], None] | None = None,
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
        Parameter set of the renewed gallery; by default the one that it has. From ``standard`` to
        ``compact`` templates lose precision, which the way back does not restore.
    memory, new_memory
        What remembers the newest states of galleries of the old and of the new key; by default the
        second is the first.
    engine
        What encrypts and decrypts, as for opening a gallery.
    progress
        Called with the number of blocks that were just finished.

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
    found = service.describe(gallery)
    seen = memory or SessionMemory()
    new_seen = new_memory or seen
    if found.key_id == new_key.key_id != old_key.key_id:
        return _finished(service, new_key, found, parameters, new_seen)
    old = GalleryView(service, old_key, gallery, seen, engine)
    wanted = parameters or old.parameters
    if new_key.key_id == old_key.key_id and wanted == old.parameters:
        raise GalleryError(
            f"gallery {gallery!r} is under this key and has parameter set {wanted.name!r} already; "
            "a renewal needs a new key, or another parameter set"
        )
    # A key without a secret for the parameter set is refused before anything is made.
    new_key.serialized_context(wanted)
    try:
        copy = _copy_of(old.description, new_key, wanted)
        new = _open_copy(service, copy, new_key, new_seen, engine)
        try:
            return Renewer(old, new).run(progress)
        finally:
            new.close()
    finally:
        old.close()


def discard_renewal(service: GalleryService, new_key: GalleryKey, gallery: str = "default") -> None:
    """Erase the copy of a renewal that was not finished; the gallery itself stays as it is.

    Raises
    ------
    GalleryNotFoundError
        If there is no unfinished renewal of the gallery to this key.
    GalleryExistsError
        If what has the copy's name is not the owner's.
    ErasurePendingError
        If it is erased, but traces could not be removed from the database's files yet.
    """
    name = copy_name(gallery, new_key.key_id)
    try:
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


def regrid(templates: Floats, metric: Metric, old: ParameterSet, new: ParameterSet) -> Floats:
    """Return templates, shape (n, d), on the grid of another parameter set.

    Rounding to a coarse grid leaves norms that are a little off. Where the new grid is finer they
    are put right first, so that what was compact meets what is expected of standard.
    """
    if new.grid < old.grid:
        norms = np.linalg.norm(templates, axis=1, keepdims=True)
        templates = templates / (norms if metric.normalizes else np.maximum(norms, 1.0))
    return round_to_grid(templates, new)


class Renewer(Secret):
    """Fills the copy of a gallery, verifies it, and lets it take the gallery's place.

    Parameters
    ----------
    old, new
        The gallery, and its copy, which may hold blocks from an earlier run.
    """

    def __init__(self, old: GalleryView, new: GalleryView) -> None:
        self._old, self._new = old, new
        self._source, self._target = BlockEditor(old), BlockEditor(new)
        self._enroller, self._auditor = Enroller(new), Auditor(new)
        self._equal: set[tuple[bytes, bytes]] = set()
        """MACs of the headers of old blocks and of their verified copies."""
        self._reported = 0

    def run(self, progress: Callable[[int], None] | None = None) -> Renewal:
        """Renew the gallery; raises what `renew_gallery` raises."""
        return with_retries(lambda: self._attempt(progress))

    def _attempt(self, progress: Callable[[int], None] | None) -> Renewal:
        old, new = self._fill(progress)
        final = replace(
            self._new.description,
            name=self._old.description.name,
            calibration=sealed_anew(self._old, self._new),
        )
        signed = self._new.authenticator.sign(final)
        version = old.manifest.version
        # What is seen of the old gallery from now on was put back.
        last = Manifest(self._old.gallery_id, version + 1, ())
        try:
            self._old.service.replace(self._old.gallery_id, version, signed, new.manifest.version)
        except ErasurePendingError:
            self._old.remember(last)
            raise
        self._old.remember(last)
        return Renewal(len(new), len(new.blocks), self._new.parameters.name)

    def _fill(self, progress: Callable[[int], None] | None) -> tuple[GalleryState, GalleryState]:
        """Bring the copy to the present state of the gallery; return both states.

        Each block of the gallery is opened after the state of the copy was read that its copy is
        written on. So whoever else fills the same copy cannot put an older content over a newer.
        """
        new, old = self._new.state(), self._old.state()
        for index in range(len(old.blocks)):
            new = self._carry(old, new, index)
            if progress is not None and index >= self._reported:
                self._reported = index + 1
                progress(1)
        if len(new.blocks) > len(old.blocks):
            self._target.write(new, [], len(old.blocks))
            new = self._new.state()
        pairs = zip(old.manifest.entries, new.manifest.entries, strict=True)
        if not all((one.block_mac, other.block_mac) in self._equal for one, other in pairs):
            raise WriteConflictError("the copy changed while it was verified")
        return old, new

    def _carry(self, old: GalleryState, new: GalleryState, index: int) -> GalleryState:
        """Copy a block unless its copy is equal, and verify it; return the copy's new state."""
        before, copies = old.manifest.entries[index].block_mac, new.manifest.entries
        if index < len(copies) and (before, copies[index].block_mac) in self._equal:
            return new
        wanted = self._contents(self._old, _open(self._old, self._source, old, index))
        for _ in range(_COPIES):
            if index < len(new.blocks) and self._is_copied(wanted, new, index):
                self._audit(new, index)
                self._equal.add((before, new.manifest.entries[index].block_mac))
                return new
            self._write(wanted, new, index)
            new = self._new.state()
        raise AuthenticationError(
            f"the copy of block {index} does not decrypt to what was written; the gallery itself "
            "is as it was. Run gallery verify, then the same command again"
        )

    def _contents(self, view: GalleryView, block: OpenBlock) -> list[NewReference]:
        """Return the references of a block as they are to be under the copy's parameters."""
        items = list(block.references.values())
        templates = block.templates[[item.position for item in items]]
        metric, parameters = view.description.metric, view.parameters
        if parameters != self._new.parameters:
            templates = regrid(templates, metric, parameters, self._new.parameters)
        return [
            NewReference(
                vector=template,
                label=view.labels.open(item.sealed_label, item.reference_id),
                content_digest=view.labels.open_digest(item.sealed_label, item.reference_id),
            )
            for item, template in zip(items, templates, strict=True)
        ]

    def _is_copied(self, wanted: list[NewReference], new: GalleryState, index: int) -> bool:
        """Tell whether a block of the copy holds exactly the wanted references."""
        found = self._contents(self._new, _open(self._new, self._target, new, index))
        return sorted(map(_identity, found)) == sorted(map(_identity, wanted))

    def _write(self, wanted: list[NewReference], new: GalleryState, index: int) -> None:
        """Write a block of the copy, in an order that tells nothing of the old one."""
        block, shuffled = self._target.new(index), list(wanted)
        random.SystemRandom().shuffle(shuffled)
        positions = self._target.free_positions(block)[: len(shuffled)]
        for position, item in zip(positions, shuffled, strict=True):
            tag = self._enroller.tag(item)
            block.put(self._enroller.reference(position, tag, item), item.vector)
        self._target.write(new, [block], max(len(new.blocks), index + 1))

    def _audit(self, new: GalleryState, index: int) -> None:
        _, findings = self._auditor.check(new.manifest.entries[index], deep=True)
        if findings:
            raise AuthenticationError(
                f"the copy is not sound ({findings[0].subject}: {findings[0].problem}); "
                "the gallery itself is as it was"
            )


def _open(view: GalleryView, editor: BlockEditor, state: GalleryState, index: int) -> OpenBlock:
    """Open a block; `WriteConflictError` if it cannot be, since another process came first."""
    try:
        return editor.open(state, index)
    except IntegrityError as error:
        if view.manifest() == state.manifest:
            raise
        raise WriteConflictError("the gallery changed while it was read") from error


def _identity(item: NewReference) -> tuple[str, bytes, bytes]:
    # Zero has two signs, and decrypting gives either.
    return item.label, item.content_digest, (item.vector + 0.0).tobytes()


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
        calibration=b"",
        mac=bytes(MAC_SIZE),
    )


def _open_copy(
    service: GalleryService,
    wanted: GalleryDescription,
    key: GalleryKey,
    memory: Memory,
    engine: str,
) -> GalleryView:
    """Open the copy that an earlier run began, or make one."""
    authenticator = Authenticator(key, wanted.gallery_id)
    try:
        found = service.describe(wanted.name)
    except GalleryNotFoundError:
        empty = Manifest(wanted.gallery_id, version=1, entries=())
        service.create_gallery(authenticator.sign(wanted), authenticator.sign(empty))
        found = service.describe(wanted.name)
    if found.key_id != key.key_id:
        raise _in_the_way(wanted.name)
    view = GalleryView(service, key, wanted.name, memory, engine)
    if replace(view.description, gallery_id=wanted.gallery_id, mac=wanted.mac) != wanted:
        raise GalleryExistsError(
            f"an unfinished renewal is there that goes to parameter set "
            f"{view.description.parameters!r}, or began before the gallery was made anew; finish "
            "it as it was begun, or give it up with: gallery rekey --discard"
        )
    return view


def _in_the_way(name: str) -> GalleryExistsError:
    return GalleryExistsError(
        f"a gallery named {name!r} is in the way that is not a copy of a renewal to this key"
    )


def _finished(
    service: GalleryService,
    key: GalleryKey,
    found: GalleryDescription,
    parameters: ParameterSet | None,
    memory: Memory,
) -> Renewal:
    """Clean up after a renewal that had come to its end, and say what there is."""
    if parameters is not None and parameters.name != found.parameters:
        raise GalleryError(
            f"gallery {found.name!r} is under the new key already, with parameter set "
            f"{found.parameters!r}; to change that, give the new key as the key"
        )
    state = GalleryView(service, key, found.name, memory).state()
    service.purge()
    return Renewal(len(state), len(state.blocks), found.parameters, finished_before=True)
