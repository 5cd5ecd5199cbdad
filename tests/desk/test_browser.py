"""The desk in a real browser: what a guard does, with the mouse, the keyboard and the camera."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from gallery.client import GalleryKey
from gallery.client.backup import Backup
from gallery.errors import WrongResultError
from tests.desk.test_photos import side_by_side
from tests.support.desks import PASSPHRASE, Desk
from tests.support.photos import LondonPerson

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)

# Where ``CI`` is set they fail without one: what checks a change has to have a browser.
MUST_RUN = bool(os.environ.get("CI")) and sys.platform == "linux"

pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not MUST_RUN, reason="Chromium is not installed"
)

WAIT = 60_000
"""Milliseconds; a face takes half a second, and a machine may be busy."""


@pytest.fixture
def camera(london: list[LondonPerson], tmp_path: Path) -> Path:
    """What the fake camera shows: Ada, smiling, as uncompressed video of one frame."""
    picture = Image.open(london[0].smiling).convert("RGB").resize((400, 480))
    y, cb, cr = picture.convert("YCbCr").split()
    small = [plane.resize((200, 240)) for plane in (cb, cr)]
    path = tmp_path / "camera.y4m"
    path.write_bytes(
        b"YUV4MPEG2 W400 H480 F5:1 Ip A1:1 C420jpeg\nFRAME\n"
        + y.tobytes()
        + b"".join(plane.tobytes() for plane in small)
    )
    return path


@pytest.fixture
def browser(camera: Path) -> Iterator[Browser]:
    """Chromium with a camera of its own."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-video-capture={camera}",
            ],
        )
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser, photo_desk: Desk) -> Iterator[Page]:
    """A page that is signed in; whatever its scripts complain of fails the test."""
    opened = browser.new_page(base_url=photo_desk.address)
    opened.set_default_timeout(WAIT)
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    opened.goto(f"/enter?secret={photo_desk.state.sessions.launch_secret}")
    opened.wait_for_url("**/g/0/identify")
    yield opened
    assert problems == []


def enroll(page: Page, label: str, photo: Path) -> None:
    """Enroll a person by the page."""
    page.goto("/g/0/enroll")
    page.get_by_label("Name").fill(label)
    page.get_by_label("Drop photos here").set_input_files(photo)
    page.get_by_role("button", name="Enroll", exact=True).click()
    expect(page.get_by_text(f"1 photo of {label} was enrolled.")).to_be_visible(timeout=WAIT)


AXE = {"rules": {"target-size": {"enabled": True}}}
"""What axe-core leaves out by itself of WCAG 2.2 AA: how large what is pressed must be."""


def assert_accessible(page: Page) -> None:
    """Check a page by the rules of axe-core, in light and in dark."""
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page, options=AXE).response["violations"]
        assert [(item["id"], item["nodes"][0]["html"]) for item in found] == [], scheme


