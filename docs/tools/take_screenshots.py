"""Takes the screenshots of the owner's desk that the documents show.

``python docs/tools/take_screenshots.py PHOTOS`` with a folder of the Face Research Lab London Set
(DeBruine & Jones 2017, CC BY 4.0; https://doi.org/10.6084/m9.figshare.5047666), whose faces are on
them. It starts a desk over a new gallery and opens it in Chromium.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, sync_playwright

IMAGES = Path(__file__).resolve().parents[1] / "images"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def gallery(folder: Path, *arguments: str) -> list[str]:
    """Return a command on a gallery in a folder."""
    key, database = folder / "key", f"sqlite:///{folder / 'gallery.db'}"
    command = [sys.executable, "-m", "gallery", *arguments, "--key", str(key)]
    return command if arguments[0] == "key" else [*command, "--database", database]


def three_people(photos: Path) -> bytes:
    """Return a photo of two people who are enrolled, and a stranger between them."""
    pictures = [Image.open(photos / f"{name}.jpg") for name in ("001_smiling", "006_neutral")]
    pictures.append(Image.open(photos / "002_smiling.jpg"))
    whole = Image.new("RGB", (sum(picture.width for picture in pictures), pictures[0].height))
    for number, picture in enumerate(pictures):
        whole.paste(picture, (number * pictures[0].width, 0))
    written = io.BytesIO()
    whole.save(written, "JPEG", quality=92)
    return written.getvalue()


def enroll(page: Page, label: str, photo: Path) -> None:
    """Enroll a person by the page."""
    page.goto("/g/0/enroll")
    page.get_by_label("Name").fill(label)
    page.get_by_label("Drop photos here").set_input_files(photo)
    page.get_by_role("button", name="Enroll", exact=True).click()
    page.get_by_text("was enrolled").wait_for()


def keep(page: Page, name: str, part: Locator | None = None) -> None:
    """Write a screenshot of a page or a part of it in few colours, in light and dark."""
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        taken = page.screenshot(full_page=True) if part is None else part.screenshot()
        picture = Image.open(io.BytesIO(taken))
        picture.convert("RGB").save(IMAGES / f"desk-{name}-{scheme}.webp", quality=80)


def write_set(folder: Path) -> None:
    """Write embeddings of people who are easy to tell apart, for a calibration."""
    generator = np.random.default_rng(1)
    people = generator.normal(size=(60, 1, 128)) + generator.normal(scale=0.6, size=(60, 5, 128))
    labels = np.repeat(np.arange(60).astype(str), 5)
    folder.mkdir()
    np.savez(folder / "staff.npz", embeddings=people.reshape(-1, 128), labels=labels)


def write_folder(folder: Path, photos: Path) -> None:
    """Write a folder of people, one of whom has a second name."""
    people = {
        "Emmy Noether": "007_neutral",
        "Countess": "001_smiling",
        "Marie Curie": "008_neutral",
    }
    for label, photo in people.items():
        (folder / label).mkdir(parents=True)
        shutil.copy(photos / f"{photo}.jpg", folder / label)


def take(page: Page, photos: Path, folder: Path) -> None:
    """Do a little work at the desk, and keep what it looks like."""
    for label, number in (("Ada Lovelace", "001"), ("Grace Hopper", "002")):
        enroll(page, label, photos / f"{number}_neutral.jpg")
    photo = folder / "lobby.jpg"
    photo.write_bytes(three_people(photos))
    page.goto("/g/0/identify")
    page.get_by_label("Drop photos here").set_input_files(photo)
    page.locator(".face").nth(2).wait_for()
    keep(page, "identify")
    page.goto("/g/0/people")
    keep(page, "people")
    write_folder(folder / "staff", photos)
    page.goto("/g/0/enroll")
    page.get_by_label("Drop a folder here").set_input_files(folder / "staff")
    page.get_by_role("button", name="Enroll the folder").click()
    page.locator("#folder-done").wait_for()
    keep(page, "folder", page.locator("#folder-results"))
    page.goto("/g/0/accuracy")
    page.get_by_role("button", name="Take it").click()
    page.get_by_role("button", name="Find the limit").click()
    page.locator("svg.curve").wait_for()
    keep(page, "accuracy", page.locator("section", has=page.locator("svg.curve")))


def main(photos: Path) -> None:
    """Start a desk, use it and end it."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        subprocess.run(gallery(folder, "key", "new", "--no-passphrase"), check=True)
        subprocess.run(gallery(folder, "init", "--model", "Dlib"), check=True)
        write_set(folder / "sets")
        options = ("--port", "0", "--thumbnails", "--sets", str(folder / "sets"))
        desk = subprocess.Popen(
            gallery(folder, "desk", *options), stdout=subprocess.PIPE, text=True
        )
        try:
            assert desk.stdout is not None
            address = desk.stdout.readline().strip()
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            base = address.partition("/enter")[0]
            page = browser.new_page(base_url=base, viewport={"width": 1100, "height": 700})
            page.set_default_timeout(120_000)
            page.goto(address)
            page.wait_for_url("**/identify")
            take(page, photos, folder)
            browser.close()
        finally:
            desk.terminate()
            desk.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
