"""Pages of people: the list, and one person's corrections and erasure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gallery.client import Person, PersonDetails
from gallery.client.integrity.clock import in_utc
from gallery.desk.access.scopes import DeskScope, Holder
from gallery.desk.errors import BadRequestError
from gallery.desk.open_gallery import OpenGallery
from gallery.desk.pages.carrying import carry_over
from gallery.desk.pages.gates import checked_form, gallery_name, page_for
from gallery.desk.pages.pictures import jpeg_url
from gallery.desk.pages.rendering import page, place_of
from gallery.desk.state import state_of
from gallery.desk.texts import english
from gallery.desk.uploads import Form

router = APIRouter(prefix="/g/{number}")

_Manages = Annotated[Holder, Depends(page_for(DeskScope.MANAGE))]

_SHOWN = 200
"""People on a page; a search finds the others."""

_MOST_OFFERED = 500
"""Names that the page of a person offers for another one; more would make it slow."""


@router.get("/people")
def show(
    request: Request, number: int, holder: _Manages, search: str = "", said: str = ""
) -> Response:
    """List who is enrolled, or whose name holds what was searched for, and say what was done."""
    desk = state_of(request)
    with desk.owner.gallery(gallery_name(desk, number)) as opened:
        sought, done = opened.carried.find(search), opened.carried.find(said)
    return _people(request, number, holder, sought, done)


@router.post("/people")
async def find(request: Request, number: int, holder: _Manages) -> Response:
    """Search for people by a part of their name; a form, so that no address holds a name."""
    form = await checked_form(request, holder)
    search = form.fields.get("search", "").strip()
    return await carry_over(request, number, "people", "search", lambda _: search)


@router.post("/person")
async def choose(request: Request, number: int, holder: _Manages) -> Response:
    """Lead to the page of a person, whose address names one of the references."""
    form = await checked_form(request, holder)
    desk, label = state_of(request), form.text("label")

    def work() -> str:
        with desk.owner.gallery(gallery_name(desk, number)) as opened:
            return opened.client.find(labels=[label])[0].reference_id

    identifier = await run_in_threadpool(work)
    return RedirectResponse(f"/g/{number}/person/{identifier}", 303)


@router.get("/person/{reference_id}")
def person(request: Request, number: int, reference_id: str, holder: _Manages) -> Response:
    """Show the person of a reference."""
    desk = state_of(request)
    with desk.owner.gallery(gallery_name(desk, number)) as opened:
        (chosen,) = opened.client.find(reference_ids=[reference_id])
        references = opened.client.find(labels=[chosen.label])
        found = {item.label: item.details for item in opened.client.people()}
        faces = [_face_of(opened, item.reference_id) for item in references]
    details = found[chosen.label]
    others = [label for label in found if label != chosen.label]
    return page(
        request,
        "person.html.j2",
        holder,
        place=place_of(request, holder, number, "people"),
        label=chosen.label,
        others=others if len(others) <= _MOST_OFFERED else [],
        references=list(zip(references, faces, strict=True)),
        attributes=details.attributes,
        expires=details.expires and in_utc(details.expires)[:10],
    )


@router.post("/person/rename")
async def rename(request: Request, number: int, holder: _Manages) -> Response:
    """Give a person another name."""

    def change(opened: OpenGallery, form: Form) -> str:
        old, new = form.text("label"), form.text("new")
        opened.client.rename(old, new)
        return english()("person.renamed", old=old, new=new)

    return await _changed(request, number, holder, change)


@router.post("/person/merge")
async def merge(request: Request, number: int, holder: _Manages) -> Response:
    """Make one person of two."""

    def change(opened: OpenGallery, form: Form) -> str:
        old, new = form.text("label"), form.text("new")
        opened.client.merge(old, new)
        return english()("person.merged", old=old, new=new)

    return await _changed(request, number, holder, change)


@router.post("/person/move")
async def move(request: Request, number: int, holder: _Manages) -> Response:
    """Give single references another name."""

    def change(opened: OpenGallery, form: Form) -> str:
        chosen = [value for name, value in form.fields.items() if name.startswith("reference-")]
        if not chosen:
            raise BadRequestError("tick the references to move")
        new = form.text("new")
        moved = opened.client.assign(chosen, new)
        count = english().count("references", len(moved))
        return english()("person.moved", number=count, new=new)

    return await _changed(request, number, holder, change)


@router.post("/person/details")
async def annotate(request: Request, number: int, holder: _Manages) -> Response:
    """Set what is known of a person: lines of name=value, and a date."""

    def change(opened: OpenGallery, form: Form) -> str:
        label, lines = form.text("label"), form.fields.get("attributes", "").splitlines()
        attributes = dict(map(_attribute, filter(str.strip, lines)))
        details = PersonDetails(attributes, _day(form.fields.get("expires", "")))
        (former,) = (item for item in opened.client.people() if item.label == label)
        gone = set(former.details.attributes) - set(details.attributes)
        opened.client.annotate([label], details, without=gone, unlimited=details.expires is None)
        return english()("person.annotated", label=label)

    return await _changed(request, number, holder, change)


@router.post("/person/remove")
async def remove(request: Request, number: int, holder: _Manages) -> Response:
    """Erase a person."""

    def change(opened: OpenGallery, form: Form) -> str:
        if not form.flag("sure"):
            raise BadRequestError("tick that this person is to be erased for good")
        label = form.text("label")
        removed = opened.remove(labels=[label])
        count = english().count("references", len(removed))
        return english()("person.removed", label=label, number=count)

    return await _changed(request, number, holder, change)


def _attribute(line: str) -> tuple[str, str]:
    name, equals, value = line.partition("=")
    if not equals:
        raise BadRequestError(f"{line.strip()!r} is not name=value")
    return name, value


def _day(text: str) -> int | None:
    """Return the beginning of a day in UTC, seconds since 1970, or None for no day."""
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) if text else None
    except ValueError as error:
        raise BadRequestError(f"{text!r} is not a date such as 2027-01-31") from error


def _faces_of(opened: OpenGallery, labels: Sequence[str]) -> dict[str, str]:
    """Return the thumbnail of one reference of each person, as far as there are some."""
    if opened.thumbnails is None or not opened.thumbnails.wanted:
        return {}
    opened.sweep_thumbnails()
    known, wanted, found = opened.thumbnails.known(), set(labels), dict[str, str]()
    for item in opened.client.references():
        if item.label in wanted and item.label not in found and item.reference_id in known:
            face = _face_of(opened, item.reference_id)
            if face is not None:
                found[item.label] = face
    return found


def _face_of(opened: OpenGallery, reference_id: str) -> str | None:
    """Return the thumbnail of a reference as a data URL, if there is one."""
    picture = None if opened.thumbnails is None else opened.thumbnails.picture(reference_id)
    return None if picture is None else jpeg_url(picture)


def _searched(person: Person) -> str:
    """Return the text of a person that a search among people looks at."""
    attributes = (f"{name}={value}" for name, value in person.details.attributes.items())
    return "\n".join((person.label, *attributes)).casefold()


async def _changed(
    request: Request, number: int, holder: Holder, change: Callable[[OpenGallery, Form], str]
) -> Response:
    form = await checked_form(request, holder)
    return await carry_over(request, number, "people", "said", lambda opened: change(opened, form))


def _people(request: Request, number: int, holder: Holder, search: str, said: str) -> Response:
    desk = state_of(request)
    wanted = search.casefold()
    with desk.owner.gallery(gallery_name(desk, number)) as opened:
        found = [item for item in opened.client.people() if wanted in _searched(item)]
        faces = _faces_of(opened, [item.label for item in found[:_SHOWN]])
        unkept = None if opened.thumbnails is None else opened.thumbnails.problem
    return page(
        request,
        "people.html.j2",
        holder,
        place=place_of(request, holder, number, "people"),
        people=[
            {
                "label": item.label,
                "face": faces.get(item.label),
                "references": item.references,
                "first": item.first_enrolled and in_utc(item.first_enrolled)[:10],
                "last": item.last_enrolled and in_utc(item.last_enrolled)[:10],
                "attributes": item.details.attributes,
                "expires": item.details.expires and in_utc(item.details.expires)[:10],
                "expired": item.is_expired,
            }
            for item in found[:_SHOWN]
        ],
        total=len(found),
        shown=min(len(found), _SHOWN),
        search=search,
        said=said,
        has_faces=bool(faces),
        unkept=unkept,
    )