def test_a_day_at_the_desk(
    page: Page, photo_desk: Desk, key: GalleryKey, london: list[LondonPerson], tmp_path: Path
) -> None:
    ada, grace, stranger = london[0], london[1], london[5]
    enroll(page, "Ada", ada.neutral)
    enroll(page, "<b>Grace</b>", grace.neutral)
    assert_accessible(page)

    photo = tmp_path / "three.jpg"
    photo.write_bytes(side_by_side(ada.smiling, stranger.neutral, grace.smiling))
    page.goto("/g/0/identify")
    page.get_by_label("Drop photos here").set_input_files(photo)
    expect(page.locator(".face")).to_have_count(3, timeout=WAIT)
    titles = page.locator(".face h3").all_inner_texts()
    assert [title.split()[-1] for title in titles] == ["Ada", "known", "<b>Grace</b>"]
    assert page.locator(".picture rect").count() == 3
    assert_accessible(page)

    enroll(page, "Mistake", stranger.neutral)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("1 reference of Mistake was erased again.")).to_be_visible()

    page.goto("/g/0/people")
    page.get_by_role("button", name="<b>Grace</b>").click()
    expect(page.get_by_role("heading", name="<b>Grace</b>")).to_be_visible()
    assert_accessible(page)
    page.get_by_label("Attributes").fill("id=4711\nroom=12")
    page.get_by_label("No match from").fill("2001-02-03")
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_text("id=4711, room=12")).to_be_visible()
    expect(page.get_by_text("expired on 2001-02-03")).to_be_visible()
    table = tmp_path / "staff.csv"
    table.write_text("label,room\nAda,14\nEd,3\n")
    page.get_by_label("Table").set_input_files(table)
    assert_accessible(page)
    page.get_by_role("button", name="Show what would change").click()
    expect(page.get_by_text("1 person would be changed.")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="Keep all of it").click()
    expect(page.get_by_text("room=14")).to_be_visible()
    page.get_by_role("button", name="<b>Grace</b>").click()
    expect(page.get_by_label("Attributes")).to_have_value("id=4711\nroom=12\n")
    page.get_by_label("New name").fill("Grace H.")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("status")).to_have_text("<b>Grace</b> is called Grace H. now.")
    page.get_by_role("button", name="Grace H.").click()
    page.get_by_label("Name of the other person").fill("Ada")
    page.get_by_role("button", name="Merge").click()
    expect(page.get_by_role("status")).to_have_text("Grace H. and Ada are one person now.")
    page.get_by_role("button", name="Ada").click()
    page.get_by_label("Yes, erase Ada for good").check()
    page.get_by_role("button", name="Erase").click()
    expect(page.get_by_role("status")).to_have_text("Ada was erased: 2 references.")
    expect(page.get_by_text("Nobody is enrolled yet.")).to_be_visible()

    page.goto("/g/0/gallery")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("All is as you stored it.")).to_be_visible(timeout=WAIT)
    assert_accessible(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download a backup").click()
    with Backup(download.value.path(), key) as backup:
        assert backup.description.name == "default"

    page.get_by_role("button", name="Lock").click()
    assert photo_desk.state.owner.is_locked
    assert_accessible(page)
    page.get_by_label("Passphrase of the key").fill(PASSPHRASE)
    page.keyboard.press("Enter")
    page.wait_for_url("**/g/0/gallery")


ENDED_CAMERA = """() => {
  document.querySelector("video").srcObject.getTracks()[0].dispatchEvent(new Event("ended"));
}"""
FAILING_FETCH = """() => {
  window.kept = window.fetch;
  window.fetch = async () => { throw new TypeError(); };
}"""


def test_the_camera_names_who_stands_before_it(page: Page, london: list[LondonPerson]) -> None:
    enroll(page, "Ada", london[0].neutral)

    page.goto("/g/0/live")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("[data-seen] strong").first).to_have_text("Ada", timeout=WAIT)
    expect(page.locator(".screen text").first).to_have_text("Ada")
    expect(page.locator("[data-new]")).to_have_text("Ada")
    assert_accessible(page)
    page.evaluate(FAILING_FETCH)
    expect(page.locator(".live .status")).to_have_text(
        "The desk does not answer. Is it still running?"
    )
    expect(page.locator(".screen text")).to_have_count(0)
    page.evaluate("() => { window.fetch = window.kept; }")
    expect(page.locator(".screen text").first).to_have_text("Ada", timeout=WAIT)
    page.evaluate(ENDED_CAMERA)
    expect(page.locator(".live .status")).to_contain_text("The camera gives no pictures any more")
    expect(page.locator(".screen text")).to_have_count(0)
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".screen text").first).to_have_text("Ada", timeout=WAIT)
    page.get_by_role("button", name="Stop").click()

    page.goto("/g/0/identify")
    page.get_by_role("button", name="Use the camera").click()
    expect(page.get_by_role("button", name="Take a photo")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="Take a photo").click()
    expect(page.locator(".face h3").first).to_contain_text("Ada", timeout=WAIT)
    page.evaluate(ENDED_CAMERA)
    expect(page.get_by_role("button", name="Take a photo")).to_be_hidden()
    expect(page.locator("form .status")).to_contain_text("The camera gives no pictures any more")


def test_a_search_needs_no_mouse_and_no_wide_screen(page: Page, london: list[LondonPerson]) -> None:
    page.set_viewport_size({"width": 360, "height": 640})
    enroll(page, "Ada", london[0].neutral)
    page.goto("/g/0/identify")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "file"
    page.get_by_label("Drop photos here").set_input_files(london[0].smiling)
    expect(page.locator(".face h3")).to_contain_text("Ada", timeout=WAIT)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360


def test_a_question_is_about_what_was_sent(page: Page, london: list[LondonPerson]) -> None:
    ada = london[0]
    enroll(page, "Ada", ada.neutral)
    page.get_by_label("Name").fill("Eve")
    page.get_by_label("Drop photos here").set_input_files(ada.smiling)
    page.get_by_role("button", name="Enroll", exact=True).click()
    question = page.get_by_text("Is this somebody who is here already?")
    expect(question).to_be_visible(timeout=WAIT)

    page.get_by_label("Name").fill("Grace")
    expect(question).to_have_count(0)
    page.get_by_role("button", name="Enroll", exact=True).click()
    page.get_by_role("button", name="They are different people").click()
    expect(page.get_by_text("1 photo of Grace was enrolled.")).to_be_visible(timeout=WAIT)


def test_an_alarm_stays_on_top(page: Page, photo_desk: Desk, tmp_path: Path) -> None:
    photo = tmp_path / "grey.png"
    Image.new("RGB", (64, 64), "grey").save(photo)
    with pytest.raises(WrongResultError), photo_desk.state.owner.gallery("default"):
        raise WrongResultError("a block is not what was stored")

    page.get_by_label("Drop photos here").set_input_files(photo)
    alarm = page.get_by_role("alert")
    expect(alarm).to_contain_text("Do not rely on the gallery default", timeout=WAIT)
    expect(page.locator("#results")).not_to_contain_text("Do not rely")

    page.goto("/g/0/live")
    page.evaluate("document.getElementById('alarm').replaceChildren()")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("[data-seen] li").first).to_be_visible(timeout=WAIT)
    expect(alarm).to_contain_text("Do not rely on the gallery default")
    assert_accessible(page)
