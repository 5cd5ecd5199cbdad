"""Folders, sets, reports, thumbnails and the log in a real browser: what scripts do, and the look.

Photos are patterns, embedded without a detector, so that each is one face.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

import gallery.desk
from gallery.client import GalleryClient, GalleryKey, PhotoEmbedder
from gallery.desk.access.scopes import DeskScope
from gallery.desk.config import DeskConfig
from gallery.desk.decisions.log import DecisionLog
from gallery.desk.thumbnails import ThumbnailFolder
from gallery.server import open_service
from tests.desk.test_browser import CHROMIUM, WAIT, assert_accessible
from tests.support.desks import PASSPHRASE, Desk, open_desk
from tests.support.patterns import write_pattern

SCRIPT = Path(gallery.desk.__file__).parent / "static" / "folder.js"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, one for all tests here."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def desk(
    key: GalleryKey, tmp_path_factory: pytest.TempPathFactory, deepface_home: Path
) -> Iterator[Desk]:
    """A desk over a gallery of patterns, with all that it can be asked to keep."""
    folder = tmp_path_factory.mktemp("desk")
    generator = np.random.default_rng(1)
    people = generator.normal(size=(12, 1, 128)) + generator.normal(scale=0.3, size=(12, 4, 128))
    labels = np.repeat(np.arange(12).astype(str), 4)
    (folder / "sets").mkdir()
    np.savez(folder / "sets" / "staff.npz", embeddings=people.reshape(-1, 128), labels=labels)
    made_by = PhotoEmbedder("Dlib", "skip", download=False).preprocessing
    with open_service(f"sqlite:///{folder / 'gallery.db'}", create=True) as service:
        GalleryClient.create(
            service, key, dimension=128, preprocessing=made_by, threshold=0.002
        ).close()
        with open_desk(
            service,
            key,
            folder,
            config=DeskConfig(sets=folder / "sets", max_photo=2**20),
            log=DecisionLog(folder / "desk.key.desk-decisions", 90),
            thumbnails=ThumbnailFolder(folder / "desk.key.desk-thumbnails", wanted=True),
        ) as opened:
            yield opened


def signed_in(browser: Browser, desk: Desk) -> Page:
    """Return a page of the owner, as narrow as WCAG 2.2 wants pages to be of use."""
    page = browser.new_page(base_url=desk.address, viewport={"width": 320, "height": 700})
    page.set_default_timeout(WAIT)
    page.goto(f"/enter?secret={desk.state.sessions.launch_secret}")
    page.wait_for_url("**/g/0/identify")
    return page


@pytest.fixture
def page(browser: Browser, desk: Desk) -> Iterator[Page]:
    """A page that is signed in; whatever its scripts complain of fails the test."""
    opened, problems = signed_in(browser, desk), list[str]()
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    yield opened
    opened.close()
    assert problems == []


@pytest.fixture
def staff(tmp_path: Path) -> Path:
    """A folder of people, with a photo of one under two names, a large one, and litter."""
    folder = tmp_path / "staff"
    write_pattern(folder / "Ada" / "1.png", 1)
    write_pattern(folder / "<b>Eve" / "deep" / "1.png", 1, 2)
    write_pattern(folder / "Kay" / "3.png", 3)
    (folder / "Kay" / "large.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(2**20))
    (folder / "Kay" / "notes.txt").write_text("no photo")
    (folder / ".git").mkdir()
    (folder / ".git" / "1.png").write_text("hidden")
    return folder


def assert_fits(page: Page) -> None:
    """Check that a page is as narrow as a phone."""
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_a_folder_is_enrolled_and_taken_back(page: Page, desk: Desk, staff: Path) -> None:
    page.goto("/g/0/enroll")
    page.get_by_label("Drop a folder here").set_input_files(staff)
    page.get_by_role("button", name="Enroll the folder").press("Enter")

    done = page.locator("#folder-results")
    expect(done).to_contain_text("2 photos were enrolled, of 2 people.", timeout=WAIT)
    expect(done).to_contain_text("hidden: 1")
    expect(done).to_contain_text("no photo: 1")
    expect(done).to_contain_text("staff/Kay/large.png: it has more than 1 MiB")
    expect(done).to_contain_text("Ada (1 photo): close to <b>Eve (distance")
    assert_accessible(page)
    assert_fits(page)

    page.get_by_label("Ada (1 photo)").press("Space")
    page.get_by_role("button", name="Those that are ticked").press("Enter")
    expect(done).to_contain_text("3 photos were enrolled, of 3 people.", timeout=WAIT)

    page.goto("/g/0/people")
    expect(page.locator("img.face-picture")).to_have_count(3)
    assert page.locator("img.face-picture").first.evaluate("image => image.naturalWidth") == 96
    assert_accessible(page)
    assert_fits(page)

    page.goto("/g/0/enroll")
    page.get_by_label("Drop a folder here").set_input_files(staff)
    page.get_by_role("button", name="Enroll the folder").click()
    expect(done).to_contain_text("3 photos were enrolled before.", timeout=WAIT)
    expect(page.get_by_role("button", name="Undo")).to_have_count(1)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status").first).to_contain_text("undone: 3 references erased.")


DROP_FILE = """([zone, name, type, data]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([Uint8Array.from(data)], name, { type }));
  const what = { cancelable: true, bubbles: true, dataTransfer: transfer };
  const dropped = new DragEvent("drop", what);
  document.querySelector(zone).dispatchEvent(dropped);
  return dropped.defaultPrevented;
}"""


DROP_FOLDER = """() => {
  const dropped = new Event("drop", { cancelable: true });
  const folder = { webkitGetAsEntry: () => ({ isDirectory: true }) };
  dropped.dataTransfer = { items: [folder], files: [] };
  document.querySelector("[data-drop]").dispatchEvent(dropped);
}"""


def test_a_dropped_photo_is_searched_with_and_nothing_else_is_opened(
    page: Page, tmp_path: Path
) -> None:
    photo = list(write_pattern(tmp_path / "x.png", 41).read_bytes())

    assert page.evaluate(DROP_FILE, ["h1", "x.png", "image/png", photo])
    assert page.evaluate(DROP_FILE, ["[data-drop]", "notes.pdf", "application/pdf", [1]])
    expect(page.get_by_text("There is no photo among these.")).to_be_visible()
    page.evaluate(DROP_FOLDER)
    expect(page.get_by_text("This is a folder: choose the photos in it.")).to_be_visible()
    assert page.evaluate(DROP_FILE, ["[data-drop]", "x.png", "image/png", photo])
    expect(page.locator(".face")).to_have_count(1, timeout=WAIT)


DROP = """async ([zone, files]) => {
  const file = (name, data) => ({
    name, isFile: true, isDirectory: false,
    file: (done) => done(new File([Uint8Array.from(data)], name)),
  });
  const folder = (name, entries) => ({
    name, isFile: false, isDirectory: true,
    createReader: () => {
      const parts = [entries, []];
      return { readEntries: (done) => done(parts.shift()) };
    },
  });
  const entries = Object.entries(files).map(([name, data]) => folder(name, [file("1.png", data)]));
  const dropped = new Event("drop", { cancelable: true });
  dropped.dataTransfer = { items: entries.map((entry) => ({ webkitGetAsEntry: () => entry })) };
  document.querySelector(zone).dispatchEvent(dropped);
}"""


def test_folders_can_be_dropped_and_a_desk_that_is_busy_is_waited_for(
    browser: Browser, desk: Desk, tmp_path: Path
) -> None:
    page, asked = signed_in(browser, desk), list[str]()
    script = SCRIPT.read_text("utf-8").replace("const PAUSE = 5000", "const PAUSE = 50")
    page.route(
        "**/static/folder.js",
        lambda route: route.fulfill(body=script, content_type="text/javascript"),
    )

    def refuse_some(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 2:
            route.fulfill(status=429, body="wait")
        elif len(asked) == 3:
            route.abort()
        else:
            route.continue_()

    page.route("**/g/0/folder", refuse_some)
    page.goto("/g/0/enroll")
    files = {
        name: list(write_pattern(tmp_path / f"{name}.png", number).read_bytes())
        for number, name in ((11, "Ida"), (12, "Joe"))
    }
    page.evaluate(DROP, ["form[data-folder] [data-drop]", files])

    done = page.locator("#folder-results")
    expect(done).to_contain_text("2 photos were enrolled, of 2 people.", timeout=WAIT)
    assert len(asked) == 5
    page.get_by_role("button", name="Undo").first.click()
    expect(page.get_by_role("status").first).to_contain_text("undone: 2 references erased.")
    page.close()


def test_photos_of_somebody_who_is_here_are_added_to_that_name(
    page: Page, desk: Desk, tmp_path: Path
) -> None:
    add(page, "Ria", write_pattern(tmp_path / "1.png", 61))
    expect(page.get_by_label("Name")).to_have_value("")  # for the next person

    add(page, "Maria", write_pattern(tmp_path / "2.png", 61, 2))
    expect(page.get_by_text("Is this somebody who is here already?")).to_be_visible()
    assert_good(page)
    page.get_by_role("button", name="It is Ria").click()

    expect(page.get_by_text("1 photo of Ria was enrolled.")).to_be_visible(timeout=WAIT)
    with desk.state.owner.gallery("default") as opened:
        assert len(opened.remove(labels=["Ria"])) == 2


def test_a_limit_is_found_and_a_report_is_shown(page: Page, staff: Path) -> None:
    page.goto("/g/0/gallery")
    page.get_by_role("link", name="Calibrate and evaluate").press("Enter")
    expect(page.get_by_role("heading", name="How well does it recognise?")).to_be_visible()
    assert_accessible(page)
    page.get_by_label("Drop a folder here").set_input_files(staff)
    page.get_by_role("button", name="Take this folder").click()
    expect(page.get_by_text("3 samples of 3 people")).to_be_visible(timeout=WAIT)

    page.get_by_role("button", name="Take it").click()
    expect(page.get_by_text("48 samples of 12 people")).to_be_visible(timeout=WAIT)
    page.get_by_label("Share of strangers").fill("0.05")
    page.get_by_role("button", name="Find the limit").click()
    expect(page.locator("svg.curve")).to_be_visible(timeout=WAIT)
    page.get_by_text("The same in numbers").click()
    assert_accessible(page)
    assert_fits(page)
    page.get_by_role("button", name="Store this limit").click()
    expect(page.get_by_role("status").first).to_contain_text("from now on")

    page.get_by_role("button", name="Evaluate").click()
    page.wait_for_url("**/accuracy/report")
    expect(page.locator("img.plot")).to_have_count(4)
    widths = page.locator("img.plot").evaluate_all("all => all.map((one) => one.naturalWidth)")
    assert min(widths) > 0
    assert_accessible(page)
    assert_fits(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as a page").click()
    assert "Open-set accuracy on staff.npz" in download.value.path().read_text("utf-8")


def assert_good(page: Page) -> None:
    """Check the look of a page that has just changed."""
    assert_accessible(page)
    assert_fits(page)


def search(page: Page, *photos: Path) -> None:
    """Search with photos by the page Identify."""
    page.goto("/g/0/identify")
    page.get_by_label("Drop photos here").set_input_files(photos)
    expect(page.locator("article")).to_have_count(len(photos), timeout=WAIT)


def add(page: Page, label: str, photo: Path) -> None:
    """Enroll a photo by the page Enroll."""
    page.goto("/g/0/enroll")
    page.get_by_label("Name").fill(label)
    page.get_by_label("Drop photos here").set_input_files(photo)
    page.get_by_role("button", name="Enroll", exact=True).click()
    expect(page.locator("#results .card").first).to_be_visible(timeout=WAIT)


def test_every_state_of_a_page_is_accessible_and_fits_a_phone(
    page: Page, desk: Desk, tmp_path: Path
) -> None:
    sharp, broken = write_pattern(tmp_path / "Una.png", 31), tmp_path / "broken.jpg"
    broken.write_bytes(b"no photo")
    poor = tmp_path / "poor.png"
    Image.open(sharp).resize((40, 40)).save(poor)

    search(page, sharp, poor, broken)
    expect(
        page.get_by_text("This photo is poor. The face is too small: come nearer.")
    ).to_have_count(1)
    assert_good(page)
    add(page, "Una", sharp)
    assert_good(page)
    search(page, sharp)
    expect(page.locator(".face.match")).to_have_count(1)
    assert_good(page)
    add(page, "W" * 200, sharp)
    assert_good(page)
    page.get_by_role("button", name="They are different people").click()
    expect(page.get_by_role("button", name="Undo")).to_have_count(1)
    page.goto("/g/0/enroll")
    expect(page.get_by_text(f"Last enrolled: {'W' * 200}, 1 reference")).to_be_visible()
    assert_good(page)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status").first).to_contain_text("erased again")
    assert_good(page)

    page.goto("/g/0/people")
    page.get_by_role("button", name="Una").click()
    page.get_by_label("Attributes").fill(f"id={'4711' * 20}")
    page.get_by_label("No match from").fill("2001-02-03")
    assert_good(page)
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_role("status")).to_contain_text("The details of Una were changed.")
    assert_good(page)
    page.get_by_label("Search").fill("nobody")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nobody has a name with")).to_be_visible()
    assert_good(page)
    search(page, sharp)
    expect(page.locator(".face.expired")).to_have_count(1)
    assert_good(page)

    for address in ("/g/0/gallery", "/g/0/live", "/g/0/decisions", "/g/0/accuracy"):
        page.goto(address)
        assert_good(page)
    page.goto("/g/0/gallery")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("All is as you stored it.")).to_be_visible(timeout=WAIT)
    assert_good(page)
    assert desk.state.owner.log is not None
    desk.state.owner.log.problem = "no space is left"
    page.reload()
    expect(page.get_by_text("Decisions are not logged")).to_be_visible()
    assert_good(page)
    desk.state.owner.log.problem = None


def without_scripts(route: Route) -> None:
    """Answer with a page as a browser shows it that runs no scripts, where axe-core could not."""
    if route.request.method != "GET":
        route.continue_()
        return
    answer = route.fetch()
    shown = answer.text().replace("<noscript>", "").replace("</noscript>", "")
    route.fulfill(response=answer, body=shown)


def test_pages_without_scripts_are_accessible_and_fit_a_phone(
    browser: Browser, desk: Desk, tmp_path: Path
) -> None:
    page = signed_in(browser, desk)
    page.route("**/static/*.js", lambda route: route.abort())
    for part in ("**/g/0/*", "**/jobs/*"):
        page.route(part, without_scripts)
    for address in ("/g/0/live", "/g/0/enroll", "/g/0/accuracy"):
        page.goto(address)
        expect(page.get_by_text("scripts")).not_to_have_count(0)
        assert_good(page)
    page.goto("/g/0/identify")
    expect(page.get_by_role("button", name="Use the camera")).to_have_count(0)
    page.get_by_label("Drop photos here").set_input_files(write_pattern(tmp_path / "x.png", 51))
    page.get_by_role("button", name="Identify").click()
    expect(page.locator(".face")).to_have_count(1, timeout=WAIT)
    assert_good(page)
    over = threading.Event()
    job = desk.state.jobs.start("default", "Checking", 3, lambda _: str(over.wait(60)))
    page.goto(f"/jobs/{job.identifier}")
    assert_good(page)
    over.set()
    page.get_by_role("link", name="Look again how far it is").click()
    expect(page.get_by_text("True")).to_be_visible()
    page.close()


def test_what_is_refused_is_accessible_and_fits_a_phone(browser: Browser, desk: Desk) -> None:
    owner, kiosk = signed_in(browser, desk), browser.new_page(base_url=desk.address)
    kiosk.set_viewport_size({"width": 320, "height": 700})
    kiosk.set_default_timeout(WAIT)
    kiosk.goto("/enter")
    assert_good(kiosk)
    kiosk.get_by_label("Token").fill("wrong")
    kiosk.get_by_role("button", name="Sign in").click()
    expect(kiosk.get_by_text("The token is unknown, expired or revoked.")).to_be_visible()
    assert_good(kiosk)
    kiosk.get_by_label("Token").fill(desk.state.tokens.issue("kiosk", DeskScope.IDENTIFY))
    kiosk.get_by_role("button", name="Sign in").click()
    kiosk.wait_for_url("**/g/0/identify")
    assert_good(kiosk)
    for address in ("/g/0/people", "/g/7/identify", "/nowhere"):
        kiosk.goto(address)
        assert_good(kiosk)

    owner.goto("/g/0/people")
    owner.get_by_role("button", name="Lock").click()
    expect(owner.get_by_role("heading", name="The desk is locked")).to_be_visible()
    assert_good(owner)
    kiosk.goto("/g/0/live")
    expect(kiosk.get_by_text("Ask the owner to unlock it.")).to_be_visible()
    assert_good(kiosk)
    owner.get_by_label("Passphrase of the key").fill("wrong")
    owner.keyboard.press("Enter")
    expect(owner.get_by_text("This passphrase does not open the key.")).to_be_visible()
    assert_good(owner)
    owner.get_by_label("Passphrase of the key").fill(PASSPHRASE)
    owner.keyboard.press("Enter")
    owner.wait_for_url("**/g/0/people")
    owner.close()
    kiosk.close()


def test_the_log_shows_who_searched(page: Page, tmp_path: Path) -> None:
    page.locator("input[type=file]").set_input_files(write_pattern(tmp_path / "x.png", 21))
    expect(page.locator(".face")).to_have_count(1, timeout=WAIT)

    page.goto("/g/0/gallery")
    page.get_by_role("link", name="Show the log").press("Enter")
    expect(page.locator("tbody tr").first).to_contain_text("owner")
    expect(page.locator("tbody tr").first).to_contain_text("page Identify")
    assert_accessible(page)
    assert_fits(page)
