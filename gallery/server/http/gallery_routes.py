"""Routes of galleries: an address for each method of the service."""

from __future__ import annotations

from contextlib import AsyncExitStack, ExitStack
from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from gallery.errors import GalleryNotFoundError, MalformedMessageError
from gallery.hints import Hint
from gallery.messages import (
    BlockIndices,
    BlockUpdate,
    DescriptionUpdate,
    GalleryContent,
    GalleryNames,
    GalleryReplacement,
    GalleryUpdate,
)
from gallery.messages.stream import read_stream
from gallery.server.audit_log import Action
from gallery.server.gatekeeper import Grant
from gallery.server.http.audited_action import AuditedAction, record_denial
from gallery.server.http.authorization import (
    AdminGrant,
    EnrollGrant,
    GalleryId,
    SearchGrant,
    require_gallery,
    require_name,
    require_outline,
)
from gallery.server.http.budgeted_response import BudgetedResponse
from gallery.server.http.byte_budget import Reservation
from gallery.server.http.openapi import MESSAGE, binary_body, message_response, stream_body
from gallery.server.http.request_bodies import (
    PARSED_FACTOR,
    parse_received,
    received,
    spool_body,
)
from gallery.server.http.request_sizes import (
    REFERENCES_BYTES,
    SMALL_REQUEST,
    RequestSizes,
    written_update,
)
from gallery.server.http.state import state_of

BlockIndex = Annotated[int, Path(ge=0, lt=2**31, description="Number of the block.")]

router = APIRouter()


@router.get("/galleries", summary="Names of the galleries", responses=message_response("NAMES"))
async def names(request: Request, grant: SearchGrant) -> Response:
    """Return the names of the galleries that the token is for, sorted."""
    async with AuditedAction(request, grant, Action.READ):
        state = state_of(request)
        found = await state.read(grant, state.service.gallery_names)
    return _message(GalleryNames(tuple(name for name in found if grant.covers(name))).to_bytes())


@router.get(
    "/descriptions/{name:path}",
    summary="Describe a gallery",
    responses=message_response("DESCRIPTION"),
)
async def describe(request: Request, name: str, grant: SearchGrant) -> Response:
    """Return the description of the gallery of that name."""
    if not grant.covers(name):
        await record_denial(request, grant.token_id, grant.name, gallery=name)
        raise GalleryNotFoundError(f"there is no gallery named {name!r}", hint=Hint.MAKE_GALLERY)
    state = state_of(request)
    found = await state.read(grant, state.service.describe, name)
    await AuditedAction(request, grant, Action.READ, found.gallery_id, name).record()
    return _message(found.to_bytes())


@router.get(
    "/galleries/{gallery_id}/manifest",
    summary="Newest manifest",
    responses=message_response("MANIFEST"),
)
async def manifest(request: Request, gallery_id: GalleryId, grant: SearchGrant) -> Response:
    """Return the newest manifest of a gallery."""
    state = state_of(request)
    identifier, name = await require_gallery(request, grant, gallery_id)
    async with AuditedAction(request, grant, Action.READ, identifier, name):
        found = await state.read(grant, state.service.manifest, identifier)
    return _message(found.to_bytes())


@router.get(
    "/galleries/{gallery_id}/blocks",
    summary="Blocks that are stored",
    responses=message_response("INDICES"),
)
async def stored_blocks(request: Request, gallery_id: GalleryId, grant: SearchGrant) -> Response:
    """Return the indices of all blocks that are stored, named by the manifest or not."""
    state = state_of(request)
    identifier, name = await require_gallery(request, grant, gallery_id)
    async with AuditedAction(request, grant, Action.READ, identifier, name):
        found = await state.read(grant, state.service.stored_blocks, identifier)
    return _message(BlockIndices(found).to_bytes())


