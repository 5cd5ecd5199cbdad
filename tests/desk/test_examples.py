"""The examples of the desk's page in the documents, against a desk that runs."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import sync_playwright

from gallery.desk.access.scopes import DeskScope
from tests.support.desks import Desk
from tests.support.documents import DOCS, blocks_of
from tests.support.galleries import random_embeddings
from tests.support.photos import LondonPerson

ADDRESS = "http://127.0.0.1:8480"
NODE = shutil.which("node")
CURL = shutil.which("curl")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

ADA = {"embeddings": random_embeddings(1, 8).tolist()}


def example(desk: Desk, language: str, holds: str) -> str:
    """Return the one example of a language that holds some text, for a desk's own address."""
    (found,) = [code for code in blocks_of(DOCS / "desk.md", language) if holds in code]
    return found.replace(ADDRESS, desk.address)


@pytest.fixture
def token(
    photo_desk: Desk,
    london: list[LondonPerson],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """A token of a desk that knows Ada, whose other photo lies in the working folder."""
    person = london[0]
    files = {"photos": ("ada.jpg", person.neutral.read_bytes(), "image/jpeg")}
    owner = photo_desk.program(DeskScope.ENROLL)
    owner.post("/v1/galleries/default/enroll", data={"label": "Ada"}, files=files)
    shutil.copy(person.smiling, tmp_path / "visitor.jpg")
    monkeypatch.chdir(tmp_path)
    return photo_desk.state.tokens.issue("door", DeskScope.IDENTIFY)


def test_the_examples_find_ada(
    photo_desk: Desk, token: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    python = example(photo_desk, "python", 'open("visitor.jpg"')
    exec(compile(python, "example", "exec"), {"token": token})
    assert capsys.readouterr().out == "match Ada\n"

    environment = {"TOKEN": token, "PATH": os.environ["PATH"]}
    if CURL is not None:
        curl = example(photo_desk, "sh", "photos=@visitor.jpg")
        done = subprocess.run(["sh", "-c", curl], env=environment, capture_output=True)
        (found,) = json.loads(done.stdout)["results"]
        assert [face["label"] for face in found["faces"]] == ["Ada"]

    if NODE is not None:
        script = tmp_path / "example.mjs"
        script.write_text(example(photo_desk, "js", "visitor.jpg"))
        ran = subprocess.run([NODE, script], env=environment, capture_output=True, text=True)
        assert ran.stdout == "match Ada\n", ran.stderr


# --- live results ---------------------------------------------------------------------------------


@dataclass
class Listening:
    """Examples that listen, and what they have printed."""

    desk: Desk
    environment: dict[str, str]
    folder: Path
    heard: queue.Queue[str] = field(default_factory=queue.Queue)
    processes: list[subprocess.Popen[str]] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)

    def run(self, *command: str) -> None:
        """Run a program that listens."""
        process = subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, text=True, cwd=self.folder
        )
        self.processes.append(process)

        def read() -> None:
            for line in process.stdout or ():
                if "Ada" in line:
                    self.heard.put(line)

        self.begin(read)

    def begin(self, work: Callable[[], object]) -> None:
        """Do something meanwhile."""
        self.threads.append(threading.Thread(target=work))
        self.threads[-1].start()

    def wait_for(self, listeners: int) -> None:
        """Wait until so many listen."""
        while self.desk.state.listeners.count < listeners:
            time.sleep(0.01)

    def end(self) -> None:
        """End the streams; each program ends then."""
        self.desk.state.stopping.set()
        for thread in self.threads:
            thread.join()
        for process in self.processes:
            with process:  # waits, and closes its pipe
                pass


def test_the_examples_hear_what_the_door_finds(
    desk: Desk, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    token = desk.state.tokens.issue("door", DeskScope.IDENTIFY)
    owner, camera = desk.program(DeskScope.ENROLL), desk.program()
    owner.post("/v1/galleries/default/enroll", json={"label": "Ada", **ADA})
    camera.headers["Authorization"] = f"Bearer {token}"
    listening = Listening(desk, {"TOKEN": token, "PATH": os.environ["PATH"]}, tmp_path)
    request.addfinalizer(listening.end)

    names = {"token": token, "httpx": httpx, "print": lambda *said: listening.heard.put(str(said))}
    python = compile(example(desk, "python", "/events"), "example", "exec")
    listening.begin(lambda: exec(python, names))
    if CURL is not None:
        listening.run("sh", "-c", example(desk, "sh", "/events"))
    if NODE is not None:
        (tmp_path / "example.mjs").write_text(example(desk, "js", "TextDecoderStream"))
        listening.run(NODE, "example.mjs")
    count = 1 + (CURL is not None) + (NODE is not None)
    listening.wait_for(count)
    camera.post("/v1/galleries/default/identify", json=ADA)

    assert all("Ada" in listening.heard.get(timeout=60) for _ in range(count))


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_a_page_hears_what_anybody_finds(desk: Desk) -> None:
    owner, kiosk = desk.program(DeskScope.ENROLL), desk.program(DeskScope.IDENTIFY)
    owner.post("/v1/galleries/default/enroll", json={"label": "Ada", **ADA})
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{desk.address}/enter?secret={desk.state.sessions.launch_secret}")
        page.wait_for_url("**/g/0/identify")
        page.evaluate(example(desk, "js", "EventSource"))
        with page.expect_console_message(timeout=60_000) as said:
            while not desk.state.listeners.count:
                page.wait_for_timeout(10)
            kiosk.post("/v1/galleries/default/identify", json=ADA)
        assert said.value.text == "match Ada"
        browser.close()
