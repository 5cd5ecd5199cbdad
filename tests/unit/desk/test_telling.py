"""The words of errors: what is wrong for the owner, and what to do for everybody."""

from __future__ import annotations

import pytest

from gallery.desk.access.scopes import DeskScope, Holder
from gallery.desk.access.tokens import TokenFileError
from gallery.desk.errors import BusyError, LockedError
from gallery.desk.problems import status_of
from gallery.desk.telling import told
from gallery.errors import DatabaseError, GalleryError, LabelExistsError
from gallery.hints import Hint

OWNER = Holder("owner", DeskScope.MANAGE)
OTHERS = [Holder("guard", DeskScope.ENROLL), Holder("kiosk", DeskScope.IDENTIFY), None]


def words(error: GalleryError, holder: Holder | None) -> str:
    """Return the words with the error's own status."""
    return told(error, status_of(error), holder)


@pytest.mark.parametrize("hint", list(Hint))
def test_no_hint_for_programmers_is_told(hint: Hint) -> None:
    for holder in (OWNER, *OTHERS):
        assert hint.value not in words(LabelExistsError("there is one", hint=hint), holder)


def test_the_owner_hears_what_is_wrong() -> None:
    said = words(DatabaseError("the database /home/ada/gallery.db is full"), OWNER)

    assert said.startswith("the database /home/ada/gallery.db is full. The database cannot")


@pytest.mark.parametrize("holder", OTHERS)
@pytest.mark.parametrize("kind", [DatabaseError, TokenFileError, GalleryError])
def test_others_hear_of_no_place_on_the_owners_machine(
    holder: Holder | None, kind: type[GalleryError]
) -> None:
    said = words(kind("the file /home/ada/gallery.db is full"), holder)

    assert "/home" not in said
    assert "tell the owner of this desk" in said


@pytest.mark.parametrize("error", [BusyError("the desk is busy"), LockedError("it is locked")])
def test_what_the_desk_itself_says_is_for_everybody(error: GalleryError) -> None:
    assert {words(error, holder) for holder in (OWNER, *OTHERS)} == {error.message}
