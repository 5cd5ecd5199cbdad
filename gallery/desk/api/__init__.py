"""The API of the desk, ``/v1``: for programs on this machine, or with a token."""

from fastapi import APIRouter, Security

from gallery.desk.api import batch, decisions, events, galleries, people, references, searches
from gallery.desk.api.openapi import BEARER, PROBLEMS

router = APIRouter(dependencies=[Security(BEARER)], responses=PROBLEMS)
for _part in (searches, batch, events, people, references, decisions, galleries):
    router.include_router(_part.router)

__all__ = ["router"]
