"""Pages of the entrance: sign in, unlock, lock."""

from __future__ import annotations

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from gallery.desk.access.scopes import DeskScope
from gallery.desk.errors import NotAllowedError, NotSignedInError
from gallery.desk.pages.gates import checked_form, gallery_of
from gallery.desk.pages.rendering import entrance, page, session_holder, wants_fragment
from gallery.desk.pages.way_back import to_unlock, way_back
from gallery.desk.rights import holder_of
from gallery.desk.state import DeskState, state_of
from gallery.desk.telling import told
from gallery.desk.texts import english
from gallery.desk.uploads import read_form
from gallery.desk.warming import warm_up
from gallery.errors import GalleryError, WrongPassphraseError

router = APIRouter()


@router.get("/")
def start(request: Request) -> Response:
    """Lead to the first page, or to what has to be done before."""
    owner, holder = state_of(request).owner, session_holder(request)
    if owner.is_locked:
        return _to("/unlock")
    usable = [number for number, name in enumerate(owner.names) if holder.may_use(name)]
    if not usable:
        raise NotAllowedError("this token is for galleries that this desk does not serve")
    return _to(f"/g/{usable[0]}/identify")


@router.api_route("/healthz", methods=["GET", "HEAD"])
def health() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok"}


@router.api_route("/metrics", methods=["GET", "HEAD"])
def metrics(request: Request) -> Response:
    """Return the figures for Prometheus, to holders of any session or token."""
    holder_of(request)
    return Response(state_of(request).statistics.text(), media_type=CONTENT_TYPE_LATEST)


@router.get("/enter")
def enter(request: Request, secret: str = "") -> Response:
    """Exchange the secret of the printed address for a cookie."""
    if not secret:
        return entrance(request)
    desk = state_of(request)
    if desk.config.tokens_only:
        raise NotSignedInError("browsers sign in to this desk with tokens alone")
    return _entered(request, desk, desk.sessions.enter(secret))


@router.post("/enter")
async def enter_with_token(request: Request) -> Response:
    """Begin a session with the rights of a token."""
    desk = state_of(request)
    form = await read_form(request, desk.config)
    token = form.fields.get("token", "").strip()
    try:
        holder = desk.tokens.holder(token)
    except NotSignedInError as error:
        return entrance(request, error.message)
    return _entered(request, desk, desk.sessions.enter_as(holder, token))


@router.post("/leave")
async def leave(request: Request) -> Response:
    """End the session."""
    desk, holder = state_of(request), session_holder(request)
    await checked_form(request, holder)
    assert holder.session is not None
    desk.sessions.leave(holder.session)
    answer = _to("/enter")
    answer.delete_cookie(desk.cookie, path="/")
    return answer


@router.get("/form-token")
def form_token(request: Request) -> Response:
    """Return the form token of the session, for a page that is older than this.

    Whoever can read this can read any page; another site can read neither.
    """
    desk, holder = state_of(request), session_holder(request)
    assert holder.session is not None
    return PlainTextResponse(desk.sessions.form_token(holder.session))


@router.get("/unlock")
def show_lock(request: Request, back: str = "") -> Response:
    """Show the question for the passphrase."""
    desk = state_of(request)
    if not desk.owner.is_locked:
        return _to(way_back(back))
    if desk.lacks_gallery and session_holder(request).scope is DeskScope.MANAGE:
        return _to("/begin")
    return _lock_page(request, desk, back)


@router.post("/unlock")
async def unlock(request: Request) -> Response:
    """Open the key."""
    desk, holder = state_of(request), session_holder(request)
    form = await checked_form(request, holder)
    if holder.scope is not DeskScope.MANAGE:
        raise NotAllowedError("the owner unlocks the desk")
    passphrase, back = form.fields.get("passphrase") or None, form.fields.get("back", "")
    try:
        await run_in_threadpool(desk.owner.unlock, passphrase)
    except WrongPassphraseError:
        return _lock_page(request, desk, back, english()("unlock.wrong"), is_wrong=True)
    except GalleryError as error:
        return _lock_page(request, desk, back, told(error, 403, holder))
    answer = Response(status_code=204) if wants_fragment(request) else _to(way_back(back))
    answer.background = BackgroundTask(warm_up, desk)
    return answer


@router.post("/lock")
async def lock(request: Request) -> Response:
    """Drop the key."""
    desk, holder = state_of(request), session_holder(request)
    form = await checked_form(request, holder)
    if holder.scope is not DeskScope.MANAGE:
        raise NotAllowedError("the owner locks the desk")
    await run_in_threadpool(desk.owner.lock)
    return _to(to_unlock(form.fields.get("back", "")))


@router.get("/go")
def switch(request: Request, g: int = 0, page: str = "identify") -> Response:
    """Lead to the same page of another gallery."""
    gallery_of(session_holder(request), state_of(request), g)
    known = page in ("identify", "live", "enroll", "people", "gallery")
    return _to(f"/g/{g}/{page if known else 'identify'}")


def _to(address: str) -> Response:
    return RedirectResponse(address, 303)


def _entered(request: Request, desk: DeskState, identifier: str) -> Response:
    # A page, not a redirection: a strict cookie is not sent along on one that another site began.
    answer = page(request, "entered.html.j2")
    answer.set_cookie(
        desk.cookie,
        identifier,
        httponly=True,
        samesite="strict",
        secure=desk.config.tls is not None,
        path="/",
    )
    return answer


def _lock_page(
    request: Request,
    desk: DeskState,
    back: str,
    problem: str | None = None,
    *,
    is_wrong: bool = False,
) -> Response:
    holder, status = session_holder(request), 200 if problem is None else 403
    if wants_fragment(request):
        template = "problem_fragment.html.j2"
        return page(
            request, template, holder, status=status, problem=problem, locked=None, way=None
        )
    return page(
        request,
        "unlock.html.j2",
        holder,
        status=status,
        problem=problem,
        is_wrong=is_wrong,
        back=way_back(back),
        may_unlock=holder.scope is DeskScope.MANAGE,
        needs_passphrase=desk.needs_passphrase,
    )
