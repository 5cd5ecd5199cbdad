"""``gallery desk`` as a process: what it tells operators, and how it ends."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from gallery.client import GalleryClient, GalleryKey, write_key_file
from gallery.desk.access.scopes import DeskScope
from gallery.desk.access.tokens import TokenFile
from gallery.server import EmbeddedService
from tests.support.desk_processes import started_desk
from tests.support.desks import FAST, PASSPHRASE
from tests.support.galleries import random_embeddings

API = "/v1/galleries/default"
LABEL = "Ada Lovelace of Marylebone"


@dataclass(frozen=True)
class DeskProcess:
    """A desk that runs, unlocked; its log, and a program that may manage."""

    process: subprocess.Popen[str]
    log: Path
    program: httpx.Client

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Tell it to end; return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)

    @property
    def records(self) -> list[dict[str, object]]:
        """The lines of its log that are JSON."""
        lines = self.log.read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


@pytest.fixture
def database_file(tmp_path: Path) -> Path:
    """Where the fixture `database` has its file."""
    return tmp_path / "gallery.db"


@contextmanager
def running(folder: Path, database: str, key: GalleryKey) -> Iterator[DeskProcess]:
    """Run a desk on a database, with a key file in a folder."""
    write_key_file(folder / "owner.key", key, PASSPHRASE, FAST)
    (folder / "passphrase").write_text(PASSPHRASE)
    token = TokenFile(folder / "owner.key.desk-tokens").issue("manager", DeskScope.MANAGE)
    words = ["--key", "owner.key", "--passphrase-file", "passphrase"]
    with started_desk(folder, *words, "--verbose", "--database", database) as desk:
        address = desk.address.partition("/enter")[0]
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(
            base_url=address, headers=headers, trust_env=False, timeout=60
        ) as program:
            while True:
                try:
                    program.get("/healthz")
                    break
                except httpx.TransportError:
                    assert desk.process.poll() is None, desk.log.read_text("utf-8")
                    time.sleep(0.05)
            yield DeskProcess(desk.process, desk.log, program)


@pytest.fixture
def desk_process(
    service: EmbeddedService, database: str, key: GalleryKey, tmp_path: Path
) -> Iterator[DeskProcess]:
    GalleryClient.create(service, key, dimension=8, threshold=0.3).close()
    with running(tmp_path, database, key) as desk:
        yield desk


def test_what_operators_see_names_nobody_and_no_distance(desk_process: DeskProcess) -> None:
    program, known = desk_process.program, random_embeddings(1, 8).tolist()
    stranger = httpx.Client(base_url=program.base_url, trust_env=False)
    enrolled = program.post(f"{API}/enroll", json={"label": LABEL, "embeddings": known})
    probe = [[value + number / 10 for number, value in enumerate(known[0])]]
    found = program.post(f"{API}/identify", json={"embeddings": probe})
    program.delete(f"{API}/people", params={"label": LABEL})
    program.post("/v1/galleries/Ada%20Lovelace/identify", json={"embeddings": known})
    with stranger:
        assert stranger.get("/healthz").json() == {"status": "ok"}
        assert stranger.get("/metrics").status_code == 401
        assert stranger.request("ADA-LOVELACE", "/Ada").status_code >= 400
    figures = program.get("/metrics")
    distance = str(found.json()["results"][0]["faces"][0]["distance"])

    assert enrolled.status_code == found.status_code == 200
    assert figures.headers["content-type"].startswith("text/plain")
    assert set(re.findall(r'(\w+)="', figures.text)) == {"method", "route", "stage", "status", "le"}
    assert re.search(
        r'gallery_desk_requests_total\{method="POST",route="[^"]*identify",status="200"\} 1.0',
        figures.text,
    )
    assert desk_process.stop() == 0
    said = desk_process.log.read_text("utf-8") + figures.text
    requests = [item for item in desk_process.records if item["event"] == "request"]
    assert len(requests) >= 8
    assert {item["logger"] for item in desk_process.records} == {"gallery.desk"}
    for secret in ("Ada", "Lovelace", "LOVELACE", distance, "127.0.0.1", str(known[0][0])[:8]):
        assert secret not in said.replace(str(program.base_url), ""), secret
    assert {"method", "route", "status", "seconds"} <= set(requests[0])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_desk_ends_by_one_signal(desk_process: DeskProcess, number: signal.Signals) -> None:
    desk_process.program.close()  # else it would wait for this connection

    assert desk_process.stop(number) == (0 if number == signal.SIGINT else 129)


def test_a_second_interrupt_ends_a_desk_at_once_whatever_is_under_way(
    desk_process: DeskProcess, database_file: Path
) -> None:
    body = {"label": LABEL, "embeddings": random_embeddings(1, 8).tolist()}

    def enroll() -> None:
        with pytest.raises(httpx.TransportError):
            desk_process.program.post(f"{API}/enroll", json=body)

    with closing(sqlite3.connect(database_file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")  # who writes waits for half a minute
        enrolling = threading.Thread(target=enroll)
        enrolling.start()
        while b"in_flight 2.0" not in desk_process.program.get("/metrics").content:
            time.sleep(0.05)
        desk_process.process.send_signal(signal.SIGINT)
        with pytest.raises(httpx.TransportError):  # it takes no more connections
            while True:
                httpx.get(f"{desk_process.program.base_url}/healthz", trust_env=False)

        assert desk_process.process.poll() is None
        assert desk_process.stop(signal.SIGINT) == -signal.SIGINT
        enrolling.join()
        other.rollback()
