"""Failures around a running desk: its files, its server and its decoder go away."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest

from gallery.client import GalleryClient, GalleryKey
from gallery.client.transport import AccessToken, RemoteService, http_connection
from gallery.desk.access.scopes import DeskScope
from gallery.server.gatekeeper import Scope
from tests.support.desks import PASSPHRASE, Desk, open_desk
from tests.support.galleries import random_embeddings
from tests.support.serving import serving

API = "/v1/galleries/default"


def enroll(program: httpx.Client, label: str, seed: int) -> httpx.Response:
    body = {"label": label, "embeddings": random_embeddings(1, 8, seed=seed).tolist()}
    return program.post(f"{API}/enroll", json=body)


def people(program: httpx.Client) -> list[str]:
    return [item["label"] for item in program.get(f"{API}/people").json()]


def test_a_database_that_is_gone_takes_nothing_and_is_told_without_its_place(
    desk: Desk, database: str
) -> None:
    path = Path(database.removeprefix("sqlite:///"))
    owner, door = desk.program(DeskScope.MANAGE), desk.program(DeskScope.ENROLL)
    assert enroll(owner, "Ada", 1).status_code == 200
    path.rename(path.with_name("aside.db"))

    told, hidden = enroll(owner, "Bea", 2), enroll(door, "Bea", 2)

    assert (told.status_code, hidden.status_code) == (503, 503)
    assert "was moved, deleted or replaced" in told.json()["detail"]
    assert path.name not in hidden.text and str(path.parent) not in hidden.text
    assert owner.get("/healthz").status_code == 200
    path.with_name("aside.db").rename(path)
    assert enroll(owner, "Cid", 3).status_code == 200
    assert people(owner) == ["Ada", "Cid"]


def test_a_key_file_that_is_gone_while_the_desk_is_locked_is_told(
    desk: Desk, tmp_path: Path
) -> None:
    browser, path = desk.browser(), tmp_path / "desk.key"
    desk.state.owner.lock()
    path.rename(tmp_path / "aside.key")

    told = browser.post("/unlock", data={"passphrase": PASSPHRASE})

    assert told.status_code == 403
    assert "There is no key file at" in told.text
    assert desk.state.owner.is_locked
    (tmp_path / "aside.key").rename(path)
    assert browser.post("/unlock", data={"passphrase": PASSPHRASE}).status_code == 200


def test_a_server_that_is_down_is_told_and_its_return_is_enough(
    database: str, key: GalleryKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_connection, "_RETRY_SECONDS", 0.2)
    with ExitStack() as desks:
        with serving(database) as server:
            url, token = server.url, server.token("owner", Scope.ADMIN)
            service = desks.enter_context(closing(RemoteService(url, AccessToken(token))))
            GalleryClient.create(service, key, dimension=8, threshold=0.3).close()
            desk = desks.enter_context(open_desk(service, key, tmp_path))
            owner, kiosk = desk.program(DeskScope.MANAGE), desk.program(DeskScope.IDENTIFY)
            assert enroll(owner, "Ada", 1).status_code == 200
        probe = {"embeddings": random_embeddings(1, 8, seed=1).tolist()}

        told = owner.post(f"{API}/identify", json=probe)
        hidden = kiosk.post(f"{API}/identify", json=probe)

        assert (told.status_code, hidden.status_code) == (502, 502)
        assert "no answer from the server" in told.json()["detail"]
        assert url not in hidden.text
        assert owner.get("/healthz").status_code == 200
        with serving(database, port=int(url.rpartition(":")[2])):
            found = owner.post(f"{API}/identify", json=probe)
            assert found.json()["results"][0]["faces"][0]["label"] == "Ada"
