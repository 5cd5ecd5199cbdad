"""A server that is sent anything at all answers as it says it does, and goes on.

schemathesis makes requests from the OpenAPI document; hypothesis spoils valid messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import psutil
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gallery.client import GalleryClient, GalleryKey
from gallery.messages import (
    DescriptionUpdate,
    GalleryContent,
    GalleryReplacement,
    Manifest,
)
from gallery.messages.stream import write_stream
from gallery.parameters import STANDARD, SWIFT
from gallery.server.http.openapi import MESSAGE, STREAM
from tests.support.galleries import names, random_embeddings
from tests.support.recording import RecordingService
from tests.support.server_process import ServerProcess, make_token, running
from tests.unit.server.http.conftest import a_search

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 12
"""Requests for each operation."""

ROUNDS = 350
"""Spoilt messages for each address."""

GROWTH = 300 * 2**20
"""Bytes by which the process may grow: what a few requests take at a time, and no more."""


@dataclass(frozen=True)
class Target:
    """A server, and valid messages for each of its addresses."""

    server: ServerProcess
    headers: dict[str, str]
    client: httpx.Client
    messages: dict[tuple[str, str], bytes]

    def send(self, where: tuple[str, str], body: bytes) -> httpx.Response:
        method, path = where
        return self.client.request(method, f"{self.server.url}/v1/{path}", content=body)


@pytest.fixture(scope="module", params=[STANDARD, SWIFT], ids=lambda chosen: chosen.name)
def target(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, key: GalleryKey
) -> Iterator[Target]:
    chosen = request.param
    folder = tmp_path_factory.mktemp("server")
    database = f"sqlite:///{folder}/gallery.db"
    token = make_token(database)
    options = ("--cache-size", "64MiB", "--max-request", "16MiB", "--rate", "1000000/second")
    with running(database, folder / "log", *options) as server:
        with server.connected(token) as service:
            recorded = RecordingService(service)
            with GalleryClient.create(
                recorded, key, "staff", dimension=2, parameters=chosen
            ) as client:
                client.enroll(random_embeddings(3, 2), names(3))
                staff = client.description
                manifest = service.manifest(staff.gallery_id)
            update = next(data for call, data in recorded.sent if call == "write")
            search = a_search(service, staff)
        gallery = f"galleries/{staff.gallery_id.hex()}"
        other = replace(staff, gallery_id=bytes(16), name="other")
        content = GalleryContent(other, Manifest(bytes(16), 1, ()).with_mac(bytes(32))).to_bytes()
        messages = {
            ("POST", "galleries"): content,
            ("POST", "restore"): b"".join(write_stream([content])),
            ("POST", f"{gallery}/updates"): update,
            ("POST", f"{gallery}/search"): search,
            ("PUT", f"{gallery}/description"): DescriptionUpdate(staff.mac, staff).to_bytes(),
            ("PUT", f"{gallery}/replacement"): GalleryReplacement(
                manifest.version, other, 1
            ).to_bytes(),
        }
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(headers=headers, timeout=60) as client:
            yield Target(server, headers, client, messages)


# Bodies that are bytes are sent as they are.
schemathesis.serializer.alias([MESSAGE, STREAM], "application/octet-stream")


def test_answers_are_those_of_the_document(target: Target) -> None:
    document = schemathesis.openapi.from_url(f"{target.server.url}/v1/openapi.json")
    operations = [found.ok() for found in document.get_all_operations()]  # type: ignore[union-attr]

    for operation in operations:

        @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            case.call_and_validate(headers=target.headers, checks=CHECKS, timeout=60)

        ask()

    assert len(operations) > 15


LARGE = (bytes(4), b"\xff" * 4, b"\xff\xff\xff\x7f")
HEAD = 300
"""Bytes in which a message's short fields stand."""


def spoilers(message: bytes) -> st.SearchStrategy[tuple[str, object]]:
    """What may happen to a message, in a form that is short to print."""
    places = st.integers(0, len(message) - 1)
    starts = st.integers(0, min(len(message), HEAD) - 1)
    bits = st.integers(0, 7)
    return st.one_of(
        st.tuples(st.just("flip"), st.lists(st.tuples(places, bits), min_size=1, max_size=8)),
        st.tuples(st.just("flip"), st.lists(st.tuples(starts, bits), min_size=1, max_size=3)),
        st.tuples(st.just("cut"), places),
        st.tuples(st.just("append"), st.binary(min_size=1, max_size=100)),
        st.tuples(st.just("overwrite"), st.tuples(starts, st.sampled_from(LARGE))),
        st.tuples(st.just("replace"), st.binary(max_size=500)),
        st.just(("keep", None)),
    )


def spoilt(message: bytes, spoiler: tuple[str, Any]) -> bytes:
    """Return a message after that has happened to it."""
    kind, what = spoiler
    data = bytearray(message)
    if kind == "flip":
        for place, bit in what:
            data[place] ^= 1 << bit
    elif kind == "cut":
        del data[what:]
    elif kind == "append":
        data += what
    elif kind == "overwrite":
        place, value = what
        data[place : place + len(value)] = value
    elif kind == "replace":
        return bytes(what)
    return bytes(data)


def attack(target: Target, where: tuple[str, str], message: bytes, seen: set[int]) -> None:
    """Send spoilt messages to one address; note the statuses."""

    @settings(max_examples=ROUNDS, suppress_health_check=list(HealthCheck))
    @given(spoiler=spoilers(message))
    def send(spoiler: tuple[str, object]) -> None:
        answer = target.send(where, spoilt(message, spoiler))
        assert answer.status_code < 500, answer.text
        seen.add(answer.status_code)

    send()


def test_spoilt_messages_are_refused_and_nothing_piles_up(target: Target) -> None:
    process = psutil.Process(target.server.process.pid)
    seen: dict[tuple[str, str], set[int]] = {}

    for where, message in target.messages.items():
        attack(target, where, message, seen.setdefault(where, set()))
        if where[1] == "galleries":
            before = process.memory_info().rss

    assert all(codes & {400, 404, 409, 422} for codes in seen.values()), seen
    assert process.memory_info().rss - before < GROWTH
    assert httpx.get(f"{target.server.url}/readyz").status_code == 200
    assert target.send(("GET", "galleries"), b"").status_code == 200
    assert [item for item in target.server.records if item["level"] in ("error", "critical")] == []