@router.get(
    "/galleries/{gallery_id}/blocks/{index}",
    summary="One block",
    responses=message_response("BLOCK"),
)
async def block(
    request: Request, gallery_id: GalleryId, index: BlockIndex, grant: SearchGrant
) -> Response:
    """Return the newest version of a block."""
    state = state_of(request)
    read = state.service.block
    gallery = await require_outline(request, grant, gallery_id)
    size = RequestSizes.of(gallery).block_answer
    with ExitStack() as stack:
        await _reserve_answer(request, grant, stack, size)
        async with AuditedAction(
            request, grant, Action.READ, gallery.gallery_id, gallery.name
        ) as audit:
            audit.blocks = 1
            message = await state.read(grant, lambda: read(gallery.gallery_id, index).to_bytes())
        return BudgetedResponse(message, stack.pop_all())


@router.get(
    "/galleries/{gallery_id}/check-sums",
    summary="Newest check sums",
    responses=message_response("CHECK_SUMS"),
)
async def check_sums(request: Request, gallery_id: GalleryId, grant: SearchGrant) -> Response:
    """Return the newest check sums of a gallery."""
    state = state_of(request)
    gallery = await require_outline(request, grant, gallery_id)
    read = state.service.check_sums
    size = RequestSizes.of(gallery).check_sums_answer
    with ExitStack() as stack:
        await _reserve_answer(request, grant, stack, size)
        async with AuditedAction(request, grant, Action.READ, gallery.gallery_id, gallery.name):
            found = await state.read(grant, lambda: read(gallery.gallery_id).to_bytes())
        return BudgetedResponse(found, stack.pop_all())


@router.get(
    "/galleries/{gallery_id}/blocks/{index}/references",
    summary="References of one block",
    responses=message_response("REFERENCES"),
)
async def references(
    request: Request, gallery_id: GalleryId, index: BlockIndex, grant: SearchGrant
) -> Response:
    """Return the references of the newest version of a block."""
    state = state_of(request)
    identifier, name = await require_gallery(request, grant, gallery_id)
    read = state.service.references
    with ExitStack() as stack:
        room = await _reserve_answer(request, grant, stack, 2 * REFERENCES_BYTES)
        async with AuditedAction(request, grant, Action.READ, identifier, name) as audit:
            audit.blocks = 1
            found = await state.read(grant, lambda: read(identifier, index).to_bytes())
        await room.grow(len(found))  # of long labels
        return BudgetedResponse(found, stack.pop_all())


@router.post(
    "/galleries",
    summary="Make an empty gallery",
    status_code=204,
    openapi_extra=binary_body("CONTENT"),
)
async def create(request: Request, grant: AdminGrant) -> None:
    """Make an empty gallery. Sent again, it is confirmed."""
    state = state_of(request)
    async with received(request, grant, GalleryContent.from_bytes, SMALL_REQUEST) as content:
        description = content.description
        if content.check_sums:
            raise MalformedMessageError("there are check sums, and a new gallery has no blocks")
        await require_name(request, grant, description.name)
        async with AuditedAction(
            request, grant, Action.CREATE, description.gallery_id, description.name
        ):
            await state.write(grant, state.service.create_gallery, description, content.manifest)


@router.post(
    "/galleries/{gallery_id}/updates",
    summary="Change a gallery",
    status_code=204,
    openapi_extra=binary_body("UPDATE"),
)
async def write(request: Request, gallery_id: GalleryId, grant: EnrollGrant) -> None:
    """Apply an update whole, if the gallery is at its version. Sent again, it is confirmed."""
    state = state_of(request)
    gallery = await require_outline(request, grant, gallery_id)
    largest = RequestSizes.of(gallery).largest_update
    async with (
        AuditedAction(request, grant, Action.WRITE, gallery.gallery_id, gallery.name) as audit,
        received(request, grant, GalleryUpdate.from_bytes, largest, kept=written_update) as update,
    ):
        audit.blocks = len(update.blocks) + len(update.relabellings)
        await state.write(grant, state.service.write, gallery.gallery_id, update)


@router.put(
    "/galleries/{gallery_id}/description",
    summary="Describe a gallery anew",
    status_code=204,
    openapi_extra=binary_body("REDESCRIPTION"),
)
async def update_description(request: Request, gallery_id: GalleryId, grant: AdminGrant) -> None:
    """Let a new description take the place of the former one, if that is still the one named."""
    state = state_of(request)
    identifier, name = await require_gallery(request, grant, gallery_id)
    async with (
        AuditedAction(request, grant, Action.WRITE, identifier, name),
        received(request, grant, DescriptionUpdate.from_bytes, SMALL_REQUEST) as change,
    ):
        _check_identity(change.description.gallery_id, identifier)
        await require_name(request, grant, change.description.name)
        await state.write(
            grant, state.service.update_description, change.former_mac, change.description
        )


