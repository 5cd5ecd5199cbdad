"""The alarm of a lying server: it is on every answer from then on, whatever the desk does."""

from __future__ import annotations

import pytest

from gallery.desk.access.scopes import DeskScope
from gallery.errors import WrongResultError
from tests.support.desks import PASSPHRASE, Desk

SAID = "the block 0 is not what was stored"
SHOWN = "The block 0 is not what was stored."
PHOTO = {"photos": ("noise.png", b"no picture", "image/png")}
FRAGMENT = {"X-Fragment": "1"}


@pytest.fixture
def alarmed(photo_desk: Desk) -> Desk:
    """A desk whose gallery was found to be wrong."""
    with pytest.raises(WrongResultError), photo_desk.state.owner.gallery("default"):
        raise WrongResultError(SAID)
    return photo_desk


def test_every_page_and_every_part_of_one_says_it(alarmed: Desk) -> None:
    browser = alarmed.browser()

    pages = [browser.get(f"/g/0/{name}") for name in ("identify", "live", "enroll", "people")]
    parts = [
        browser.post("/g/0/identify", files=PHOTO, headers=FRAGMENT),
        browser.post("/g/0/enroll", files=PHOTO, data={"label": "Ada"}, headers=FRAGMENT),
        browser.post("/g/0/identify", headers=FRAGMENT),  # a problem
    ]

    assert all(SHOWN in answer.text for answer in (*pages, *parts))
    assert all(answer.text.count("data-alarm") == 1 for answer in (*pages, *parts))
    assert SHOWN in browser.post("/g/0/live", files=PHOTO).json()["alarm"]


def test_locking_does_not_clear_it(alarmed: Desk) -> None:
    browser, owner = alarmed.browser(), alarmed.program(DeskScope.MANAGE)
    browser.post("/lock")
    browser.post("/unlock", data={"passphrase": PASSPHRASE})

    assert SHOWN in browser.get("/g/0/identify").text
    assert owner.get("/v1/galleries/default").json()["alarm"] == SAID


def test_nobody_learns_it_who_is_not_signed_in(alarmed: Desk) -> None:
    shown = alarmed.program().get("/g/0/identify").text
    assert SAID not in shown and SHOWN not in shown


def test_while_all_is_well_there_is_none(photo_desk: Desk) -> None:
    browser = photo_desk.browser()

    assert "data-alarm" not in browser.get("/g/0/identify").text
    assert browser.post("/g/0/live", files=PHOTO).json()["alarm"] is None
