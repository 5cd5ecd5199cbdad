"""The making of pages: templates, the place of a page, and the form token of its session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from gallery.desk.access.scopes import DeskScope, Holder
from gallery.desk.errors import NotSignedInError
from gallery.desk.pages.figures import distance_text, limit_text, sentence
from gallery.desk.poor_photos import poor_words
from gallery.desk.problems import known_holder
from gallery.desk.rights import holder_of
from gallery.desk.state import state_of
from gallery.desk.texts import english, whole

FRAGMENT_HEADER = "x-fragment"
"""The header of a page's script that wants the changed part of the page alone."""

_PAGES = {
    DeskScope.IDENTIFY: ("identify", "live"),
    DeskScope.ENROLL: ("identify", "live", "enroll"),
    DeskScope.MANAGE: ("identify", "live", "enroll", "people", "gallery"),
}


@dataclass(frozen=True)
class Place:
    """The place of a page.

    Attributes
    ----------
    number
        Of the gallery, from 0.
    galleries
        Names of the galleries that the session may use, by number.
    page
        Which page of the gallery.
    pages
        Those that the session may see.
    may_lock
        Whether the session may lock the desk.
    """

    number: int
    galleries: Mapping[int, str]
    page: str
    pages: tuple[str, ...]
    may_lock: bool


@cache
def _environment() -> Environment:
    folder = Path(__file__).parent.with_name("templates")
    environment = Environment(
        loader=DictLoader({file.name: file.read_text("utf-8") for file in folder.glob("*.j2")}),
        autoescape=True,
        auto_reload=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["t"] = english()
    environment.filters.update(
        distance=distance_text,
        limit=limit_text,
        sentence=sentence,
        poor=lambda quality: poor_words(quality, english()),
    )
    return environment


def load_templates() -> None:
    """Read all templates and their words, so that those of another version never come between."""
    _environment()


def wants_fragment(request: Request) -> bool:
    """Tell whether a page's script asks for a part of it."""
    return FRAGMENT_HEADER in request.headers


def place_of(request: Request, holder: Holder, number: int, page: str) -> Place:
    """Return the place of a page of a gallery."""
    owner = state_of(request).owner
    return Place(
        number,
        {index: name for index, name in enumerate(owner.names) if holder.may_use(name)},
        page,
        _PAGES[holder.scope],
        holder.scope is DeskScope.MANAGE,
    )


def page(
    request: Request,
    template: str,
    holder: Holder | None = None,
    *,
    place: Place | None = None,
    status: int = 200,
    **values: Any,
) -> HTMLResponse:
    """Return a page, or a part of one, with the alarm of its gallery."""
    form_token = ""
    if holder is not None and holder.session is not None:
        form_token = state_of(request).sessions.form_token(holder.session)
    made = _environment().get_template(template)
    alarm = alarm_in(request)
    limited = holder is not None and holder.is_limited
    text = made.render(
        place=place, form_token=form_token, alarm=alarm, is_limited=limited, **values
    )
    if alarm is not None and wants_fragment(request):
        text += alarm
    return HTMLResponse(whole(text), status)


def entrance(request: Request, problem: str | None = None) -> HTMLResponse:
    """Return the page on which a browser signs in, and why it has to, if that is to be said."""
    tokens_only, status = state_of(request).config.tokens_only, 401 if problem else 200
    return page(request, "enter.html.j2", status=status, problem=problem, tokens_only=tokens_only)


def alarm_in(request: Request) -> str | None:
    """Return the alarm of a request's gallery as a part of a page, or None while all is well.

    `gallery.desk.pages.gates.page_for` says which gallery, once it is known who asks.
    """
    owner, holder = state_of(request).owner, known_holder(request)
    gallery = getattr(request.state, "gallery", None)
    text = None if gallery is None else owner.alarm(gallery)
    unlogged = None if gallery is None or owner.log is None else owner.log.problem
    if text is None and unlogged is None:
        return None
    template = _environment().get_template("alarm.html.j2")
    may_know = holder is not None and not holder.is_limited
    return whole(template.render(name=gallery, text=text, unlogged=unlogged, may_know=may_know))


def session_holder(request: Request) -> Holder:
    """Return the holder whose browser asks for a page (`NotSignedInError`)."""
    holder = holder_of(request)
    if holder.session is None:
        raise NotSignedInError("pages are for browsers; programs use the API")
    return holder
