"""The API of the desk, ``/v1``: for programs on this machine, or with a token."""

from fastapi import APIRouter, Security

from gallery.desk.api import (
    batch_search,
    decisions,
    events,
    face_routes,
    galleries,
    people,
    references,
)
from gallery.desk.api.openapi import BEARER, PROBLEMS

router = APIRouter(dependencies=[Security(BEARER)], responses=PROBLEMS)
for _part in (face_routes, batch_search, events, people, references, decisions, galleries):
    router.include_router(_part.router)

__all__ = ["router"]
