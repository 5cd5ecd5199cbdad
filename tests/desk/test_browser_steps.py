"""A browser that goes back, reloads, clicks twice, and is locked out while a form is filled in."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

import gallery.desk
from gallery.client import GalleryClient, GalleryKey
from gallery.desk.access.scopes import DeskScope
from gallery.server import EmbeddedService
from tests.desk.test_browser import CHROMIUM, WAIT, assert_accessible
from tests.support.desks import PASSPHRASE, Desk
from tests.support.galleries import random_embeddings

SCRIPT = Path(gallery.desk.__file__).parent / "static" / "desk.js"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, one for all tests here."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser, desk: Desk, service: EmbeddedService, key: GalleryKey) -> Iterator[Page]:
    """The owner's page of Ada, in a gallery of three people; its scripts raise nothing."""
    with GalleryClient(service, key) as client:
        client.enroll(random_embeddings(3, 8), ["Ada", "Grace", "Kay"])
    problems = list[str]()
    opened = browser.new_page(base_url=desk.address)
    opened.set_default_timeout(WAIT)
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.goto(f"/enter?secret={desk.state.sessions.launch_secret}")
    opened.wait_for_url("**/g/0/identify")
    opened.goto("/g/0/people")
    opened.get_by_label("Search").fill("a")
    opened.keyboard.press("Enter")
    expect(opened.get_by_text("3 people")).to_be_visible()
    opened.get_by_role("button", name="Ada").click()
    expect(opened.get_by_role("heading", name="Ada")).to_be_visible()
    opened.wait_for_load_state()  # with its scripts
    yield opened
    opened.close()
    assert problems == []


def test_pages_of_people_can_be_gone_back_to_and_reloaded(page: Page) -> None:
    page.get_by_label("New name").fill("Ada L.")
    page.get_by_role("button", name="Rename").dblclick()
    expect(page.get_by_role("status")).to_have_text("Ada is called Ada L. now.")
    page.reload()
    expect(page.get_by_role("status")).to_have_text("Ada is called Ada L. now.")

    page.go_back()
    expect(page.get_by_role("heading", name="Ada L.")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Search")).to_have_value("a")
    assert "Ada" not in page.url


def test_what_is_wrong_is_said_beside_the_form_which_keeps_what_was_typed(page: Page) -> None:
    page.get_by_label("Attributes").fill("a remark")
    page.get_by_role("button", name="Keep").click()
    expect(page.locator("#details-told")).to_have_text("'a remark' is not name=value.")
    expect(page.get_by_label("Attributes")).to_have_value("a remark")

    page.get_by_label("Name of the other person").fill("Nobody")
    page.get_by_role("button", name="Merge").click()
    expect(page.locator("#merge-told")).to_contain_text("holds no reference named 'Nobody'")
    offered = page.locator("datalist option").evaluate_all("all => all.map((one) => one.value)")
    assert offered == ["Grace", "Kay"]
    assert_accessible(page)


def test_a_desk_that_locked_itself_is_unlocked_on_the_page_that_waits_for_it(
    page: Page, desk: Desk
) -> None:
    page.get_by_label("Attributes").fill("id=4711")
    desk.idle_until_locked()
    page.get_by_role("button", name="Keep").click()
    asked = page.locator("#details-told")
    expect(asked.get_by_role("alert")).to_have_text("The desk is locked.")
    assert_accessible(page)
    asked.get_by_label("Passphrase of the key").fill("wrong")
    page.keyboard.press("Enter")
    expect(asked.get_by_role("status")).to_contain_text("does not open the key")
    asked.get_by_label("Passphrase of the key").fill(PASSPHRASE)
    page.keyboard.press("Enter")

    expect(page.get_by_role("status")).to_have_text("The details of Ada were changed.")
    expect(page.get_by_text("id=4711")).to_be_visible()


def test_a_browser_that_is_signed_out_signs_in_beside_the_page_that_waits_for_it(
    page: Page, desk: Desk
) -> None:
    token = desk.state.tokens.issue("office", DeskScope.MANAGE)
    page.get_by_label("Attributes").fill("id=4711")
    page.context.clear_cookies()
    page.get_by_role("button", name="Keep").click()
    expect(page.locator("#details-told")).to_contain_text("What you filled in stays here")
    with page.expect_popup() as beside:
        page.get_by_role("link", name="Sign in").click()
    beside.value.get_by_label("Token").fill(token)
    beside.value.keyboard.press("Enter")
    beside.value.wait_for_url("**/g/0/identify")

    page.get_by_role("button", name="Keep").click()

    expect(page.get_by_role("status")).to_have_text("The details of Ada were changed.")
    beside.value.close()


def test_long_work_is_found_again_by_whoever_comes_back(page: Page, desk: Desk) -> None:
    over = threading.Event()
    desk.state.jobs.start("default", "Checking", 3, lambda _: str(over.wait(60)))

    for address in ("/g/0/accuracy", "/g/0/gallery"):
        page.goto(address)
        expect(page.get_by_role("progressbar", name="Checking")).to_be_visible()
        assert_accessible(page)
    over.set()
    expect(page.get_by_text("True")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Under way")).to_have_count(0)


def test_a_page_that_waits_for_the_owner_goes_on_when_the_desk_is_unlocked(
    browser: Browser, desk: Desk
) -> None:
    script = SCRIPT.read_text("utf-8").replace("LOOK_AGAIN = 3000", "LOOK_AGAIN = 50")
    desk.state.owner.lock()
    kiosk = browser.new_page(base_url=desk.address)
    kiosk.set_default_timeout(WAIT)
    kiosk.route(
        "**/static/desk.js",
        lambda route: route.fulfill(body=script, content_type="text/javascript"),
    )
    kiosk.goto("/enter")
    kiosk.get_by_label("Token").fill(desk.state.tokens.issue("kiosk", DeskScope.IDENTIFY))
    kiosk.keyboard.press("Enter")
    expect(kiosk.get_by_text("Ask the owner to unlock it.")).to_be_visible()
    kiosk.goto("/g/0/live")
    kiosk.wait_for_url("**/unlock?back=/g/0/live")

    desk.state.owner.unlock(PASSPHRASE)

    kiosk.wait_for_url("**/g/0/live")
    kiosk.close()
