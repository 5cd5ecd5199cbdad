"""The pages of the desk, made on the server; scripts only make them more convenient."""

from fastapi import APIRouter

from gallery.desk.pages import (
    accuracy,
    decisions,
    details_table,
    enroll,
    entrance,
    first_steps,
    folder,
    galleries,
    identify,
    people,
)

router = APIRouter()
for _part in (
    entrance,
    first_steps,
    identify,
    enroll,
    folder,
    people,
    details_table,
    galleries,
    accuracy,
    decisions,
):
    router.include_router(_part.router)

__all__ = ["router"]
