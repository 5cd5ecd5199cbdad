"""The API of the desk, ``/v1``: for programs on this machine, or with a token."""

from fastapi import APIRouter

from gallery.desk.api import events, galleries, people, searches

router = APIRouter()
for _part in (searches, events, people, galleries):
    router.include_router(_part.router)

__all__ = ["router"]
