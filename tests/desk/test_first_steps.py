"""The first start of a desk, by somebody who types nothing but its name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import sync_playwright

from gallery.client import read_key_file
from tests.desk.test_browser import CHROMIUM, assert_accessible
from tests.support.desk_processes import StartedDesk, started_desk
from tests.support.desks import PASSPHRASE
from tests.support.photos import LondonPerson

KEY = Path("data") / "encrypted-face-gallery" / "gallery.key"


@pytest.fixture
def environment(deepface_home: Path, tmp_path: Path) -> dict[str, str]:
    """The environment of a user who has never started the program."""
    ours = {name: text for name, text in os.environ.items() if not name.startswith("GALLERY_")}
    return {**ours, "XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CACHE_HOME": str(tmp_path / "c")}


@contextmanager
def signed_in(desk: StartedDesk) -> Iterator[httpx.Client]:
    """Give a browser that has opened the printed address."""
    with httpx.Client(
        base_url=desk.address.partition("/enter")[0],
        follow_redirects=True,
        trust_env=False,
        timeout=60,
        transport=httpx.HTTPTransport(retries=8),  # the address is printed before it answers
    ) as browser:
        browser.get(desk.address)
        yield browser


def sent(
    browser: httpx.Client, to: str = "/begin", files: dict[str, bytes] | None = None, **fields: str
) -> httpx.Response:
    """Send a form of the page on which the gallery is made."""
    (token,) = set(re.findall(r'name="form_token" value="([^"]+)"', browser.get("/").text))
    data = {"model": "Dlib", "form_token": token, **fields}
    return browser.post(to, data=data, files=files)


def test_a_desk_without_key_and_gallery_leads_to_both(
    environment: dict[str, str], london: list[LondonPerson], tmp_path: Path
) -> None:
    home = tmp_path / "first"
    home.mkdir()
    with started_desk(home, environment=environment) as desk, signed_in(desk) as browser:
        first = browser.get("/")
        assert first.url.path == "/begin"
        assert str(tmp_path / KEY) in first.text
        assert str(home / "gallery.db") in first.text
        assert 'aria-label="Pages"' not in first.text  # there is nothing that they could show
        assert browser.get("/g/0/people").url.path == "/begin"
        for passphrase, again, said in (
            ("", "", "Choose a passphrase."),
            (PASSPHRASE, "other", "The two passphrases differ"),
            ("aaa", "aaa", "is guessed at once"),
        ):
            refused = sent(browser, passphrase=passphrase, again=again)
            assert (refused.status_code, said in refused.text) == (422, True)
        other = sent(browser, model="no model", passphrase=PASSPHRASE, again=PASSPHRASE)
        assert "Choose one of the face models." in other.text
        assert not (tmp_path / KEY).exists()
        assert sorted(path.name for path in home.iterdir()) == ["log"]

        made = sent(browser, passphrase=PASSPHRASE, again=PASSPHRASE)
        assert made.url.path == "/g/0/enroll"
        assert f"Copy the file {tmp_path / KEY} to a safe place" in made.text
        assert "Dlib, faces found by dlib" in browser.get("/g/0/gallery").text
        assert browser.get("/begin").url.path == "/g/0/identify"
        assert "the page makes one" in desk.log.read_text("utf-8")
        faces = {"photos": london[0].neutral.read_bytes()}
        assert sent(browser, "/g/0/enroll", files=faces, label="Ada").status_code == 200
        backup = sent(browser, "/g/0/backup").content
    read_key_file(tmp_path / KEY, PASSPHRASE)

    elsewhere = tmp_path / "second"
    elsewhere.mkdir()
    with started_desk(elsewhere, environment=environment) as desk, signed_in(desk) as browser:
        assert "This machine has a key already." in browser.get("/").text
        assert "does not open the key" in sent(browser, passphrase="wrong").text
        assert not (elsewhere / "gallery.db").exists()
        for damaged in (b"no backup", backup[:-100], b""):
            refused = sent(browser, "/restore", files={"photos": damaged}, passphrase=PASSPHRASE)
            assert (refused.status_code, refused.url.path) == (422, "/restore")
        restored = sent(browser, "/restore", files={"photos": backup}, passphrase=PASSPHRASE)
        assert (restored.url.path, "is restored from the backup" in restored.text) == (
            "/g/0/people",
            True,
        )
        assert "1 person" in restored.text
        assert 'role="alert"></div>' in restored.text  # no alarm: it is the owner who chose it


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_the_first_page_is_accessible_and_fits_a_phone(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with (
        started_desk(tmp_path, environment=environment) as desk,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]) as browser,
    ):
        page = browser.new_page(viewport={"width": 320, "height": 700})
        page.goto(desk.address)
        page.wait_for_url("**/begin")
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