@router.put(
    "/galleries/{gallery_id}/replacement",
    summary="Let another gallery take the place of this one",
    status_code=204,
    openapi_extra=binary_body("REPLACEMENT"),
)
async def replace(request: Request, gallery_id: GalleryId, grant: AdminGrant) -> None:
    """Erase a gallery and give another its name, in one step."""
    state = state_of(request)
    identifier, name = await require_gallery(request, grant, gallery_id)
    async with (
        AuditedAction(request, grant, Action.REPLACE, identifier, name),
        received(request, grant, GalleryReplacement.from_bytes, SMALL_REQUEST) as change,
    ):
        description = change.description
        await require_gallery(request, grant, description.gallery_id.hex())
        await require_name(request, grant, description.name)
        await state.write(
            grant,
            state.service.replace,
            identifier,
            change.old_version,
            description,
            change.version,
        )


@router.delete("/galleries/{gallery_id}", summary="Erase a gallery", status_code=204)
async def delete(request: Request, gallery_id: GalleryId, grant: AdminGrant) -> None:
    """Erase a gallery."""
    state = state_of(request)
    identifier, name = await require_gallery(request, grant, gallery_id)
    async with AuditedAction(request, grant, Action.DELETE, identifier, name):
        await state.write(grant, state.service.delete, identifier)


@router.post(
    "/restore",
    summary="Make a gallery with content",
    status_code=204,
    openapi_extra=stream_body("CONTENT, then one BLOCK_UPDATE for each block of the manifest"),
)
async def restore(request: Request, grant: AdminGrant) -> None:
    """Make a gallery with content, whole or not at all."""
    state = state_of(request)
    async with AsyncExitStack() as stack:
        room = stack.enter_context(state.request_budget.opened(grant.token_id))
        async with state.bodies.turn(grant.token_id):
            file, size = await stack.enter_async_context(spool_body(request, state.config))
        largest = min(size, state.config.max_request)
        await room.grow(PARSED_FACTOR * largest)
        first = await run_in_threadpool(lambda: next(read_stream(file, largest), None))
        if first is None:
            raise MalformedMessageError("the stream is empty")
        content = GalleryContent.from_bytes(first)
        description = content.description
        await require_name(request, grant, description.name)
        sizes = RequestSizes(description, 0)
        largest = min(largest, sizes.largest_block)
        kept = PARSED_FACTOR * len(first) + min(sizes.written_block, PARSED_FACTOR * size)
        await room.grow(kept)
        room.shrink(kept)
        messages = read_stream(file, largest)
        blocks = (parse_received(BlockUpdate.from_bytes, message) for message in messages)
        async with AuditedAction(
            request, grant, Action.RESTORE, description.gallery_id, description.name
        ) as audit:
            audit.blocks = len(content.manifest.entries)
            await state.write(
                grant,
                state.service.restore,
                description,
                content.manifest,
                blocks,
                content.check_sums,
            )


@router.post("/purge", summary="Remove traces of what was erased", status_code=204)
async def purge(request: Request, grant: EnrollGrant) -> None:
    """Remove every trace of replaced and erased data from the database's files."""
    state = state_of(request)
    async with AuditedAction(request, grant, Action.PURGE):
        await state.write(grant, state.service.purge)


async def _reserve_answer(
    request: Request, grant: Grant, stack: ExitStack, size: int
) -> Reservation:
    """Reserve memory for an answer, until the stack is closed."""
    room = stack.enter_context(state_of(request).answer_budget.opened(grant.token_id))
    await room.grow(size)
    return room


def _check_identity(stated: bytes, addressed: bytes) -> None:
    if stated != addressed:
        raise MalformedMessageError("the message names another gallery than its address")


def _message(data: bytes) -> Response:
    return Response(data, media_type=MESSAGE)
