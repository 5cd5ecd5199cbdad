"""The page of a desk that has no gallery yet: a passphrase is chosen, and the gallery is made."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gallery.desk.access.scopes import DeskScope, Holder
from gallery.desk.beginning import Beginning
from gallery.desk.errors import BadRequestError
from gallery.desk.pages.gates import checked_form
from gallery.desk.pages.rendering import page, session_holder
from gallery.desk.rights import check_scope
from gallery.desk.state import state_of
from gallery.desk.telling import told
from gallery.desk.texts import english
from gallery.desk.uploads import Form
from gallery.desk.warming import warm_up
from gallery.errors import GalleryError, WrongPassphraseError

router = APIRouter()


@router.get("/begin")
def show(request: Request) -> Response:
    """Show what has to be chosen."""
    holder, beginning = session_holder(request), state_of(request).beginning
    check_scope(holder, DeskScope.MANAGE)
    if beginning is None or beginning.is_over:
        return RedirectResponse("/", 303)
    return _page(request, holder, beginning)


@router.post("/begin")
async def begin(request: Request) -> Response:
    """Make the key file and the gallery, and unlock the desk."""
    return await _done(request, _made)


@router.post("/restore")
async def restore(request: Request) -> Response:
    """Make the gallery of a backup, and unlock the desk."""
    return await _done(request, _restored)


async def _done(request: Request, work: Callable[[Beginning, Form], tuple[str, str]]) -> Response:
    """Make the gallery, and lead to the page that ``work`` names, with what it says."""
    desk, holder = state_of(request), session_holder(request)
    check_scope(holder, DeskScope.MANAGE)
    form = await checked_form(request, holder)
    beginning = desk.beginning
    if beginning is None:
        return RedirectResponse("/", 303)

    def made() -> str:
        to, said = work(beginning, form)
        desk.owner.unlock(_passphrase(form))
        with desk.owner.gallery(desk.owner.names[0]) as opened:
            return f"/g/0/{to}?said={opened.carried.keep(said)}"

    try:
        address = await run_in_threadpool(made)
    except WrongPassphraseError:
        return _page(request, holder, beginning, english()("unlock.wrong"))
    except GalleryError as error:
        return _page(request, holder, beginning, told(error, 403, holder))
    return RedirectResponse(address, 303, background=BackgroundTask(warm_up, desk))


def _made(beginning: Beginning, form: Form) -> tuple[str, str]:
    """Make what is lacking."""
    passphrase, model = _passphrase(form), form.fields.get("model", "")
    if model not in beginning.models:
        raise BadRequestError(english()("begin.nomodel"))
    if beginning.lacks_key and form.fields.get("again") != (passphrase or ""):
        raise BadRequestError(english()("begin.differ"))
    if beginning.lacks_key and passphrase is None:
        raise BadRequestError(english()("begin.nopassphrase"))
    beginning.make(passphrase, model)
    return "enroll", english()("begin.done", file=beginning.key_file)


def _restored(beginning: Beginning, form: Form) -> tuple[str, str]:
    """Make the gallery of the backup that was sent."""
    if not form.uploads:
        raise BadRequestError(english()("begin.nobackup"))
    beginning.restore(_passphrase(form), form.uploads[0].data)
    return "people", english()("begin.restored")


def _passphrase(form: Form) -> str | None:
    return form.fields.get("passphrase") or None


def _page(
    request: Request, holder: Holder, beginning: Beginning, problem: str | None = None
) -> Response:
    return page(
        request,
        "begin.html.j2",
        holder,
        status=200 if problem is None else 422,
        problem=problem,
        beginning=beginning,
        needs_passphrase=state_of(request).needs_passphrase,
    )
