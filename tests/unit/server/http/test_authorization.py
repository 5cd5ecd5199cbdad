"""Authorization: every operation, with every scope, inside and outside of its galleries."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import httpx
import pytest

from gallery.messages import (
    DescriptionUpdate,
    GalleryContent,
    GalleryDescription,
    GalleryNames,
    GalleryReplacement,
    Manifest,
)
from gallery.messages.stream import write_stream
from gallery.server.gatekeeper import CACHE_SECONDS, Scope, issue_token
from gallery.store import TokenStore, open_database
from tests.unit.server.http.conftest import Galleries, Prepare

NOBODYS = "ab" * 16
"""Identifier of a gallery that is not there."""


@dataclass(frozen=True)
class Operation:
    """An operation on a gallery, and what it answers to whoever may ask for it.

    The bodies are empty, which is refused after access is checked, so that nothing is changed.
    """

    method: str
    path: str
    scope: Scope
    allowed: int | None

    def on(self, gallery_id: str) -> tuple[str, str]:
        """Return it for a gallery."""
        return self.method, self.path.format(gallery_id=gallery_id, index=0)


OPERATIONS = [
    Operation("GET", "galleries/{gallery_id}/manifest", Scope.SEARCH, 200),
    Operation("GET", "galleries/{gallery_id}/blocks", Scope.SEARCH, 200),
    Operation("GET", "galleries/{gallery_id}/blocks/{index}", Scope.SEARCH, 200),
    Operation("GET", "galleries/{gallery_id}/blocks/{index}/references", Scope.SEARCH, 200),
    Operation("GET", "galleries/{gallery_id}/check-sums", Scope.SEARCH, 200),
    Operation("POST", "galleries/{gallery_id}/search", Scope.SEARCH, 400),
    Operation("POST", "galleries/{gallery_id}/updates", Scope.ENROLL, 400),
    Operation("PUT", "galleries/{gallery_id}/description", Scope.ADMIN, 400),
    Operation("PUT", "galleries/{gallery_id}/replacement", Scope.ADMIN, 400),
    # It has no body that could be wrong; that it is done is another test's.
    Operation("DELETE", "galleries/{gallery_id}", Scope.ADMIN, None),
]
OTHERS = {
    ("GET", "galleries"): Scope.SEARCH,
    ("GET", "descriptions/{name}"): Scope.SEARCH,
    ("POST", "galleries"): Scope.ADMIN,
    ("POST", "restore"): Scope.ADMIN,
    ("POST", "purge"): Scope.ENROLL,
}
"""Operations that name no gallery in their address, or by its name."""


def test_the_tables_hold_every_operation_there_is(shared: Galleries) -> None:
    document = httpx.get(f"{shared.server.url}/v1/openapi.json").json()
    offered = {
        (method.upper(), path.removeprefix("/v1/"))
        for path, methods in document["paths"].items()
        if path.startswith("/v1/")
        for method in methods
    }

    assert offered == {(item.method, item.path) for item in OPERATIONS} | set(OTHERS)


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda item: f"{item.method} {item.path}")
def test_a_scope_opens_an_operation_on_its_own_galleries_alone(
    shared: Galleries, operation: Operation, scope: Scope
) -> None:
    own, others = shared.staff.gallery_id.hex(), shared.guests.gallery_id.hex()
    allowed = scope.allows(operation.scope)

    if operation.allowed is not None or not allowed:
        answer = shared.ask(*operation.on(own), scope.value)
        assert answer.status_code == (operation.allowed if allowed else 403)
    theirs, nobodys = (shared.ask(*operation.on(i), scope.value) for i in (others, NOBODYS))
    assert theirs.status_code == nobodys.status_code == (404 if allowed else 403)
    assert theirs.content == nobodys.content
    assert theirs.headers["content-type"] == nobodys.headers["content-type"]


@pytest.mark.parametrize("path", [*OTHERS, *((item.method, item.path) for item in OPERATIONS)])
@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer"}]
)
def test_nobody_without_a_token_is_answered(
    shared: Galleries, path: tuple[str, str], headers: dict[str, str]
) -> None:
    method, address = path
    address = address.format(gallery_id=shared.staff.gallery_id.hex(), index=0, name="staff")

    answer = httpx.request(method, f"{shared.server.url}/v1/{address}", headers=headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["title"] == "AccessDeniedError"


@pytest.mark.parametrize("scope", Scope)
def test_a_list_shows_the_galleries_of_the_token(shared: Galleries, scope: Scope) -> None:
    listed = GalleryNames.from_bytes(shared.ask("GET", "galleries", scope.value).content)
    everything = GalleryNames.from_bytes(shared.ask("GET", "galleries", "all").content)

    assert listed.names == ("staff",)
    assert everything.names == ("guests", "staff")


def test_a_description_is_found_by_name_in_the_tokens_galleries_alone(shared: Galleries) -> None:
    own, theirs, nobodys = (
        shared.ask("GET", f"descriptions/{name}", "search")
        for name in ("staff", "guests", "nobody")
    )

    assert GalleryDescription.from_bytes(own.content) == shared.staff
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.text.replace("guests", "nobody") == nobodys.text


def empty(description: GalleryDescription) -> GalleryContent:
    return GalleryContent(description, Manifest(description.gallery_id, 1, ()).with_mac(bytes(32)))


def content(description: GalleryDescription) -> bytes:
    return empty(description).to_bytes()


def stream(description: GalleryDescription) -> bytes:
    return b"".join(write_stream([content(description)]))


@pytest.mark.parametrize(("path", "body"), [("galleries", content), ("restore", stream)])
def test_galleries_are_made_by_administrators_with_names_of_their_own(
    shared: Galleries, path: str, body: Callable[[GalleryDescription], bytes]
) -> None:
    # The names are taken: who may make them is told so.
    staff, guests = (
        body(replace(item, gallery_id=bytes(16))) for item in (shared.staff, shared.guests)
    )

    for token in ("search", "enroll"):
        assert shared.ask("POST", path, token, content=staff).status_code == 403
    assert shared.ask("POST", path, "admin", content=staff).status_code == 409
    assert shared.ask("POST", path, "admin", content=guests).status_code == 403
    assert shared.ask("POST", path, "all", content=guests).status_code == 409


def test_erased_data_is_purged_by_whoever_may_remove(shared: Galleries) -> None:
    codes = [shared.ask("POST", "purge", scope.value).status_code for scope in Scope]

    assert codes == [403, 204, 204]


def test_a_tenant_cannot_take_anothers_gallery_or_name(shared: Galleries) -> None:
    own = f"galleries/{shared.staff.gallery_id.hex()}"
    theirs, nobodys = (
        GalleryReplacement(2, replace(shared.staff, gallery_id=item), 2).to_bytes()
        for item in (shared.guests.gallery_id, bytes.fromhex(NOBODYS))
    )
    named = DescriptionUpdate(shared.staff.mac, replace(shared.staff, name="guests"))

    taken, missing = (
        shared.ask("PUT", f"{own}/replacement", "admin", content=body) for body in (theirs, nobodys)
    )
    renamed = shared.ask("PUT", f"{own}/description", "admin", content=named.to_bytes())

    assert taken.status_code == missing.status_code == 404
    assert taken.content == missing.content
    assert renamed.status_code == 403


def test_a_damaged_gallery_does_not_exist_for_others_and_can_be_deleted(prepare: Prepare) -> None:
    with prepare() as galleries:
        with open_database(galleries.server.database) as opened, opened.writing() as connection:
            connection.exec_driver_sql("UPDATE gallery SET manifest = x'00' WHERE name = 'guests'")

        theirs = galleries.guests.gallery_id.hex()
        for operation in OPERATIONS:
            damaged, nobodys = (
                galleries.ask(*operation.on(identifier), "admin")
                for identifier in (theirs, NOBODYS)
            )
            assert damaged.status_code == nobodys.status_code == 404
            assert damaged.content == nobodys.content
        told = galleries.ask("GET", f"galleries/{theirs}/blocks/0", "all")

        assert told.json()["title"] == "MalformedMessageError"
        assert galleries.ask("DELETE", f"galleries/{theirs}", "all").status_code == 204


def test_a_token_that_has_expired_is_refused_at_once(shared: Galleries) -> None:
    with open_database(shared.server.database) as opened:
        expires = int(time.time()) + 4
        token = issue_token(TokenStore(opened), "brief", Scope.SEARCH, expires=expires)
    time.sleep(CACHE_SECONDS)
    address, headers = f"{shared.server.url}/v1/galleries", {"Authorization": f"Bearer {token}"}
    assert httpx.get(address, headers=headers).status_code == 200

    time.sleep(max(0.0, expires - time.time()))

    assert httpx.get(address, headers=headers).status_code == 401


def test_a_revoked_token_is_refused_after_a_moment(shared: Galleries) -> None:
    token = shared.server.token("to be revoked")
    address, headers = f"{shared.server.url}/v1/galleries", {"Authorization": f"Bearer {token}"}
    time.sleep(CACHE_SECONDS)
    assert httpx.get(address, headers=headers).status_code == 200

    with open_database(shared.server.database) as opened:
        assert TokenStore(opened).revoke("to be revoked", int(time.time()))
    time.sleep(CACHE_SECONDS)

    assert httpx.get(address, headers=headers).status_code == 401
