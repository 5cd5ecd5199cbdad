"""Everything that is done is in the audit log before its answer is complete, or is not answered."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from gallery.client import GalleryClient, GalleryKey
from gallery.client.transport import AccessToken, RemoteService
from gallery.errors import DatabaseError, GalleryExistsError, WriteConflictError
from gallery.messages import GalleryContent, GalleryUpdate, Manifest, SearchRequest
from gallery.messages.stream import read_stream
from gallery.server.audit_log import Action
from tests.support.galleries import names, random_embeddings
from tests.unit.server.http.conftest import Galleries, Prepare


def test_each_operation_leaves_one_row(
    prepare: Prepare, key: GalleryKey, other_key: GalleryKey, tmp_path: Path
) -> None:
    with prepare() as galleries:
        begin = len(galleries.events())
        token = AccessToken(galleries.tokens["all"])
        service = RemoteService(galleries.server.url, token)
        with GalleryClient.create(service, key, "new", dimension=2) as client:
            new = client.description.gallery_id
            client.enroll(random_embeddings(2, 2), names(2))
            client.identify(random_embeddings(3, 2), threshold=0.1)
            client.remove(["person 0"])
            client.export(tmp_path / "backup")
            service.delete(new)
        GalleryClient.restore(service, key, tmp_path / "backup").close()
        service.purge()
        service.close()
        events = galleries.events()[begin:]

    rows = [(item.action, item.gallery, item.probes, item.blocks) for item in events]
    done = [row for row in rows if row[0] != Action.READ]
    assert [row for row in done if row[0] != Action.PURGE] == [
        (Action.CREATE, "new", 0, 0),
        (Action.WRITE, "new", 0, 1),
        (Action.SEARCH, "new", 3, 0),
        (Action.WRITE, "new", 0, 1),
        (Action.DELETE, "new", 0, 0),
        (Action.RESTORE, "new", 0, 1),
    ]
    assert rows[-1] == (Action.PURGE, None, 0, 0)
    assert (Action.READ, "new", 0, 1) in rows
    assert {(item.token_name, item.result) for item in events} == {("all", "ok")}
    assert {item.gallery_id for item in events if item.gallery} == {new}
    assert len({item.request_id for item in events}) == len(events)


def test_replacing_and_describing_anew_are_recorded(prepare: Prepare, key: GalleryKey) -> None:
    with prepare() as galleries:
        begin = len(galleries.events())
        service = RemoteService(galleries.server.url, AccessToken(galleries.tokens["all"]))
        staff, guests = galleries.staff, galleries.guests
        with pytest.raises(WriteConflictError):
            service.replace(staff.gallery_id, 77, replace(guests, name="staff"), 2)
        with pytest.raises(WriteConflictError):
            service.update_description(bytes(32), staff)
        service.close()
        rows = [(item.action, item.result) for item in galleries.events()[begin:]]

    assert rows == [(Action.REPLACE, "WriteConflictError"), (Action.WRITE, "WriteConflictError")]


def reads(galleries: Galleries) -> dict[str, str]:
    """Return all that can be read, as paths of the document of the addresses, and of ``staff``."""
    document = httpx.get(f"{galleries.server.url}/v1/openapi.json").json()
    found = [path.removeprefix("/v1/") for path, ways in document["paths"].items() if "get" in ways]
    names = {"gallery_id": galleries.staff.gallery_id.hex(), "index": 0, "name": "staff"}
    return {path: path.format(**names) for path in found if not path.startswith("/")}


def test_each_kind_of_read_leaves_a_row(shared: Galleries) -> None:
    paths = reads(shared)
    assert len(paths) == 7
    for path, address in paths.items():
        begin = len(shared.events())
        answer = shared.ask("GET", address, "search")
        (event,) = shared.events()[begin:]

        assert answer.status_code == 200
        assert event.request_id == answer.headers["x-request-id"]
        assert (event.action, event.token_name, event.result) == (Action.READ, "search", "ok")
        assert event.blocks == ("{index}" in path)
        assert event.gallery == (None if path == "galleries" else "staff")
        assert event.gallery_id == (None if path == "galleries" else shared.staff.gallery_id)


@pytest.mark.parametrize("what", ["", "/references"])
def test_a_read_of_what_is_not_there_leaves_a_row(shared: Galleries, what: str) -> None:
    begin = len(shared.events())
    path = f"galleries/{shared.staff.gallery_id.hex()}/blocks/99{what}"
    answer = shared.ask("GET", path, "search")

    assert answer.status_code == 404
    (event,) = shared.events()[begin:]
    assert (event.action, event.result) == (Action.READ, "MissingBlockError")


def test_what_fails_is_recorded_with_the_name_of_its_error(prepare: Prepare) -> None:
    with prepare() as galleries:
        begin = len(galleries.events())
        service = RemoteService(galleries.server.url, AccessToken(galleries.tokens["all"]))
        staff = galleries.staff
        empty = Manifest(staff.gallery_id, 1, ()).with_mac(bytes(32))
        with pytest.raises(GalleryExistsError):
            service.create_gallery(
                replace(staff, gallery_id=bytes(16)), replace(empty, gallery_id=bytes(16))
            )
        with pytest.raises(WriteConflictError):
            service.write(staff.gallery_id, GalleryUpdate(7, empty, ()))
        service.close()
        galleries.search(content=galleries.request[:-1])
        asked = SearchRequest.from_bytes(galleries.request)
        wrong = tuple(replace(probe, key_id=bytes(16)) for probe in asked.probes)
        galleries.search(content=SearchRequest(asked.gallery_id, wrong, {}).to_bytes())
        rows = [(item.action, item.gallery, item.result) for item in galleries.events()[begin:]]

    assert rows == [
        (Action.CREATE, "staff", "GalleryExistsError"),
        (Action.WRITE, "staff", "WriteConflictError"),
        (Action.SEARCH, "staff", "MalformedMessageError"),
        (Action.SEARCH, "staff", "KeyMismatchError"),
    ]


def test_what_a_token_is_not_for_is_recorded_as_denied(shared: Galleries) -> None:
    begin = len(shared.events())
    staff, guests = (item.gallery_id.hex() for item in (shared.staff, shared.guests))
    empty = Manifest(bytes(16), 1, ()).with_mac(bytes(32))
    content = GalleryContent(replace(shared.guests, gallery_id=bytes(16)), empty).to_bytes()

    asked = {"X-Request-ID": "curious"}
    shared.ask("DELETE", f"galleries/{staff}", "search", headers=asked)
    shared.ask("GET", f"galleries/{guests}/manifest", "search", headers=asked)
    shared.ask("GET", "descriptions/guests", "search", headers=asked)
    shared.ask("POST", "galleries", "admin", headers=asked, content=content)
    events = shared.events()[begin:]

    assert {(item.action, item.result, item.request_id) for item in events} == {
        (Action.DENIED, "AccessDeniedError", "curious")
    }
    assert [(item.token_name, item.gallery) for item in events] == [
        ("search", None),
        ("search", "guests"),
        ("search", "guests"),
        ("admin", "guests"),
    ]


@pytest.fixture
def unrecorded(prepare: Prepare, tmp_path: Path) -> object:
    """A server whose audit log cannot be written any more."""
    with prepare() as galleries:
        with closing(sqlite3.connect(tmp_path / "gallery.db")) as connection, connection:
            connection.execute("ALTER TABLE audit RENAME TO gone")
        yield galleries


def test_a_search_that_cannot_be_recorded_is_not_completed(unrecorded: Galleries) -> None:
    answer = unrecorded.search()

    assert answer.status_code == 200
    messages = read_stream(Readable(answer.content), 2**30)
    next(messages)
    with pytest.raises(DatabaseError, match="its log says how"):
        list(messages)


def test_nothing_else_is_confirmed_that_cannot_be_recorded(unrecorded: Galleries) -> None:
    gallery = f"galleries/{unrecorded.staff.gallery_id.hex()}"

    answers = [unrecorded.ask("GET", address) for address in reads(unrecorded).values()]
    answers.append(unrecorded.ask("DELETE", gallery, "search"))
    answers.append(unrecorded.ask("POST", "purge"))

    assert [answer.status_code for answer in answers] == [503] * 9
    assert {answer.json()["title"] for answer in answers} == {"DatabaseError"}


class Readable:
    """Bytes as what a stream is read from."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)

    def read(self, size: int) -> bytes:
        taken, self._data = bytes(self._data[:size]), self._data[size:]
        return taken
