"""The API of the desk, ``/v1``: for programs on this machine, or with a token."""

from fastapi import APIRouter

from gallery.desk.api import decisions, events, galleries, people, searches

router = APIRouter()
for _part in (searches, events, people, decisions, galleries):
    router.include_router(_part.router)

__all__ = ["router"]
