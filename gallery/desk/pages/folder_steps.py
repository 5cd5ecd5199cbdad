"""The steps in which a page's script sends a folder; a form without scripts sends it at once.

The script asks first which files of the folder are wanted, by their names, and then sends those, a
few at a time, until it says that this is the end.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gallery.client.photos.ignore_rules import IGNORE_FILE
from gallery.desk.access.scopes import Holder
from gallery.desk.errors import BadRequestError
from gallery.desk.folder_enrollment import FolderPhoto
from gallery.desk.folders.folder_batches import AnyBatch
from gallery.desk.pages.gates import checked_form, gallery_name
from gallery.desk.pages.rendering import alarm_in
from gallery.desk.photo_faces import Upload
from gallery.desk.state import DeskState, state_of
from gallery.desk.texts import english, whole
from gallery.desk.uploads import Form

_LONGEST_NAME = 200


@dataclass(frozen=True, eq=False)
class FolderSteps(Generic[AnyBatch]):
    """The handlers of the folders of one kind of page.

    Attributes
    ----------
    kind
        The class of batches of this kind, made of a holder's name and the folder's.
    take
        Takes photos of a folder into a gallery's batch.
    ended
        Returns the page, or the part of one, for a folder that has come whole.
    """

    kind: type[AnyBatch]
    take: Callable[[DeskState, str, AnyBatch, list[FolderPhoto], Holder], None]
    ended: Callable[[Request, int, Holder, AnyBatch], Response]

    async def handle(self, request: Request, number: int, holder: Holder) -> Response:
        """Handle one step of a folder, or all of a small one."""
        desk = state_of(request)
        form = await checked_form(request, holder)
        return await run_in_threadpool(_Step(self, request, number, holder, desk, form).answer)


@dataclass(frozen=True, eq=False)
class _Step(Generic[AnyBatch]):
    """One request with a part of a folder."""

    steps: FolderSteps[AnyBatch]
    request: Request
    number: int
    holder: Holder
    desk: DeskState
    form: Form

    def answer(self) -> Response:
        match self.form.fields.get("step", ""):
            case "names":
                return self._names()
            case "photos":
                return self._photos()
            case "end":
                return self._end()
            case "":
                return self._all_at_once()
        raise BadRequestError("the field 'step' is not understood")

    def _names(self) -> Response:
        """Say which files are wanted, of those whose names were sent."""
        paths = _texts(self.form, "paths")
        batch = self._batch(paths)
        if self.form.uploads:
            for upload in _uploads(self.form):
                batch.folder.add_patterns(upload.name, upload.data)
        wanted = [place for place, path in enumerate(paths) if batch.folder.wants(path)]
        return self._json(batch, wanted=wanted)

    def _photos(self) -> Response:
        """Take the photos of a piece."""
        batch = self._batch([])
        for path in _texts(self.form, "unread"):
            batch.folder.failures.add((path, english()("folder.unread")))
        self._large(batch)
        self._take(batch, _uploads(self.form))
        return self._json(batch)

    def _end(self) -> Response:
        """Say what was done with all that was sent."""
        batch = self._batch([])
        if not self.form.flag("stopped"):
            batch.folder.end()
        return self.steps.ended(self.request, self.number, self.holder, batch)

    def _all_at_once(self) -> Response:
        uploads = self.form.photos()
        batch = self._batch([upload.name for upload in uploads])
        for upload in uploads:
            if upload.name.rpartition("/")[2] == IGNORE_FILE:
                batch.folder.add_patterns(upload.name, upload.data)
        self._take(batch, [item for item in uploads if batch.folder.wants(item.name)])
        batch.folder.end()
        return self.steps.ended(self.request, self.number, self.holder, batch)

    def _take(self, batch: AnyBatch, uploads: list[Upload]) -> None:
        labelled = [(upload, batch.folder.label_of(upload.name, upload.data)) for upload in uploads]
        photos = [FolderPhoto(upload, label) for upload, label in labelled if label is not None]
        if photos:
            name = gallery_name(self.desk, self.number)
            self.steps.take(self.desk, name, batch, photos, self.holder)

    def _large(self, batch: AnyBatch) -> None:
        """Take note of files that are too large to be sent, of which the beginnings came."""
        for path, head in _pairs(self.form, "large"):
            try:
                label = batch.folder.label_of(path, bytes.fromhex(head))
            except ValueError as error:
                raise BadRequestError("the field 'large' is not understood") from error
            if label is not None:
                most = self.desk.config.max_photo // 2**20
                batch.folder.failures.add((path, english()("folder.large", most=most)))

    def _batch(self, paths: list[str]) -> AnyBatch:
        kind, identifier = self.steps.kind, self.form.fields.get("batch", "")
        with self.desk.owner.gallery(gallery_name(self.desk, self.number)) as opened:
            if identifier:
                return opened.batches.find(kind, identifier, self.holder.identity)
            name = next((path.partition("/")[0] for path in paths if "/" in path), "")
            called = name[:_LONGEST_NAME] or english()("folder.nameless")
            return opened.batches.add(kind(self.holder.identity, called))

    def _json(self, batch: AnyBatch, **more: Any) -> Response:
        alarm = alarm_in(self.request)
        return JSONResponse({"batch": batch.identifier, "alarm": alarm, **more})


def _uploads(form: Form) -> list[Upload]:
    """Return the files by the paths that were sent along: browsers may change a file's name."""
    paths = _texts(form, "paths")
    if len(paths) != len(form.uploads) or not all(paths):
        raise BadRequestError("there must be a path for each file")
    return [Upload(path, item.data) for path, item in zip(paths, form.uploads, strict=True)]


def _texts(form: Form, name: str) -> list[str]:
    """Return a field that is a list of texts in JSON; an empty one if it is missing."""
    found = _json(form, name)
    if not all(isinstance(item, str) for item in found):
        raise BadRequestError(f"the field {name!r} must be a list of texts")
    return [whole(item) for item in found]


def _pairs(form: Form, name: str) -> list[tuple[str, str]]:
    found = _json(form, name)
    if not all(isinstance(item, list) and [*map(type, item)] == [str, str] for item in found):
        raise BadRequestError(f"the field {name!r} must be a list of pairs of texts")
    return [(whole(first), whole(second)) for first, second in found]


def _json(form: Form, name: str) -> list[Any]:
    try:
        found = json.loads(form.fields.get(name) or "[]")
    except (ValueError, RecursionError) as error:
        raise BadRequestError(f"the field {name!r} is no JSON") from error
    if not isinstance(found, list):
        raise BadRequestError(f"the field {name!r} must be a list")
    return found
